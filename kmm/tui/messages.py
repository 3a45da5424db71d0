"""What widgets and searches tell the screen that they are on.

Textual stamps a message when it is sent, so these cannot be frozen; nobody else
changes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from ..course.lesson import Motion, Question
from ..exercises.exercise import Exercise, Finding
from ..exercises.sandbox import Judgement
from ..report.bench_runs import Runs
from ..scenarios.matrix import Cell
from ..scenarios.play import Played
from ..sim.estimate import Estimate
from ..sim.recording import Recording
from ..workloads.endurance import StressResult
from ..workloads.gauges import Gauges

if TYPE_CHECKING:
    from .steered import Outlook
    from .widgets.blocks import KernelRow


@dataclass(eq=False)
class TabChosen(Message):
    """Somebody clicked on a tab."""

    tab: str


@dataclass(eq=False)
class MomentChosen(Message):
    """Somebody clicked on a place that stands for a moment."""

    moment: int


@dataclass(eq=False)
class SearchMoved(Message):
    """A search has made so many executions so far."""

    executions: int
    seconds: float
    estimate: Estimate  # of how many there will be

    def can_replace(self, message: Message) -> bool:
        """Only the newest of a burst is of interest."""
        return isinstance(message, SearchMoved)


@dataclass(eq=False)
class SearchFound(Message):
    """A run has failed; the least that fails alike is being looked for."""


@dataclass(eq=False)
class SearchEnded(Message):
    """A search has an answer, or was stopped."""

    played: Played
    seconds: float


@dataclass(eq=False)
class BenchMoved(Message):
    """A benchmark has made so many of its runs."""

    runs: Runs
    done: int
    total: int
    is_over: bool = False
    problem: str = ""  # why it ended early

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, BenchMoved)


@dataclass(eq=False)
class CellFound(Message):
    """A cell of the matrix has been worked out."""

    cell: Cell
    open_it: bool  # because somebody waits for it
    is_last: bool  # of those that are worked out one by one


@dataclass(eq=False)
class LookedAhead(Message):
    """What can still happen after a moment has been found out."""

    outlook: Outlook
    tell: bool  # whether somebody has asked for it


# Of a lesson's page.


@dataclass(eq=False)
class Answered(Message):
    """An option of a question was chosen, by its index."""

    question: Question
    option: int


@dataclass(eq=False)
class RunChosen(Message):
    """The lesson's run is to be stepped through."""

    motion: Motion


@dataclass(eq=False)
class RunMade(Message):
    """The run that was chosen, to be stepped through."""

    played: Played


@dataclass(eq=False)
class KernelChosen(Message):
    """A race is to be searched on the kernel of this row."""

    row: KernelRow


@dataclass(eq=False)
class ExerciseChosen(Message):
    """An exercise is to be worked on."""

    exercise: Exercise


@dataclass(eq=False)
class KernelSearched(Message):
    """So far a search for a row of a toggle has come; `played` if it is over."""

    row: KernelRow
    executions: int
    played: Played | None = None


@dataclass(eq=False)
class StressMoved(Message):
    """A run of the recipe is so far: its last moments, a millisecond apart."""

    history: tuple[Gauges, ...]
    seconds: float  # of the host

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, StressMoved)


@dataclass(eq=False)
class StressEnded(Message):
    """A run of the recipe has failed, was stopped, or has taken its time."""

    result: StressResult


@dataclass(eq=False)
class StepsWritten(Message):
    """The last steps of such a run; None if nobody wanted them any more."""

    result: StressResult
    recording: Recording | None


# Of an exercise.


@dataclass(eq=False)
class CheckFound(Message):
    """A check has an outcome; of which text, since it may have been saved again."""

    finding: Finding
    text: str


@dataclass(eq=False)
class JudgeEnded(Message):
    """A submission was judged; None if that was stopped."""

    judgement: Judgement | None
    text: str
