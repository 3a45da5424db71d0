"""Plain enumeration: every interleaving, one after the other.

Out of reach for real races (two threads of thirty steps have more interleavings than
a computer can run), but beyond doubt: what the clever searches find is checked
against it on small programs.
"""

from __future__ import annotations

from collections.abc import Sequence

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
        self.started = False

    @property
    def prefix(self) -> Sequence[int]:
        return self.taken

    def next_run(self) -> bool:
        if not self.started:
            self.started = True
            return True
        while self.left and not self.left[-1]:
            self.left.pop()
            self.taken.pop()
        if not self.left:
            return False
        self.taken[-1] = self.left[-1].pop(0)
        return True

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        first, *others = enabled
        self.taken.append(first.index)
        self.left.append([t.index for t in others])
        return first
