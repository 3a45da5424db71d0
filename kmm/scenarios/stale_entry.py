"""stale-entry-reuse: an entry that was left behind, and a frame that is given out.

This begins where exec-stack ends badly.  The stack's page has been moved, and its entry
was missed; the old frame is free.  exec has not come to the entry yet.
"""

from __future__ import annotations

from ..designs import KernelSpec
from ..mm.boot import run_on, run_task, start_kernel
from ..mm.kernel import Config, Kernel
from ..mm.mm_types import Page
from ..mm.mmzone import LRU_ACTIVE_ANON
from ..mm.swap import lru_add_drain
from ..sim.machine import Machine
from ..sim.scene import Scene
from ..sim.thread import KThread
from .exec_stack import build_stack, execve
from .migrating import compact
from .process import DATA, SceneProcess, start_in_scene
from .race import Race
from .running import advance, race_scene

MIGRATION, EXEC = 0, 1


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """Exec has lowered vm_start, if this kernel does so first; the page has moved."""
    k = start_kernel(config, spec)
    writer = start_in_scene(k, "writer", 4022, 0, 1, DATA)
    task = run_task(k, "sh", 4021, cpu=1)
    bprm = run_on(k, build_stack(k), cpu=1)
    (page,) = (page for zone in k.zones for page in zone.lru[LRU_ACTIVE_ANON])

    def threads() -> list[KThread]:
        return [
            KThread("writer", 4022, 0, compact_and_write(k, page, writer)),
            KThread("date", task.pid, 1, execve(k, task, bprm)),
        ]

    vma, old_start = bprm.vma, bprm.vma.vm_start
    assert vma.anon_vma is not None
    lock = vma.anon_vma.lock

    def begin(machine: Machine) -> None:
        advance(machine, MIGRATION, lambda: page.mapcount == -1 and lock.owner is None)
        advance(machine, EXEC, lambda: vma.vm_start < old_start and lock.owner is None)
        advance(machine, MIGRATION, lambda: page.count == 0)

    return race_scene(k, threads, [writer]).beginning(begin)


async def compact_and_write(k: Kernel, page: Page, process: SceneProcess) -> None:
    """A program that has memory compacted, and then touches a page of its own."""
    await compact(k, page)
    await lru_add_drain(k)  # the next round begins so; the old frame is free then
    await process.write(0, b"mine")
    await process.read_back(0)


STALE_ENTRY_REUSE = Race(
    name="stale-entry-reuse",
    title="a stale entry is mended after its frame has been given out again",
    asks="Can an entry that a migration left behind be mended later?",
    story=(
        "A migration entry says which frame the page was in, and nothing else.  When "
        "the migration is over, the frame is free, or somebody else's.  Version 2 of "
        "the series made such an entry a mapping again when exec came to it: a mapping "
        "of whatever is in that frame by then."
    ),
    watch="the frame that the entry names: who has it when exec maps it again?",
    threads=(
        "a program on CPU 0, whose compaction is over, touches a new page",
        "execve, which has lowered the start of its stack, moves the entries",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=32, stack_shift=6, migrate_passes=1),
    sizes=("frames", "stack_shift", "migrate_passes"),
)
