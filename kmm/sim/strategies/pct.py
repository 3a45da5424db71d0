"""PCT: few context switches, in random places.

Each thread has a priority, and the one with the highest goes on.  At some steps, chosen
at random beforehand, whoever is running falls below all that have not fallen yet.  So a
run has few switches, as the runs have that show a race, and they may be anywhere.

How low one falls is drawn as well: each of those steps has a priority of its own, which
does not depend on where it is.  If a later fall were always the lower one, two threads
would change places each time, and most races be met sooner.  But then whoever was
stopped first would go on first, and a bug that needs three threads to be stopped one
within the other would never be met.

With n threads, k steps and a bug that needs d things to happen in a certain order, a
run finds it with a chance of at least 1 / (n * k ** (d - 1)), whatever else the program
does.  k is taken from the runs made so far; the first run finds out.

Burckhardt, Kothari, Musuvathi and Nagarakatte, "A randomized scheduler with
probabilistic guarantees of finding bugs", ASPLOS 2010.
"""

from __future__ import annotations

import random
from bisect import insort
from collections.abc import Sequence

from ..machine import Machine
from ..thread import KThread
from .base import Strategy


class Pct(Strategy):
    """Endless runs with `depth` - 1 points at which a priority changes."""

    name = "pct"

    def __init__(self, seed: int = 0, depth: int = 4) -> None:
        self.chance = random.Random(seed)
        self.depth = depth
        self.longest = 1  # steps of the longest run so far
        self.priority: dict[int, float] = {}  # by a thread's index
        self.order: list[KThread] = []  # highest first
        self.changes: dict[int, int] = {}  # steps at which a priority falls, to what
        self.taken = 0

    def next_run(self) -> bool:
        self.priority = {}
        self.order = []
        self.taken = 0
        self.changes = {self._below(self.longest): low for low in range(1, self.depth)}
        return True

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        if len(self.order) < len(machine.threads):
            for thread in machine.threads[len(self.order) :]:
                # Above all to which one can fall.
                self._place(thread, self.depth + self.chance.random())
        chosen = self._highest(enabled)
        if self.taken in self.changes:
            self.order.remove(chosen)
            self._place(chosen, self.changes[self.taken])
            chosen = self._highest(enabled)
        self.taken += 1
        return chosen

    def ended(self, machine: Machine, complete: bool) -> None:
        self.longest = max(self.longest, self.taken)

    def _place(self, thread: KThread, priority: float) -> None:
        self.priority[thread.index] = priority
        insort(self.order, thread, key=lambda other: -self.priority[other.index])

    def _highest(self, enabled: Sequence[KThread]) -> KThread:
        for thread in self.order:
            if thread in enabled:
                return thread
        raise AssertionError("somebody can go on")

    def _below(self, limit: int) -> int:
        # random() is the one method whose sequence Python promises to keep.
        return int(self.chance.random() * limit)
