"""Random walk: at each step, any thread that can go on, with equal chance.

The simplest sampler, and on small programs as good as the clever ones.  Its seed is
its only source of chance: the same seed makes the same runs everywhere.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from ..machine import Machine
from ..thread import KThread
from .base import Strategy


class RandomWalk(Strategy):
    """Endless runs; the budget of the search ends them."""

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self.chance = random.Random(seed)

    def next_run(self) -> bool:
        return True

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        # random() is the one method whose sequence Python promises to keep.
        return enabled[int(self.chance.random() * len(enabled))]
