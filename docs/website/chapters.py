"""The textbook's chapters as pages: what `kmm lesson NAME` prints, for a browser.

Code, runs and what commands print are the same text.  A question's answers are folded,
so that a reader can decide before looking, and terms lead to the glossary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kmm.course import lessons, parts
from kmm.course.code import excerpt
from kmm.course.glossary import glossary
from kmm.course.lesson import (
    Block,
    Code,
    Console,
    Lesson,
    Motion,
    Option,
    Prose,
    Question,
    Table,
    Toggle,
)
from kmm.course.text import LETTERS

from .exercises import exercises_of
from .prose import linked, literal, slug, without_tags

BOLD = re.compile(r"\*\*(?P<term>[^*\n]+)\*\*")
RIGHT, WRONG = "Right.", "Wrong."


def chapters() -> Mapping[str, str]:
    """The pages: the contents of the course, and its lessons."""
    pages = {f"lessons/{lesson.name}": chapter(lesson) for lesson in lessons()}
    return {"lessons/index": contents(), **pages}


def contents() -> str:
    chunks = [
        "# The lessons",
        "From a page walk to what Linux did next, in the order in which the words are "
        "explained.\n"
        "These are the texts; in the terminal (`kmm` alone opens it) one also steps "
        "through the runs, and has searches run ([how](../textbook.md)).\n"
        "`kmm lesson NAME` prints a chapter as plain text.",
    ]
    for part in parts():
        chunks.append(f"## {part.title}")
        chunks.append(
            "\n".join(
                f"{lesson.number}. [{lesson.title}]({lesson.name}.md): "
                f"{lesson.abstract}"
                for lesson in part.lessons
            )
        )
    return "\n\n".join(chunks) + "\n"


def chapter(lesson: Lesson) -> str:
    chunks = [f"# {lesson.number}. {lesson.title}", f"*{lesson.abstract}*"]
    chunks.append(in_the_terminal(lesson))
    for section in lesson.sections:
        chunks.append(f"## {section.heading}")
        for block in section.blocks:
            chunks += block_chunks(lesson, block)
    chunks += in_the_classroom(lesson)
    return "\n\n".join(chunks) + "\n"


def in_the_terminal(lesson: Lesson) -> str:
    """How to do this lesson rather than read it, and what it builds on."""
    titles = {other.name: other.title for other in lessons()}
    needs = ", ".join(f"[{titles[name]}]({name}.md)" for name in lesson.needs)
    before = f"Read before: {needs}. " if needs else ""
    return f"{before}In the terminal: `kmm --open {lesson.name}`."


def in_the_classroom(lesson: Lesson) -> Iterator[str]:
    """The exercises that are handed in and judged, below the lesson's own."""
    links = [
        f"[{one.title}](../exercises.md#{slug(one.title)})"
        for one in exercises_of(lesson)
    ]
    if links:
        yield f"In the classroom, judged by a proof: {', '.join(links)}."


def block_chunks(lesson: Lesson, block: Block) -> Iterator[str]:
    match block:
        case Prose(text):
            yield prose(text)
        case Table(text):
            yield prose(text)
        case Code():
            yield code(block)
        case Question():
            yield from question(block)
        case Motion():
            yield literal(lesson.transcript.read_text(encoding="utf-8"))
            yield f"Step through it: `kmm --open {lesson.name}`, `tab` and `enter`."
        case Toggle():
            yield toggle(block)
        case Console(command, output):
            yield literal(f"$ {command}\n{output}", "console")


def prose(text: str) -> str:
    return linked(BOLD.sub(term, text))


def term(bold: re.Match[str]) -> str:
    """A term in bold leads to the glossary, which may have it in the singular."""
    text = bold["term"]
    singular = (text.removesuffix("s"), re.sub("ies$", "y", text))
    for name in (text, *singular, text.lower()):
        if name in glossary():
            return f"**{{term}}`{text} <{name}>`**"
    return bold[0]


def code(block: Code) -> str:
    """The source with its line numbers, and the line to look at marked."""
    found = excerpt(block)
    options = [f":lineno-start: {found.first}"]
    if found.marked is not None:
        options.append(f":emphasize-lines: {found.marked - found.first + 1}")
    title = f"{{py:obj}}`{found.name}` ({found.file})"
    return "\n".join(
        [title, "", "```{code-block} python", *options, "", *found.lines, "```"]
    )


def question(block: Question) -> Iterator[str]:
    yield prose(block.asks)
    for letter, option in zip(LETTERS, block.options, strict=False):
        yield folded(
            f"{letter}. {prose(without_tags(option.text))}", answer(option), "answer"
        )


def answer(option: Option) -> str:
    verdict = RIGHT if option.is_right else WRONG
    return f"**{verdict}** {prose(without_tags(option.why))}"


def folded(summary: str, text: str, kind: str, *, is_open: bool = False) -> str:
    """Text that shows when its summary is clicked, without a script."""
    return "\n\n".join(
        [
            f'<details class="{kind}"{" open" if is_open else ""}><summary>',
            summary,
            "</summary>",
            text,
            "</details>",
        ]
    )


def toggle(block: Toggle) -> str:
    """What each kernel makes of the race, and how to see it."""
    rows = [f"| `{block.race}` on | ends | see it |", "| --- | --- | --- |"]
    for kernel, verdict in block.expected:
        command = "prove" if verdict == "proved" else "hunt"
        rows.append(
            f"| {kernel} | **{verdict}** | `kmm {command} {block.race} "
            f"--kernel {kernel}` |"
        )
    return "\n".join(rows)
