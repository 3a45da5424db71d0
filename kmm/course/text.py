"""A lesson as plain text: for pipes, screen readers, and whoever likes it so.

Nothing is drawn that does not read well aloud.  Prose is filled to the width that there
is, and a line of code that is too long for it goes on further right; drawings and what
commands print stay as they are.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from .code import excerpt
from .lesson import (
    Block,
    Code,
    Console,
    Lesson,
    Motion,
    Prose,
    Question,
    Section,
    Table,
    Toggle,
)
from .tables import table_lines

LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
EMPHASIS = re.compile(r"\*\*(.+?)\*\*")
ITEM = re.compile(r"^(?P<mark>\s*(?:[-*]|\d+\.) )(?P<text>.*)$")
VERBATIM = (">", "    ", "#")  # what lines begin with that are left as they are
LETTERS = "abcdefgh"
USUAL = 80  # columns of commands
GUTTER = 8  # columns before a line of code
HANG = 4  # a broken line of code goes on this much further right than it began


def lesson_text(lesson: Lesson, width: int = 80, *, answers: bool = False) -> str:
    """The whole lesson; with `answers`, also which option of a question is right."""
    title = f"{lesson.number}. {lesson.title}"
    chunks = [f"{title}\n{'=' * len(title)}", fill(lesson.abstract, width)]
    if lesson.needs:
        chunks.append(fill(f"Read before: {', '.join(lesson.needs)}.", width))
    for section in lesson.sections:
        chunks += section_chunks(lesson, section, width, answers=answers)
    return "\n\n".join(chunks) + "\n"


def section_chunks(
    lesson: Lesson, section: Section, width: int, *, answers: bool
) -> Iterator[str]:
    yield f"{section.heading}\n{'-' * len(section.heading)}"
    for block in section.blocks:
        yield "\n\n".join(block_chunks(lesson, block, width, answers=answers))


def block_chunks(
    lesson: Lesson, block: Block, width: int, *, answers: bool
) -> Iterator[str]:
    match block:
        case Prose(text):
            yield filled_prose(text, width)
        case Table(text):
            yield "\n".join(table_lines(plain(text), width))
        case Code():
            yield code_text(block, width)
        case Question():
            yield from question_chunks(block, width, answers=answers)
        case Motion():
            yield lesson.transcript.read_text(encoding="utf-8").rstrip("\n")
        case Toggle():
            yield toggle_text(block)
        case Console(command, output):
            yield f"$ {command}\n{output}".rstrip("\n")


def code_text(block: Code, width: int) -> str:
    """The source with its line numbers, and `>` where to look."""
    found = excerpt(block)
    title = f"{found.name} ({found.file})"
    if len(title) > width:
        title = title.replace(" ", "\n")
    lines = [title, ""]
    for number, line in enumerate(found.lines, start=found.first):
        mark = ">" if number == found.marked else " "
        first, *rest = code_lines(line, width - GUTTER)
        lines.append(f"{mark}{number:5}  {first}".rstrip())
        lines += [" " * GUTTER + part for part in rest]
    return "\n".join(lines)


def code_lines(line: str, width: int) -> list[str]:
    """A line of source, broken between words if it must be."""
    indent = len(line) - len(line.lstrip()) + HANG
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        break_long_words=False,
    ) or [""]


def question_chunks(block: Question, width: int, *, answers: bool) -> Iterator[str]:
    yield filled_prose(block.asks, width)
    for letter, option in zip(LETTERS, block.options, strict=False):
        right = "(right) " if answers and option.is_right else ""
        why = f"  {option.why}" if answers else ""
        yield fill(f"  {letter}. {right}{plain(option.text)}{plain(why)}", width, 5)


def toggle_text(block: Toggle) -> str:
    """What each kernel makes of the race, and how to see it.

    The commands stand beside the verdicts, or all of them below if one is too long.
    """
    room = max(len(kernel) for kernel, _ in block.expected)
    rows = []
    for kernel, verdict in block.expected:
        command = "prove" if verdict == "proved" else "hunt"
        say = f"kmm {command} {block.race} --kernel {kernel}"
        rows.append((f"  {kernel:{room}}  {verdict}", say))
    beside = [f"{verdict:{room + 10}}  {say}" for verdict, say in rows]
    if max(map(len, beside)) > USUAL:
        beside = [f"{verdict}\n      {say}" for verdict, say in rows]
    return "\n".join([f"{block.race}:", *beside])


# Prose.


def filled_prose(markdown: str, width: int) -> str:
    """Markdown with its paragraphs filled, and without marks of emphasis."""
    return "\n\n".join(laid_out(p, width) for p in paragraphs(markdown))


def laid_out(paragraph: str, width: int) -> str:
    if paragraph.startswith(VERBATIM):
        return paragraph
    return filled_paragraph(paragraph, width)


def paragraphs(markdown: str) -> Iterator[str]:
    """What empty lines separate; a fenced block is one, without its fences."""
    fence = re.split(r"^```[\w-]*\n(.*?)^```$", markdown, flags=re.S | re.M)
    for number, part in enumerate(fence):
        if number % 2:
            yield textwrap.indent(part.rstrip("\n"), "    ")
        else:
            yield from (p.strip("\n") for p in re.split(r"\n\s*\n", part) if p.strip())


def filled_paragraph(paragraph: str, width: int) -> str:
    """A paragraph, or the items of a list, each with its own lines put together."""
    items: list[tuple[str, str]] = []
    for line in paragraph.splitlines():
        item = ITEM.match(line)
        if item:
            items.append((item["mark"], item["text"]))
        elif items:
            mark, text = items[-1]
            items[-1] = (mark, f"{text} {line.strip()}")
        else:
            items.append(("", line.strip()))
    return "\n".join(fill(m + plain(text), width, len(m)) for m, text in items)


def plain(text: str) -> str:
    """Without what only a screen would show: links stand behind their words."""
    return EMPHASIS.sub(r"\1", LINK.sub(r"\1 (\2)", text))


def fill(text: str, width: int, indent: int = 0) -> str:
    return textwrap.fill(
        text,
        width,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
