"""stack-growth: a child's stack grows while a page of it is migrating.

A fault below a stack makes it grow, with mmap_sem held for reading only.  Its VMA's
start goes down, and its vm_pgoff with it, by two stores under the lock of the VMA's own
anon_vma.
"""

from __future__ import annotations

from ..designs import KernelSpec
from ..hw.memory import PAGE_SIZE
from ..kernel.syscalls import sys_mmap
from ..mm.boot import run_task, start_kernel
from ..mm.kernel import Config
from ..mm.mmap import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ
from ..sim.scene import Scene
from ..sim.thread import KThread
from .migrating import compact
from .process import STACK, SceneProcess, start_in_scene
from .race import Race
from .running import race_scene

CODE = 0x400000


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

    return race_scene(k, threads, [parent, child])


async def map_elsewhere(process: SceneProcess) -> None:
    """A program has code somewhere; what is nothing but a stack is in exec still."""
    flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    await sys_mmap(process.k, process.task, CODE, PAGE_SIZE, PROT_READ, flags)


async def grow(process: SceneProcess) -> None:
    """Look at what is below the stack, and then at what was in it before."""
    await process.task.cpu.load(process.address(-1), 4, user=True)
    await process.read_back(0)


STACK_GROWTH = Race(
    name="stack-growth",
    title="a stack grows while a page of it is migrating",
    asks="Is the lock under which a stack grows the one that keeps walks away?",
    story=(
        "A forked child's stack grows down by a page.  Its VMA's vm_start is stored "
        "first, its vm_pgoff then, both under the lock of the child's own anon_vma.  "
        "The page that migrates was written before the fork, so the walk holds the "
        "parent's.  In between the two stores it works out an address one page too "
        "low, which is in the VMA by now, and finds nothing there."
    ),
    watch="vm_start and vm_pgoff of the child's stack, and whose lock the walk holds",
    threads=(
        "compaction migrates the page that both processes have",
        "the child looks at what is below its stack, and reads what was in it",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=32, migrate_passes=1),
)
