"""What widgets and searches tell the screen that they are on.

Textual stamps a message when it is sent, so these cannot be frozen; nobody else
changes them.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from ..scenarios.play import Played
from ..sim.estimate import Estimate


@dataclass(eq=False)
class TabChosen(Message):
    """Somebody clicked on a tab."""

    tab: str


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
