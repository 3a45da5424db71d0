"""POS, partial order sampling: chance decides only what depends on order.

A random walk (`random_walk`) tosses a coin at each step, and most of its tosses decide
nothing, as neither of two steps has to do with the other.  Those that do decide are not
fair either: to come first in a race, a thread with many steps before it has to win as
many tosses.

So each step gets a random priority, once, when it is announced, and of all that are
possible the highest goes on.  Whether one of two steps comes before the other is then
settled by their priorities, and by those of the steps that lead to them; what other
threads do besides has no part in it.

One thing would be unfair still.  Whoever lost a race has a low priority, or it would
not have lost; so it would lose the next one with the same step as well.  Therefore,
whenever a step is taken, all that wait and conflict with it draw again.

Yuan, Yang and Gu, "Partial order aware concurrency sampling", CAV 2018.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from ..machine import Machine
from ..thread import KThread
from .base import Strategy


class Pos(Strategy):
    """Endless runs; the budget of the search ends them."""

    name = "pos"

    def __init__(self, seed: int = 0) -> None:
        self.chance = random.Random(seed)
        self.priority: dict[int, float] = {}  # of each thread's next step, by its index

    def next_run(self) -> bool:
        self.priority = {}
        return True

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        priority = self.priority
        for thread in machine.threads:
            if thread.index not in priority:
                # random() is the one method whose sequence Python promises to keep.
                priority[thread.index] = self.chance.random()
        chosen = max(enabled, key=lambda thread: priority[thread.index])
        self._draw_again(machine, chosen)
        return chosen

    def _draw_again(self, machine: Machine, chosen: KThread) -> None:
        """Forget the priority of the step that is taken, and of what it races with."""
        op = chosen.pending
        assert op is not None
        for thread in machine.threads:
            if thread is chosen or (thread.pending and thread.pending.conflicts(op)):
                del self.priority[thread.index]
