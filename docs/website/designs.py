"""The rival answers and the kernels, with what each changes: `kmm diff`, as pages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from kmm.designs import KERNELS, QUESTIONS, Answer
from kmm.designs.kernels import FOR_ALL
from kmm.report.difference import FunctionDiff, difference
from kmm.scenarios import RACES

from .chapters import folded
from .prose import from_docstring, linked, literal, slug

NAME = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, RACES))})(?![\w-])")


def designs() -> Mapping[str, str]:
    """The pages: all questions, one a question, and the kernels of history."""
    pages = {f"designs/{question}": question_page(question) for question in QUESTIONS}
    return {"designs/index": index(), "designs/kernels": kernels_page(), **pages}


def index() -> str:
    rows = ["| question | | answers |", "| --- | --- | --- |"]
    for question, answers in QUESTIONS.items():
        asks = next(iter(answers.values())).asks
        links = ", ".join(f"[{name}]({question}.md#{slug(name)})" for name in answers)
        rows.append(f"| [{question}]({question}.md) | {asks} | {links} |")
    return "\n\n".join(
        [
            "# The rival answers",
            "A *question* is something for which history had rival *answers*.\n"
            "An answer is a small module with whole bodies of only the functions that "
            "it changes, so its diff can be read; `kmm diff` prints the same.\n"
            "A [kernel](kernels.md) is one answer to each question.",
            "\n".join(rows),
            "What each answer costs, in things that can be counted, is in "
            "[The races](../races.md#what-each-answer-costs).",
        ]
    )


# One question.


def question_page(question: str) -> str:
    answers = QUESTIONS[question]
    chunks = [f"# {question}", next(iter(answers.values())).asks]
    for answer in answers.values():
        chunks += answer_section(answer)
    return "\n\n".join(chunks) + "\n"


def answer_section(answer: Answer) -> Iterator[str]:
    room = type(answer).__module__.rpartition(".")[0]
    yield f"## {answer.name}"
    yield facts(answer)
    yield from_docstring(answer.story, room)
    if answer.base is None:
        yield "Others are compared with this one."
        return
    base = answer.base.name
    found = difference(f"{answer.question}={base}", f"{answer.question}={answer.name}")
    yield f"What it changes, beside `{base}` (`kmm diff {base} {answer.name}`):"
    for one in found.functions:
        yield function_diff(one, is_open=True)


def facts(answer: Answer) -> str:
    rows = (("from", answer.source), ("closes", answer.closes), ("costs", answer.costs))
    lines = [f"{answer.tag}: {answer.title}.", ""]
    lines += [f"- {label}: {with_races(text)}" for label, text in rows if text]
    return "\n".join(lines)


def with_races(text: str) -> str:
    return NAME.sub(lambda name: f"[{name[0]}](../matrix.md#{name[0]})", text)


def function_diff(found: FunctionDiff, *, is_open: bool) -> str:
    places = " to ".join(f"`{file}`" for file in found.files if file)
    changed = sum(line[0] in "+-" for line in found.lines if line)
    return folded(
        f"`{found.function}()`, {changed} lines",
        f"{linked(places)}\n\n{literal(chr(10).join(found.lines), 'diff')}",
        "diff",
        is_open=is_open,
    )


# The kernels.


def kernels_page() -> str:
    chunks = [
        "# Kernels",
        f"The kernels by name, in the order of history. {FOR_ALL}",
        answers_table(),
        "Below is what each changes in the one before it.",
    ]
    for one, other in pairwise(KERNELS):
        chunks += kernel_section(one, other)
    return "\n\n".join(chunks) + "\n"


def answers_table() -> str:
    varying = [q for q in QUESTIONS if len({answers_of(k)[q] for k in KERNELS}) > 1]
    rows = [f"| kernel | | {' | '.join(varying)} |", f"| --- |{' --- |' * 4}"]
    for kernel, spec in KERNELS.items():
        links = [
            f"[{name}]({question}.md#{slug(name)})"
            for question, name in answers_of(kernel).items()
            if question in varying
        ]
        rows.append(f"| {kernel} | {spec.title} | {' | '.join(links)} |")
    return "\n".join(rows)


def answers_of(kernel: str) -> Mapping[str, str]:
    found = KERNELS[kernel].answers
    return {question: answer.name for question, answer in found.items()}


def kernel_section(one: str, other: str) -> Iterator[str]:
    found = difference(one, other)
    yield f"## {one} to {other}"
    yield f"`kmm diff {one} {other}`:"
    yield "\n".join(
        f"- {a.question}: [{a.name}]({a.question}.md#{slug(a.name)}) to "
        f"[{b.name}]({b.question}.md#{slug(b.name)})"
        for a, b in found.answers
    )
    for diff in found.functions:
        yield function_diff(diff, is_open=False)
