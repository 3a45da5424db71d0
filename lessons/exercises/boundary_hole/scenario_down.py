"""boundary-shift-child, but the boundary moves down: who gives is visited first.

A walk that knows either VMA as it was or as it will be finds the page.  Between the two
stores that move the boundary, it is in neither.  The page has been copied already.
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs import KernelSpec
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.kernel import Config
from kmm.mm.mmap import PROT_READ, PROT_WRITE
from kmm.scenarios.adjust import BOUNDARY_SHIFT_CHILD
from kmm.scenarios.migrating import compact
from kmm.scenarios.process import DATA, SceneProcess, start_in_scene
from kmm.scenarios.running import advance, race_scene
from kmm.sim.machine import Machine
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """The page is the last of the child's lower VMA."""
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=0)
    parent = start_in_scene(k, "program", 4021, 1, pages=3, flags=DATA)
    page = parent.store(1, b"data")
    child = parent.fork("child", 4022)
    child.split(2)

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("child", 4022, 1, move_boundary_down(child)),
        ]

    def begin(machine: Machine) -> None:
        advance(machine, 0, lambda: page.mapping is None)

    return race_scene(k, threads, [parent, child]).beginning(begin)


async def move_boundary_down(child: SceneProcess) -> None:
    """The lower VMA's last page gets the upper one's rights, and joins it."""
    await child.mprotect(1, 1, PROT_READ | PROT_WRITE)
    await child.read_back(1)


SCENARIO = evolve(
    BOUNDARY_SHIFT_CHILD,
    name="exercise.boundary-hole.down",
    title="a boundary moves down in a forked child, past a page that is migrating",
    set_up=set_up,
)
