"""Cheap runs first: all that cost nothing, then all that cost one, and so on.

Most bugs need few switches between threads, wherever those are.  So each choice of who
goes on is given a price, in such a way that at every step somebody can go on for
nothing.  A search with a **bound** makes every run that costs no more than that.  When
it has made them all, the bound is raised by one.

Two things follow.  The first run that fails is the cheapest that does: had there been
a cheaper one, a lower bound would have found it.  And a bound that has ruled nothing
out has left nothing out, so what was searched up to it is proved, as by any exhaustive
search.  Neither needs anybody to guess a bound.

With k steps and a bound of c there are about k ** c runs, where the number of all
interleavings grows with k as an exponent.  Runs that cost less than the bound are made
again at each; they are so much fewer that remembering them is not worth it.

What a choice costs is said by the modules for each price, `preemptions` and `delays`.

Musuvathi and Qadeer, "Iterative context bounding for systematic testing of
multithreaded programs", PLDI 2007.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from ..machine import Machine
from ..thread import KThread
from ..trap import Op
from .base import Strategy

NOBODY = -1  # who went before the first step
Able = Mapping[int, Op]  # the threads that can go on, and what each would do


class Point:
    """A point of the current run: who goes on there, and who else might."""

    __slots__ = ("able", "last", "left", "planned", "spent", "thread")

    def __init__(self, last: int, able: Able, spent: int) -> None:
        self.last = last  # who went before
        self.able = able
        self.spent = spent  # on the way here
        self.thread = NOBODY
        self.left: list[int] = []  # threads that are yet to go on here
        self.planned = False  # whether it has been decided which those are


class Bounded(Strategy):
    """Every run within the bound, depth first; then the same with a higher bound."""

    def __init__(self, last: int | None = None) -> None:
        self.bound: int = 0
        self.last = last  # the highest bound; None to go on until all is covered
        self.ruled_out = False  # whether this bound has kept a thread from going on
        self.stack: list[Point] = []
        self.started = False

    @abstractmethod
    def price(self, last: int, thread: int, able: Able) -> int:
        """What it costs that `thread` goes on after `last`.

        Of those who are able to, one must be free.
        """

    # Between runs: back to the last point with something left to try.

    def next_run(self) -> bool:
        if not self.started:
            self.started = True
            return True
        while self.stack:
            point = self.stack[-1]
            if point.left:
                point.thread = point.left.pop(0)
                return True
            self.stack.pop()
        if not self.ruled_out:
            self.exhaustive = True
            return False
        if self.bound == self.last:
            return False
        self.bound += 1
        self.ruled_out = False
        return True

    @property
    def prefix(self) -> Sequence[int]:
        return [point.thread for point in self.stack]

    # During a run, past the prefix.

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        able = {thread.index: thread.pending for thread in enabled if thread.pending}
        last, spent = NOBODY, 0
        if self.stack:
            before = self.stack[-1]
            last = before.thread
            spent = before.spent + self.price(before.last, last, before.able)
        point = Point(last, able, spent)
        free = (who for who in able if self.price(last, who, able) == 0)
        point.thread = next(free)
        self.stack.append(point)
        self.consider(point)
        return machine.threads[point.thread]

    def consider(self, point: Point) -> None:
        """A new point: plan what is to be tried there besides."""
        self.plan(point)

    def plan(self, point: Point) -> None:
        """Let every other thread go on at `point` that the bound allows to."""
        point.planned = True
        for who in point.able:
            if who == point.thread:
                continue
            price = self.price(point.last, who, point.able)
            if point.spent + price <= self.bound:
                point.left.append(who)
            else:
                self.ruled_out = True
