"""stack-growth, from when the page has been copied: what is left is the second walk.

That is the walk that may not miss an entry.  And who grows the stack takes the lock of
its own anon_vma, by way of `expand_stack`.
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs import KernelSpec
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.kernel import Config
from kmm.scenarios.growth import STACK_GROWTH, grow, map_elsewhere
from kmm.scenarios.migrating import compact
from kmm.scenarios.process import STACK, start_in_scene
from kmm.scenarios.running import advance, race_scene
from kmm.sim.machine import Machine
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """The parent has written to its stack, and has forked."""
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=0)
    parent = start_in_scene(k, "program", 4021, 1, 1, STACK)
    parent.run(map_elsewhere(parent))
    page = parent.store(0, b"data")
    child = parent.fork("child", 4022)

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("child", 4022, 1, grow(child)),
        ]

    def begin(machine: Machine) -> None:
        advance(machine, 0, lambda: page.mapping is None)

    return race_scene(k, threads, [parent, child]).beginning(begin)


SCENARIO = evolve(
    STACK_GROWTH,
    name="exercise.boundary-hole.growth",
    title="a stack grows while the second walk of a migration is under way",
    set_up=set_up,
)
