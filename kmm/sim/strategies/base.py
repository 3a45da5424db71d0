"""What every strategy can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ..estimate import Estimate
from ..machine import Machine
from ..thread import KThread


class Strategy(ABC):
    """Makes runs of one program, by choosing at each step who goes on.

    The search calls `next_run`; if it says yes, it boots a fresh machine, replays
    `prefix` on it, lets `choose` decide the rest, and calls `ended`.
    """

    name: str  # as `--strategy` has it
    exhaustive = False  # whether running out of runs means that all were covered
    states: int | None = None  # that are known, of a search that merges equal ones
    bound: int | None = None  # the highest cost of a run, of a search that has a bound

    @property
    def prefix(self) -> Sequence[int]:
        """The choices, as thread indexes, with which the run begins."""
        return ()

    @abstractmethod
    def next_run(self) -> bool:
        """Whether there is another run to make; get ready for it."""

    @abstractmethod
    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread | None:
        """Who goes on; None to give up a run that cannot lead to anything new."""

    def estimate(self) -> Estimate | None:
        """How many runs there will be, as it seems now; None if nobody knows.

        Runs that are given up count too.
        """
        return None

    def ended(self, machine: Machine, complete: bool) -> None:  # noqa: B027  # optional
        """The run is over; `complete` unless `choose` gave it up."""
