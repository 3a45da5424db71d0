"""Two kernels or two designs side by side: the functions in which they differ."""

from __future__ import annotations

import difflib
import inspect
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

CONTEXT = 9  # unchanged lines around a change


@frozen
class FunctionDiff:
    """One function in two versions."""

    question: str
    function: str
    lines: tuple[str, ...]  # of a unified diff


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
    """The answers to compare with each other."""
    answers = find_answer(one), find_answer(other)
    if answers[0] and answers[1]:
        if answers[0].question != answers[1].question:
            raise UnknownName(
                f"answer to {answers[0].question}",
                other,
                list(QUESTIONS[answers[0].question]),
            )
        return [(answers[0], answers[1])]
    first, second = find_kernel_or_fail(one), find_kernel_or_fail(other)
    return list(zip(first.answers.values(), second.answers.values(), strict=True))


def find_answer(name: str) -> Answer | None:
    """`temporary-vma`, or `exec-stack=temporary-vma`."""
    question, _, answer = name.rpartition("=")
    for asked, answers in QUESTIONS.items():
        if question in ("", asked) and answer in answers:
            return answers[answer]
    return None


def find_kernel_or_fail(name: str) -> KernelSpec:
    try:
        return parse_kernel(name)
    except UnknownName as error:
        designs = [answer for answers in QUESTIONS.values() for answer in answers]
        known = [*KERNELS, *ALIASES, *designs]
        raise UnknownName("kernel or design", name, known) from error


def function_diffs(one: Answer, other: Answer) -> list[FunctionDiff]:
    ours, theirs = one.functions(), other.functions()
    diffs = []
    for name in other.changed(one):
        lines = difflib.unified_diff(
            inspect.getsource(ours[name]).splitlines(),
            inspect.getsource(theirs[name]).splitlines(),
            f"{one.name}: {name}",
            f"{other.name}: {name}",
            lineterm="",
            n=CONTEXT,
        )
        diffs.append(FunctionDiff(one.question, name, tuple(lines)))
    return diffs


def difference_text(found: Difference) -> str:
    """For people: what each closes and costs, then the diffs."""
    if not found.answers:
        return f"{found.one} and {found.other} are the same in every answer."
    blocks = []
    for one, other in found.answers:
        blocks.append(f"{one.question}: {one.name} -> {other.name}")
        for answer in (one, other):
            blocks.append(
                f"{answer.name} ({answer.tag}): {answer.title}\n"
                f"  from    {answer.source}\n"
                f"  closes  {answer.closes}\n"
                f"  costs   {answer.costs}"
            )
        blocks += [
            "\n".join(diff.lines)
            for diff in found.functions
            if diff.question == one.question
        ]
    return "\n\n".join(blocks)


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
                "diff": list(diff.lines),
            }
            for diff in found.functions
        ],
    }
