"""boundary-shift-child, for a page that the child has written to since the fork.

Nobody but the child has this page, and its mapping is the child's own anon_vma, whose
lock is the one that the child takes to move the boundary.
"""

from __future__ import annotations

from kmm.designs import KernelSpec
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.kernel import Config
from kmm.scenarios.adjust import move_boundary_up
from kmm.scenarios.migrating import compact
from kmm.scenarios.process import DATA, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import race_scene
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """A forked child has a page of its own, the first of its upper VMA."""
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=0)
    parent = start_in_scene(k, "program", 4021, 1, pages=3, flags=DATA)
    parent.store(1, b"parent's")
    child = parent.fork("child", 4022)
    page = child.store(1, b"child's")
    child.split(1)

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("child", 4022, 1, move_boundary_up(child)),
        ]

    return race_scene(k, threads, [parent, child])


SCENARIO = Race(
    name="lesson.boundary-shift",
    title="a boundary moves in a forked child, over a page of its own",
    asks="Is a page safe that only the child has, and that it wrote after the fork?",
    story=(
        "As in boundary-shift-child, but the child has written to the page since the "
        "fork, so it has a copy that nobody else has.  The copy's anon_vma is the "
        "child's own, whose lock the child takes to move the boundary.  A walk that "
        "holds that lock all the way is safe.  A walk from the root holds it for one "
        "VMA at a time."
    ),
    watch="which lock the walk holds between the child's two VMAs",
    threads=(
        "compaction migrates the page that only the child has",
        "in the child, mprotect moves the boundary; the child reads",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=32, migrate_passes=1),
)
