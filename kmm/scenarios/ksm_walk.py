"""ksm-walk: a boundary moves past a KSM page that is migrating.

KSM's pages are found by the places that were merged, each with an address of its own.
They migrate only when their memory goes away.
"""

from __future__ import annotations

from ..designs import KernelSpec
from ..kernel.syscalls import sys_madvise
from ..mm.boot import run_task, start_kernel
from ..mm.kernel import Config
from ..mm.ksm import ksm_do_scan
from ..mm.madvise import MADV_MERGEABLE
from ..sim.scene import Scene
from ..sim.thread import KThread
from .adjust import move_boundary_up
from .migrating import remove_ksm_page
from .process import DATA, SceneProcess, start_in_scene
from .race import Race
from .running import race_scene

PAGES = 4


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """Two pages of a program held the same, and are one; a boundary is below it."""
    k = start_kernel(config, spec)
    run_task(k, "offline", 3977, cpu=0)
    process = start_in_scene(k, "program", 4021, 1, PAGES, DATA)
    for number in (1, 3):
        process.store(number, b"same")
    process.run(merge(process))
    process.split(1)
    page = process.page(1)
    assert page is not None
    assert page is process.page(3), "KSM has merged them"

    def threads() -> list[KThread]:
        return [
            KThread("offline", 3977, 0, remove_ksm_page(k, page)),
            KThread("program", 4021, 1, move_boundary_up(process)),
        ]

    return race_scene(k, threads, [process])


async def merge(process: SceneProcess) -> None:
    """madvise, and so many rounds of ksmd that it has seen that nothing changes."""
    k, task = process.k, process.task
    length = process.vma.vm_end - process.vma.vm_start
    await sys_madvise(k, task, process.address(0), length, MADV_MERGEABLE)
    for _ in range(3):
        async with k.ksm.thread_mutex:
            await ksm_do_scan(k, PAGES)


KSM_WALK = Race(
    name="ksm-walk",
    title="a boundary moves past a KSM page that is migrating",
    asks="Is a KSM page found while the boundary of its VMA moves over it?",
    story=(
        "A walk of a KSM page knows the address of each place, and asks every VMA of "
        "the place's anon_vma whether the address is its own.  While the boundary "
        "between two of them moves over the address, each may say no."
    ),
    watch="the boundary, when the walk asks each of the two VMAs",
    threads=(
        "the page's memory goes away, so the page migrates",
        "mprotect moves the boundary; then the program reads the page",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=32, migrate_passes=1),
)
