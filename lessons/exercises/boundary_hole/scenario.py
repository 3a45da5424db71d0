"""boundary-shift-child, with a sibling that was forked before the child's VMA was cut.

A VMA that is cut in two gets a new structure, and that goes to the end of the list of
each of its anon_vmas.  So on the grandparent's list a sibling's VMA stands between the
two of the child, whose boundary moves.  The page has been copied already: what is left
is the walk that may not miss an entry.
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs import KernelSpec
from kmm.kernel.sched import context_switch
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.kernel import Config
from kmm.scenarios.adjust import BOUNDARY_SHIFT_CHILD, move_boundary_up
from kmm.scenarios.migrating import compact
from kmm.scenarios.process import DATA, start_in_scene
from kmm.scenarios.running import advance, race_scene
from kmm.sim.machine import Machine
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """A page that was written before two forks; the first child has cut its VMA."""
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=0)
    parent = start_in_scene(k, "program", 4021, 1, pages=3, flags=DATA)
    page = parent.store(1, b"data")
    child = parent.fork("child", 4022)
    parent.run(context_switch(k, child.task, parent.task))
    sibling = parent.fork("sibling", 4023)
    child.run(context_switch(k, sibling.task, child.task))
    child.split(1)

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("child", 4022, 1, move_boundary_up(child)),
        ]

    def begin(machine: Machine) -> None:
        advance(machine, 0, lambda: page.mapping is None)

    return race_scene(k, threads, [parent, child, sibling]).beginning(begin)


SCENARIO = evolve(
    BOUNDARY_SHIFT_CHILD,
    name="exercise.boundary-hole",
    title="the same with a sibling, whose VMA stands between the two on the list",
    asks="Does a walk keep the child's lock while it looks at a sibling?",
    threads=(
        "compaction migrates the page that all three processes have, and has copied it",
        "in the child, mprotect moves the boundary; the child reads",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=40, migrate_passes=1),
)
