"""What the machines of all races have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..mm.audit import audit, check_always
from ..mm.boot import interrupt_threads
from ..mm.kernel import Kernel
from ..mm.mm_types import Page, PG_lru
from ..mm.observe import observe
from ..sim.machine import Machine
from ..sim.thread import KThread
from .process import Process


def race_machine(
    k: Kernel, threads: Sequence[KThread], processes: Sequence[Process] = ()
) -> Machine:
    """Threads at their first step, and what must be so when they have ended.

    Every process must find in memory what it wrote, and all counts must add up.
    """

    def check() -> None:
        for process in processes:
            process.expect()
        audit(k)

    return Machine(
        [*threads, *interrupt_threads(k)],
        check=check,
        observe=lambda: observe(k),
        always=lambda: check_always(k),
        model=k,
    )


def advance_to_isolation(machine: Machine, thread: int, page: Page) -> Machine:
    """Let whoever is to migrate a page come to it; the race begins there."""
    advance(machine, thread, lambda: not page.flags & PG_lru)
    return machine


def advance(machine: Machine, thread: int, there: Callable[[], bool]) -> None:
    """Let one thread go on until something is so, or until it cannot go on.

    For races that begin in the middle of things.  What was done so far is no part of
    the run: the machine's history begins here.
    """
    while not there() and machine.threads[thread] in machine.enabled():
        machine.step(machine.threads[thread])
    machine.choices.clear()
