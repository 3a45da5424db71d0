"""One run, in which the threads take turns."""

from __future__ import annotations

from collections.abc import Sequence

from ..machine import Machine
from ..thread import KThread
from .base import Strategy


class RoundRobin(Strategy):
    """Each thread in turn takes `quantum` steps, or fewer if it must wait."""

    name = "round-robin"

    def __init__(self, quantum: int = 1) -> None:
        self.quantum = quantum
        self.runs = 0
        self.last = -1
        self.left = 0

    def next_run(self) -> bool:
        self.runs += 1
        self.last, self.left = -1, 0
        return self.runs == 1

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        for thread in enabled:
            if thread.index == self.last and self.left > 0:
                self.left -= 1
                return thread
        thread = next((t for t in enabled if t.index > self.last), enabled[0])
        self.last, self.left = thread.index, self.quantum - 1
        return thread
