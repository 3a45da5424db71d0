"""ksmd makes one page of two with the same contents, as the program writes to one.

ksmd has come by often enough to know that neither changes.  In this round it has put
the first into the unstable tree, and is about to come to the second.
"""

from __future__ import annotations

from kmm.designs import KernelSpec
from kmm.hw.memory import PAGE_SIZE
from kmm.kernel.syscalls import sys_madvise
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.kernel import Config, Kernel
from kmm.mm.ksm import ksm_do_scan
from kmm.mm.ksm_merge import cmp_and_merge_page
from kmm.mm.madvise import MADV_MERGEABLE
from kmm.mm.mm_types import Page, RmapItem
from kmm.mm.page_alloc import get_page
from kmm.mm.swap import put_page
from kmm.scenarios.process import DATA, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import race_scene
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread

PAGES = 2


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """Two pages held the same, and one of them is in the unstable tree."""
    k = start_kernel(config, spec)
    run_task(k, "ksmd", 41, cpu=0)
    process = start_in_scene(k, "program", 4021, cpu=1, pages=PAGES, flags=DATA)
    for number in range(PAGES):
        process.store(number, b"same")
    length = PAGES * PAGE_SIZE
    start = process.address(0)
    process.run(sys_madvise(k, process.task, start, length, MADV_MERGEABLE))
    process.run(scan(k, PAGES + 1))  # a whole round: it notes checksums
    process.run(scan(k, 1))
    assert k.ksm.pages_unshared == 1, "the first page is in the unstable tree"
    second = process.page(1)
    assert second is not None
    item = k.ksm.mm_slots[0].rmap_list[1]

    def threads() -> list[KThread]:
        return [
            KThread("ksmd", 41, 0, merge(k, second, item)),
            KThread("program", 4021, 1, process.write(1, b"else")),
        ]

    return race_scene(k, threads, [process])


async def scan(k: Kernel, pages: int) -> None:
    async with k.ksm.thread_mutex:
        await ksm_do_scan(k, pages)


async def merge(k: Kernel, page: Page, item: RmapItem) -> None:
    """What ksm_do_scan does with the page that it has come to."""
    async with k.ksm.thread_mutex:
        await get_page(page)
        await cmp_and_merge_page(k, page, item)
        await put_page(k, page)


SCENARIO = Race(
    name="lesson.ksm",
    title="a program writes to a page that ksmd is about to merge",
    asks="Can a write be lost that a program makes while its page is merged?",
    story=(
        "Two pages have the same contents.  ksmd makes the second read-only, and calls "
        "it KSM's; then it maps it in the place of the first.  Meanwhile the program "
        "writes to the second.  If the write is earlier, the two are not the same any "
        "more; if it is later, the program must get a page of its own."
    ),
    watch="the two entries: which page they map, and whether it may be written to",
    threads=(
        "ksmd comes to the second page, and merges it with the first",
        "the program writes to the second page",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=24),
    sizes=("frames",),
)
