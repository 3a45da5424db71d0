"""Two kernels or two designs side by side: the functions in which they differ.

Called by `kmm diff`.  Functions are taken from the records of the designs, and their
source from the files, so nothing is compared that no answer names.
"""

from __future__ import annotations

import difflib
import inspect
import textwrap
from pathlib import Path
from types import FunctionType
from typing import Any

from attrs import frozen

from ..designs import (
    ALIASES,
    KERNELS,
    QUESTIONS,
    Answer,
    KernelSpec,
    UnknownName,
    parse_kernel,
)

SOURCE = Path(__file__).parents[2]  # what the names of files are printed from


@frozen
class FunctionDiff:
    """One function in two versions, whole."""

    question: str
    function: str
    files: tuple[str, str]
    lines: tuple[str, ...]  # each begins with - (only in one), + (in the other) or " "


@frozen
class Difference:
    """What separates two answers to each question."""

    one: str
    other: str
    answers: tuple[tuple[Answer, Answer], ...]  # those that are not the same
    functions: tuple[FunctionDiff, ...]


def difference(one: str, other: str) -> Difference:
    """Compare two kernels, or two answers to one question.  Raises UnknownName."""
    pairs = [(a, b) for a, b in paired(one, other) if a is not b]
    functions = [diff for a, b in pairs for diff in function_diffs(a, b)]
    return Difference(one, other, tuple(pairs), tuple(functions))


def paired(one: str, other: str) -> list[tuple[Answer, Answer]]:
    """The answers to compare with each other.

    A design beside a kernel is compared with the kernel's answer to the same question.
    """
    a, b = find_answer(one), find_answer(other)
    if a and b and a.question == b.question:
        return [(a, b)]
    # `2.6.34` is a kernel, and the answer to call-rules that it has: the kernel, unless
    # the other is an answer to that as well.
    a, b = None if is_kernel(one) else a, None if is_kernel(other) else b
    if a and b:
        known = list(QUESTIONS[a.question])
        raise UnknownName(f"answer to {a.question}", other, known)
    if a:
        return [(a, find_kernel_or_fail(other).answers[a.question])]
    if b:
        return [(find_kernel_or_fail(one).answers[b.question], b)]
    ours, theirs = find_kernel_or_fail(one).answers, find_kernel_or_fail(other).answers
    return list(zip(ours.values(), theirs.values(), strict=True))


def find_answer(name: str) -> Answer | None:
    """`temporary-vma`, or `exec-stack=temporary-vma`."""
    question, _, answer = name.rpartition("=")
    for asked, answers in QUESTIONS.items():
        if question in ("", asked) and answer in answers:
            return answers[answer]
    return None


def is_kernel(name: str) -> bool:
    return name in (*KERNELS, *ALIASES)


def find_kernel_or_fail(name: str) -> KernelSpec:
    try:
        return parse_kernel(name)
    except UnknownName as error:
        designs = [answer for answers in QUESTIONS.values() for answer in answers]
        known = [*KERNELS, *ALIASES, *designs]
        raise UnknownName("kernel or design", name, known) from error


def function_diffs(one: Answer, other: Answer) -> list[FunctionDiff]:
    """The functions that are not the same, and the helpers that only one has."""
    ours = {**one.functions(), **one.helpers()}
    theirs = {**other.functions(), **other.helpers()}
    return [
        FunctionDiff(
            one.question,
            name,
            (file_of(ours.get(name)), file_of(theirs.get(name))),
            tuple(compared(source(ours.get(name)), source(theirs.get(name)))),
        )
        for name in {**ours, **theirs}
        if ours.get(name) is not theirs.get(name)
    ]


def source(function: FunctionType | None) -> list[str]:
    return inspect.getsource(function).splitlines() if function else []


def file_of(function: FunctionType | None) -> str:
    """Where it is defined; "" if there is no such function."""
    if function is None:
        return ""
    return Path(function.__code__.co_filename).relative_to(SOURCE).as_posix()


def compared(one: list[str], other: list[str]) -> list[str]:
    """All the lines of both, marked with where they are found."""
    lines = difflib.unified_diff(one, other, lineterm="", n=len(one) + len(other))
    return list(lines)[3:]  # after the names of the two files, and the one range


def difference_text(found: Difference, width: int = 80, stories: bool = False) -> str:
    """For people: what each answer closes and costs, then the functions."""
    if not found.answers:
        return f"{found.one} and {found.other} are the same in every answer."
    blocks = []
    for one, other in found.answers:
        blocks.append(f"{one.question}: {one.name} -> {other.name}")
        for answer in (one, other):
            blocks.append(about(answer, width))
            if stories:
                blocks.append(answer.story.strip())
        for diff in found.functions:
            if diff.question == one.question:
                places = zip("-+", diff.files, strict=True)
                where = [f"{mark} in {file}" for mark, file in places if file]
                blocks.append("\n".join([f"{diff.function}()", *where]))
                blocks.append("\n".join(diff.lines))
    return "\n\n".join(blocks)


def about(answer: Answer, width: int) -> str:
    rows = (("from", answer.source), ("closes", answer.closes), ("costs", answer.costs))
    lines = [f"{answer.name} ({answer.tag}): {answer.title}"]
    for label, text in rows:
        line = f"  {label:6}  {text}"
        lines += textwrap.wrap(line, width, subsequent_indent=" " * 10)
    return "\n".join(lines)


def difference_json(found: Difference) -> Any:
    return {
        "a": found.one,
        "b": found.other,
        "questions": [
            {"question": one.question, "a": one.name, "b": other.name}
            for one, other in found.answers
        ],
        "functions": [
            {
                "question": diff.question,
                "function": diff.function,
                "files": list(diff.files),
                "diff": list(diff.lines),
            }
            for diff in found.functions
        ],
    }
