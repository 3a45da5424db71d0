"""What a timed run has to know of the machine: how long things take.

`TimedMachine` asks; `kmm.workloads.cycles` answers, from a table with a source for each
figure.  Times are in cycles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from .trap import Op


class Costs(Protocol):
    """What things cost, in cycles."""

    @property
    def slice(self) -> int:
        """How long a thread may keep a CPU that others want; more than 0."""
        ...

    @property
    def switch(self) -> int:
        """For a CPU, to go from one thread to another."""
        ...

    @property
    def prices(self) -> Mapping[type[Op], Sequence[int]]:
        """To do an operation of a class, by its kind, the CPU being busy.

        What is not here is asked for one by one; `Cross` says itself what it costs.
        """
        ...

    @property
    def delays(self) -> Sequence[int]:
        """What steps with such a price take beyond it, by chance.

        One after the other, whosever they are, and over again at the end.
        """
        ...

    def cycles(self, op: Op) -> int:
        """To do an operation whose price depends on more than that."""
        ...

    def until(self, op: Op, now: int) -> int:
        """When a device that is asked for `op` now will have done it; else `now`."""
        ...
