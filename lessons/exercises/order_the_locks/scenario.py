"""lock-order, in a grandchild whose memory is cut in two.

Each of its two VMAs is on the lists of three anon_vmas, and these are the same three: a
grandparent's, a parent's, and its own.
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs import KernelSpec
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.kernel import Config
from kmm.scenarios.lock_order import LOCK_ORDER, register_notifier
from kmm.scenarios.migrating import compact
from kmm.scenarios.process import DATA, start_in_scene
from kmm.scenarios.running import race_scene
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """A page that was written before both forks, and that all three have."""
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=0)
    parent = start_in_scene(k, "program", 4021, 1, pages=2, flags=DATA)
    page = parent.store(0, b"data")
    child = parent.fork("child", 4022)
    grandchild = child.fork("grandchild", 4023)
    grandchild.split(1)

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("grandchild", 4023, 1, register_notifier(grandchild)),
        ]

    return race_scene(k, threads, [parent, child, grandchild])


SCENARIO = evolve(
    LOCK_ORDER,
    name="exercise.order-the-locks",
    title="an address space of two forks is locked while its page is migrating",
    asks="Do three generations agree on an order of their locks?",
    story=(
        "The grandchild has three anon_vmas, each on the lists of both of its VMAs.  A "
        "walk takes the oldest, and then one of the others after the other."
    ),
    threads=(
        "compaction migrates the page that all three processes have",
        "the grandchild registers an mmu notifier, for which everything is locked",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=40, migrate_passes=1),
)
