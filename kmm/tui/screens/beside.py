"""Two runs beside each other: the same schedule on two kernels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import ClassVar

from textual.binding import Binding, BindingType

from ...report.words import Names, describe
from ...sim.recording import Recording
from ..follow import alike
from ..lines import CHANGED, FATAL, Line
from ..narration import brief
from .box import Box

AROUND = 3  # steps that are alike, before those that are not
NOT_TEXT = 16  # columns: the frame, the mark, the number, and what is in between
ROOMY = 50  # columns of a side that has room for functions too


class Beside(Box[None]):
    """Step by step, from where they part."""

    DEFAULT_CSS = """
    Beside > Vertical { width: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,space,enter", "answer", "close", key_display="esc"),
    ]

    def __init__(
        self, names: tuple[str, str], runs: tuple[Recording, Recording]
    ) -> None:
        super().__init__()
        self.names, self.runs = names, runs
        self.heading = f"The same schedule on {names[0]} and on {names[1]}"

    def lines(self) -> Sequence[Line]:
        side = (self.app.size.width - NOT_TEXT) // 2
        return list(side_by_side(self.names, self.runs, side))


def side_by_side(
    names: tuple[str, str], runs: tuple[Recording, Recording], side: int
) -> Iterator[Line]:
    """Each step of both on one line; `*` where they are not alike."""
    same = alike(*runs)
    yield Line(f"step  {names[0]:{side}} | {names[1]}", look="title")
    start = max(same - AROUND, 0)
    if start:
        yield Line(f"      steps 1 to {start} are alike", look="dim")
    columns = [list(texts(run, start, side)) for run in runs]
    for number, (ours, theirs) in enumerate(
        zip_longest(*columns, fillvalue=""), start=start
    ):
        mark = CHANGED if number >= same else " "
        yield Line(f"{number + 1:4}  {ours:{side}} | {theirs}", mark)
    ends = [outcome(run) for run in runs]
    fails = any(run.failure for run in runs)
    text = f"      {ends[0][:side]:{side}} | {ends[1][:side]}"
    yield Line(text, FATAL if fails else " ")


def texts(run: Recording, start: int, side: int) -> Iterator[str]:
    """Steps in one column: the CPU, and what it did."""
    names = Names(run)
    for step in run.steps[start:]:
        does = brief(step, names) if side >= ROOMY else describe(step, names)
        text = f"{run.threads[step.thread].cpu} {does}"
        yield text if len(text) <= side else f"{text[: side - 2]}.."


def outcome(run: Recording) -> str:
    return run.failure.message if run.failure else "goes well"
