"""Preemption bounding: how often a thread is stopped that could go on.

To stop a running thread costs one, whoever goes on instead.  When it ends, or has to
wait, somebody else must go on, and that is free.  So even the bound 0 lets a run have
any number of switches, where locks make threads wait; and most bugs are found with one
preemption, or with two.

*Where to stop a thread* is what there are many ways of.  But it matters only right
before a step that meets something: one that conflicts with what another thread goes on
to do, or would have done had it been possible.  Before any other step it may as well
be stopped a step later.  The others then do the same as before, since nothing that
they do depends on that step; those who had to wait still have to; so the run costs no
more, and everything happens in it that happened before, in the same order as far as
the order matters.

Which steps meet something, the search learns from its own runs.  It lets a thread go
on; when it has seen what the others announce afterwards, it goes back over the run, and
plans to stop the thread before each step that has met something.  That it misses none
is seen so.  Take a run within the bound that stops a thread before a step, and the
first thing there that this step meets.  Up to that thing the others depend on nothing
that the step does, so there is also a run, no dearer, that takes the step first and
then brings the others just as far, where the thing is announced.  The search has made
that run, or another of the same trace; and what was announced in it was taken later or
was still waiting at its end.  Both are looked at.

A step that fails ends the run, and must be put off for the others to go on at all: it
counts as one that meets something.

Musuvathi and Qadeer, PLDI 2007 (see `bounded`).  That a reduction by conflicts and a
bound do not mix without care: Coons, Musuvathi and McKinley, "Bounded partial-order
reduction", OOPSLA 2013.
"""

from __future__ import annotations

from ..machine import Machine
from ..trap import COMMUTING, Kind, Op
from .bounded import Able, Bounded, Point


class Ahead:
    """What threads announce from some point of a run on."""

    def __init__(self) -> None:
        self.on: dict[str, set[tuple[int, Kind]]] = {}  # by object: who, and what

    def note(self, thread: int, op: Op) -> None:
        for kind, key in op.touches:
            self.on.setdefault(key, set()).add((thread, kind))

    def meets(self, thread: int, op: Op) -> bool:
        """Whether `op` conflicts with anything of another thread than its own."""
        return any(
            who != thread and (kind, ahead) not in COMMUTING
            for kind, key in op.touches
            for who, ahead in self.on.get(key, ())
        )


class Preemptions(Bounded):
    """Every run with few preemptions, or one that differs from it in nothing."""

    name = "preemptions"

    def price(self, last: int, thread: int, able: Able) -> int:
        return int(last in able and last != thread)

    def consider(self, point: Point) -> None:
        """Who goes on for nothing is tried at once, the rest only if it matters."""
        if point.thread != point.last:
            self.plan(point)

    def ended(self, machine: Machine, complete: bool) -> None:
        """Plan to stop threads before what has turned out to meet something."""
        ahead = Ahead()
        for thread in machine.threads:
            if thread.pending is not None:
                ahead.note(thread.index, thread.pending)
        failed = machine.failure is not None
        for point in reversed(self.stack):
            who, op = point.thread, point.able[point.thread]
            if not point.planned and (failed or ahead.meets(who, op)):
                self.plan(point)
            ahead.note(who, op)
            failed = False
