"""Several strategies on one program, for who wants a failing run and knows nothing yet.

An exhaustive search is the best there is in a small space: it finds what there is, or
proves that there is nothing.  In a large one it may spend hours in a corner, as it goes
through the ends of one beginning before it tries another, while runs that leave their
few switches to chance (`pct`) fail after some dozen.  Which of the two a space is shows
only as the search goes on.  So the exhaustive one has the first runs to itself, and
from then on every other; those between go to samplers, in turn.

All are told of nothing but their own runs, so each makes those that it would have made
alone, and when the exhaustive one has covered everything, everything is covered.

Beside each other, and not one after the other, after Gomes and Selman, "Algorithm
portfolios", Artificial Intelligence 126 (2001).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..machine import Machine
from ..thread import KThread
from .base import Strategy
from .pct import Pct
from .source_dpor import SourceDpor

# Runs before the samplers have a turn: a space with fewer is covered without them.
ALONE = 1000


class Portfolio(Strategy):
    """Covers everything in the end; what fails in few places may be met long before."""

    name = "portfolio"
    exhaustive = True

    def __init__(self, seed: int = 0, alone: int = ALONE) -> None:
        self.whole = SourceDpor()
        self.samplers: list[Strategy] = [Pct(seed, depth) for depth in (3, 4, 6)]
        self.alone = alone
        self.runs = 0
        self.turn: Strategy = self.whole  # whose run it is

    def next_run(self) -> bool:
        self.turn = self._whose()
        self.runs += 1
        return self.turn.next_run()

    def _whose(self) -> Strategy:
        """Only the exhaustive one can run out of runs, and then all is covered."""
        sampled, is_sampled = divmod(self.runs - self.alone, 2)
        if self.runs < self.alone or not is_sampled:
            return self.whole
        return self.samplers[sampled % len(self.samplers)]

    @property
    def prefix(self) -> Sequence[int]:
        return self.turn.prefix

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread | None:
        return self.turn.choose(machine, enabled)

    def ended(self, machine: Machine, complete: bool) -> None:
        self.turn.ended(machine, complete)
