"""Several strategies on one program, for who wants a failing run and knows nothing yet.

No strategy is the best everywhere.  Three that are blind in different places:

- `dpor` makes one run for each order that can matter.  In a small space nothing is
  better, as it finds what there is or proves that there is nothing.  In a large one it
  may spend hours in a corner, as it goes through the ends of one beginning before it
  tries another.
- `preemptions` makes those runs first in which few threads are stopped.  It goes all
  over the program, and is lost where a bug needs three preemptions in a long run.
- `pos` leaves the order of whatever can race to chance.  It minds neither a large space
  nor many switches, but meets a bug seldom if a thread has to go far while another
  stands still.

Which kind a program is shows only as the search goes on.  So the exhaustive one has the
first few runs to itself, as most bugs need no more.  From then on the three take turns,
and a bug takes, besides those few, about three times the runs of the best of them.

Each is told of nothing but its own runs, so it makes those that it would have made by
itself.  When either of the first two has covered everything, everything is covered.

Beside each other, and not one after the other, after Gomes and Selman, "Algorithm
portfolios", Artificial Intelligence 126 (2001).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..machine import Machine
from ..thread import KThread
from .base import Strategy
from .pos import Pos
from .preemptions import Preemptions
from .source_dpor import SourceDpor

# Runs before the others have a turn.  Most races that sometimes fail do within so many,
# and a space with fewer is covered without waste.
ALONE = 50


class Portfolio(Strategy):
    """Covers everything in the end; what fails in few places may be met long before."""

    name = "portfolio"
    exhaustive = True

    def __init__(self, seed: int = 0, alone: int = ALONE) -> None:
        self.members: list[Strategy] = [SourceDpor(), Preemptions(), Pos(seed)]
        self.alone = alone
        self.runs = 0
        self.turn = self.members[0]  # whose run it is

    def next_run(self) -> bool:
        """Only who has covered everything has no more runs to make."""
        shared = max(0, self.runs - self.alone)
        self.turn = self.members[shared % len(self.members)]
        self.runs += 1
        return self.turn.next_run()

    @property
    def prefix(self) -> Sequence[int]:
        return self.turn.prefix

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread | None:
        return self.turn.choose(machine, enabled)

    def ended(self, machine: Machine, complete: bool) -> None:
        self.turn.ended(machine, complete)
