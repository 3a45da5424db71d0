"""SURW: every order of the steps that matter is as likely as any other.

A random walk (`random_walk`) is fair at each step, and for that very reason not as a
whole: of two threads with ten steps and with one, the short one has half a chance to be
done after a step, and one in a thousand to wait until all ten are over.  Here each of
the eleven places has the same chance if the threads are chosen with weights that are as
the numbers of steps that they have still to make.  So it is in general: of all ways to
go on, the part that begins with a thread is as large as its part of the steps.  That is
the uniform random walk.

But uniform over all orders is not uniform over what matters.  Where a bug depends on
the order of four steps among hundreds, the others leave those where chance sees them:
in the middle of things.  So let only some steps count, the **interesting** ones: here
those on one shared object, which each run picks anew.  One thread is drawn, with the
interesting steps that it has left as its weight, and only that one may take the next of
them; until it has, everybody else goes on by chance, but waits before an interesting
step.  If it cannot get there, because of somebody who waits so, another is drawn.

How many steps a thread will make on an object nobody knows beforehand.  What the
longest run had of them so far is taken instead, so the first run is a random walk, and
programs whose threads do something else in each run are sampled less evenly.

Zhao, Wolff, Mathur and Roychoudhury, "Selectively uniform concurrency testing", ASPLOS
2025.  There, what is interesting is left to whoever tests; an object that several
threads use is a choice that needs no knowledge of the program.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from ..machine import Machine
from ..thread import KThread
from .base import Strategy

Tally = Counter[int]  # steps, by the index of the thread that makes them


class Surw(Strategy):
    """Endless runs, each of which is even about the order of steps on one object."""

    name = "surw"

    def __init__(self, seed: int = 0) -> None:
        self.chance = random.Random(seed)
        self.known: dict[str, Tally] = {}  # on each object, the most in any run so far
        self.seen: dict[str, Tally] = {}  # in this run
        self.key = ""  # of the object on which steps are interesting
        self.left: Tally = Counter()  # interesting steps that are still to come
        self.drawn: int | None = None  # the thread that is to take the next of them

    def next_run(self) -> bool:
        shared = [key for key, steps in self.known.items() if len(steps) > 1]
        self.key = shared[self._below(len(shared))] if shared else ""
        self.left = Counter(self.known.get(self.key, ()))
        self.drawn = None
        self.seen = {}
        return True

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        if self.drawn is None:
            self.drawn = self._draw(list(self.left), least=0)
        ready = [t for t in enabled if t.index == self.drawn or not self._matters(t)]
        if not ready:
            self.drawn = self._draw([t.index for t in enabled], least=1)
            ready = [t for t in enabled if t.index == self.drawn]
        chosen = ready[self._below(len(ready))]
        self._note(chosen)
        return chosen

    def ended(self, machine: Machine, complete: bool) -> None:
        for key, steps in self.seen.items():
            self.known[key] = self.known.get(key, Counter()) | steps

    def _matters(self, thread: KThread) -> bool:
        """Whether its next step is an interesting one."""
        op = thread.pending
        return op is not None and any(key == self.key for _, key in op.touches)

    def _draw(self, threads: Sequence[int], least: int) -> int | None:
        """One of them, by the steps that they have left; None if nobody has any."""
        weights = [max(least, self.left[thread]) for thread in threads]
        place = self._below(sum(weights))
        for thread, weight in zip(threads, weights, strict=True):
            if place < weight:
                return thread
            place -= weight
        return None

    def _note(self, chosen: KThread) -> None:
        thread, op = chosen.index, chosen.pending
        assert op is not None
        for _, key in op.touches:
            self.seen.setdefault(key, Counter())[thread] += 1
        if self._matters(chosen):
            self.left[thread] -= 1
            self.drawn = None

    def _below(self, limit: int) -> int:
        # random() is the one method whose sequence Python promises to keep.
        return int(self.chance.random() * limit)
