"""What the scenes of all races have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..mm.audit import audit, check_always
from ..mm.boot import interrupt_threads
from ..mm.kernel import Kernel
from ..mm.mm_types import Page, PG_lru
from ..mm.observe import observe
from ..sim.machine import Machine
from ..sim.scene import Scene
from ..sim.thread import KThread
from .process import SceneProcess


def race_scene(
    k: Kernel,
    threads: Callable[[], Sequence[KThread]],
    processes: Sequence[SceneProcess] = (),
) -> Scene:
    """Threads that are to begin, and what must be so when they have ended.

    Every process must find in memory what it wrote, and all counts must add up.
    """

    def check() -> None:
        for process in processes:
            process.expect()
        audit(k)

    return Scene(
        lambda: [*threads(), *interrupt_threads(k)],
        check=check,
        observe=lambda: observe(k),
        always=lambda: check_always(k),
        model=k,
    )


def at_isolation(thread: int, page: Page) -> Callable[[Machine], None]:
    """Let whoever is to migrate a page come to it; the race begins there."""
    return lambda machine: advance(machine, thread, lambda: not page.flags & PG_lru)


def advance(machine: Machine, thread: int, there: Callable[[], bool]) -> None:
    """Let one thread go on until something is so, or until it cannot go on.

    For races that begin in the middle of things.  On some kernels the thread does not
    come there: in stale-entry-reuse, v3 leaves the page alone, and the thread ends.
    The race then begins where all this has led to.
    """
    while not there() and machine.threads[thread] in machine.enabled():
        machine.step(machine.threads[thread])
