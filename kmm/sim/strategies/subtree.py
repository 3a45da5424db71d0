"""A part of an exhaustive search, for who shares it out among several workers.

`source_dpor` walks through a tree.  This walks through what is below one point of it,
and makes no more than a number of runs: a `Task` says where to begin, and `marks` what
there is to be known afterwards by whoever shares out the rest (`kmm.sim.sharing`).

Two things go beyond the part itself.  A race may have its first step above it, where
another thread ought to have gone on: that is planned there, and handed back.  And where
the number of runs was too small, the points on the way down to the last run are handed
back, each with the threads that are still to go on from there.

Who sleeps at the beginning of a part is decided by who shares out: all threads that
were given to somebody before, from the same point.  Whether they have been explored by
then makes no difference, as long as they will be.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ..machine import Machine
from ..thread import KThread
from .sleep_sets import mask_of
from .source_dpor import Node, SourceDpor

Path = bytes  # choices, a byte each


@frozen
class Task:
    """Where a part begins: after `path`, `thread` goes on while others sleep."""

    path: Path = b""
    thread: int | None = None  # None at the root: whoever comes first
    asleep: int = 0  # a mask: bit i is thread i


@frozen
class Mark:
    """What is known of a point of the tree, as masks of threads."""

    position: int  # so many steps from the root
    planned: int  # who must go on from there
    taken: int  # who has, or has been given to somebody, or sleeps


class Subtree(SourceDpor):
    """All runs below one point, or the first `limit` of them."""

    def __init__(self, task: Task, limit: int) -> None:
        super().__init__()
        self.asleep = task.asleep
        self.limit = limit
        self.forced = list(task.path)
        if task.thread is not None:
            self.forced.append(task.thread)
        self.base = len(self.forced)
        self.is_cut = False  # whether something is left of it

    def next_run(self) -> bool:
        more = super().next_run()
        self.is_cut = more and self.runs >= self.limit
        return more and not self.is_cut

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread | None:
        position = len(self.stack)
        if position >= self.base:
            return super().choose(machine, enabled)
        chosen = machine.threads[self.forced[position]]
        node = Node(machine.threads, enabled, {}, chosen.index, self.runs)
        if position == self.base - 1:
            sleepers = [t for t in machine.threads if self.asleep >> t.index & 1]
            node.asleep = {t.index: node.pending[t.index] for t in sleepers}
        self.stack.append(node)
        return chosen

    # Afterwards.

    @property
    def path(self) -> Path:
        """The way that `marks` are on."""
        return bytes(node.thread for node in self.stack)

    def marks(self) -> list[Mark]:
        """What was planned above this part, and what is left of it."""
        found = []
        for position, node in enumerate(self.stack):
            own = 1 << node.thread
            if position < self.base:
                if node.planned != own:
                    found.append(Mark(position, node.planned & ~own, 0))
            elif self.is_cut:
                # At the last one a thread was chosen, and then did not go on.
                last = position == len(self.stack) - 1
                gone = node.explored | mask_of(node.asleep) | (0 if last else own)
                found.append(Mark(position, node.planned, gone))
        return found
