"""Plain enumeration: every interleaving, one after the other.

Out of reach for real races (two threads of thirty steps have more interleavings than
a computer can run), but beyond doubt: what the clever searches find is checked
against it on small programs.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..estimate import Branches, Estimate, estimate
from ..machine import Machine
from ..thread import KThread
from .base import Strategy


class Enumeration(Strategy):
    """Depth first: the last choice that has an alternative is changed next."""

    name = "enumeration"
    exhaustive = True

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.left: list[list[int]] = []  # at each step, the threads not yet tried
        self.sizes: list[tuple[int, ...]] = []  # the runs that each branch took
        self.since: list[int] = []  # how many there were before the present branch
        self.runs = 0

    @property
    def prefix(self) -> Sequence[int]:
        return self.taken

    def next_run(self) -> bool:
        if not self.runs:
            return True
        while self.left and not self.left[-1]:
            for stack in (self.left, self.taken, self.sizes, self.since):
                stack.pop()
        if not self.left:
            return False
        self.taken[-1] = self.left[-1].pop(0)
        self.sizes[-1] += (self.runs - self.since[-1],)
        self.since[-1] = self.runs
        return True

    def estimate(self) -> Estimate:
        """How many runs there will be."""
        if not self.left:
            return Estimate(self.runs, 0)  # all of them have been made
        points = [
            Branches(s, len(n)) for s, n in zip(self.sizes, self.left, strict=True)
        ]
        return estimate(reversed(points))

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        first, *others = enabled
        self.taken.append(first.index)
        self.left.append([t.index for t in others])
        self.sizes.append(())
        self.since.append(self.runs)
        return first

    def ended(self, machine: Machine, complete: bool) -> None:
        self.runs += 1
