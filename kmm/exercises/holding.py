"""Which locks a thread holds where it comes to a function, in every interleaving.

A function that is to take locks, and nothing else, is not seen to leave one out: what
the lock keeps away has to happen just then.  So this looks at the locks themselves.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from ..sim.machine import Machine
from ..sim.search import Boot, Coverage, search, with_watchers
from ..sim.strategies import Strategy
from ..sim.thread import KThread
from ..sim.trap import Op

Locks = frozenset[str]


@define
class Holding:
    """Looks on at any number of runs, and notes the locks of a thread as it comes."""

    thread: int
    at: str  # the function's name
    seen: dict[Locks, tuple[int, ...]] = field(factory=dict)  # and a run to there
    machine: Machine | None = None  # whose run this is
    inside: bool = False  # whether the thread has come

    def before(self, machine: Machine, thread: KThread) -> None:
        if machine is not self.machine:
            self.machine, self.inside = machine, False
        if thread.index != self.thread:
            return
        inside = self.at in [place.function for place in thread.call_trace()]
        if inside and not self.inside:
            held = frozenset(lock.name for lock in thread.held)
            self.seen.setdefault(held, tuple(machine.choices))
        self.inside = inside

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        """What a step has done is seen at the next."""


def locks_at(
    boot: Boot, strategy: Strategy, thread: int, at: str, budget: int, most_steps: int
) -> Mapping[Locks, tuple[int, ...]]:
    """The sets of locks that a thread holds coming to a function; and a run to each.

    Runs that fail count as well, as far as they go.
    """
    holding = Holding(thread, at)

    def go_on(coverage: Coverage) -> bool:
        return coverage.steps < most_steps

    search(
        with_watchers(boot, holding),
        strategy,
        budget=budget,
        stop_at_failure=False,
        progress=go_on,
    )
    return holding.seen
