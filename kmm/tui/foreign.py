"""A run of a student's submission: made elsewhere, looked at here.

None of a submission runs in this process (`exercises.sandbox`), so a session of such a
run has its recording and its text, and cannot make it again.  What would need that is
refused, with the reason.
"""

from __future__ import annotations

import re
from typing import Any

from attrs import evolve, frozen

from ..designs import KernelSpec, parse_kernel
from ..exercises import Exercise
from ..exercises.code import YOURS
from ..sim.thread import Place
from .source import Function, dedent

REFUSAL = (
    "This run was made with your {file}, which does not run in here: it can be looked "
    "at, and no more.  k and v run its schedule on kernels of the model."
)


@frozen
class Foreign:
    """Code that this process has only as text."""

    exercise: Exercise
    text: str
    kernel: KernelSpec  # the model's, that it was put into

    @property
    def file(self) -> str:
        return self.exercise.file

    @property
    def refusal(self) -> str:
        return REFUSAL.format(file=self.file)

    def function_at(self, place: Place) -> Function:
        """The function around a line; the text is not parsed, only looked at."""
        lines = self.text.splitlines()
        first = start_of(lines, place)
        last = end_of(lines, first)
        shown = tuple(dedent(lines[first - 1 : last]))
        return Function(place.function, place.file, first, shown, "")


def start_of(lines: list[str], place: Place) -> int:
    """The number of the line with the `def` that a place is in."""
    name = re.escape(place.function) if place.function.isidentifier() else r"\w+"
    begins = re.compile(rf"\s*(async )?def {name}\(")
    above = range(min(place.line, len(lines)), 0, -1)
    return next((n for n in above if begins.match(lines[n - 1])), place.line)


def end_of(lines: list[str], first: int) -> int:
    """The number of the last line that is further in than the line `first`."""
    last = first
    for number in range(first + 1, len(lines) + 1):
        line = lines[number - 1]
        if not line.strip():
            continue
        if indent(line) <= indent(lines[first - 1]) and line.lstrip()[:1] != ")":
            break
        last = number
    return min(last, len(lines))


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def told_kernel(exercise: Exercise, text: str) -> tuple[KernelSpec, KernelSpec]:
    """The kernel of a judge's schedule: as it is called there, and the model's.

    Raises UnknownName.
    """
    question = exercise.settings.get("question")
    if question is None:  # a function in the place of another
        kernel = parse_kernel(text)
        return kernel, kernel
    base = f"{question}={exercise.settings['base']}"
    kernel = parse_kernel(text.replace(f"{question}={YOURS}", base))
    answer = evolve(kernel.answers[question], name=YOURS, title=YOURS, tag="")
    replaced = tuple(sorted({*kernel.replaced, question}))
    changes: dict[str, Any] = {question.replace("-", "_"): answer}
    return evolve(kernel, replaced=replaced, **changes), kernel
