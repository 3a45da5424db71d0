"""VMAs that are cut, joined, and given anon_vmas, while a page of theirs migrates.

The program had cut its memory in two before it touched any, so `vma_adjust` has met a
VMA without an anon_vma.  Then it moves the boundary down: the upper VMA takes over the
lower one's last page, which is the one that migrates, and with it the anon_vma.  And
then it makes one VMA of both again, so that the upper one goes.  The page has been
copied when this begins: what is left is the walk that may not miss an entry.
"""

from __future__ import annotations

from kmm.designs import KernelSpec
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.kernel import Config
from kmm.mm.mmap import PROT_READ, PROT_WRITE
from kmm.scenarios.migrating import compact
from kmm.scenarios.process import DATA, SceneProcess, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import advance, race_scene
from kmm.sim.machine import Machine
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """Page 1 is written; page 2 may only be read, and nobody has touched it."""
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=0)
    process = start_in_scene(k, "program", 4021, 1, pages=3, flags=DATA)
    process.run(process.mprotect(2, 1, PROT_READ))
    page = process.store(1, b"data")

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("program", 4021, 1, move_and_join(process)),
        ]

    def begin(machine: Machine) -> None:
        advance(machine, 0, lambda: page.mapping is None)

    return race_scene(k, threads, [process]).beginning(begin)


async def move_and_join(process: SceneProcess) -> None:
    await process.mprotect(1, 1, PROT_READ)
    await process.mprotect(1, 2, PROT_READ | PROT_WRITE)
    await process.read_back(1)


SCENARIO = Race(
    name="exercise.vma-adjust-lock",
    title="a boundary moves down, and then two VMAs become one",
    asks="Can a page be in neither of two neighbours whose boundary moves down?",
    story=(
        "The lower VMA gives a page up by one store, and the upper one takes it by "
        "another.  Who takes over pages is put on the lists of their anon_vmas before "
        "the bounds move, and who is swallowed is taken off when they have moved.  "
        "Both need the anon_vma's lock, each for itself."
    ),
    watch="the two stores, and when vma_adjust has the anon_vma's lock",
    threads=(
        "compaction migrates the last page of the lower VMA, and has copied it",
        "the program moves the boundary, joins the VMAs, and reads the page",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=24, migrate_passes=1),
)
