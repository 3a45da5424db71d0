"""What widgets and searches tell the screen that they are on.

Textual stamps a message when it is sent, so these cannot be frozen; nobody else
changes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from ..course.lesson import Motion, Question
from ..scenarios.play import Played
from ..sim.estimate import Estimate

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
class KernelChosen(Message):
    """A race is to be searched on the kernel of this row."""

    row: KernelRow


@dataclass(eq=False)
class KernelSearched(Message):
    """So far a search for a row of a toggle has come; `played` if it is over."""

    row: KernelRow
    executions: int
    played: Played | None = None
