"""One CPU drops the last reference to a page, and another one has just found the page.

A program has ended.  A driver had one of its pages pinned, since a disk was still
writing to it, and is done now.  The page is on the LRU list, where compaction's scanner
comes by and wants to take it off: may it?
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs import KernelSpec
from kmm.kernel.exit import do_exit
from kmm.mm.boot import run_on, run_task, start_kernel
from kmm.mm.buddy import free_blocks
from kmm.mm.kernel import Config, Kernel
from kmm.mm.mm_types import Page
from kmm.mm.page_alloc import get_page
from kmm.mm.swap import lru_add_drain_all, put_page
from kmm.mm.vmscan import isolate_lru_page, putback_lru_page
from kmm.scenarios.process import DATA, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import race_scene
from kmm.sim.failure import Corruption
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """All memory is free again, but for the one page that the driver holds."""
    k = start_kernel(config, spec)
    whole = blocks(k)
    process = start_in_scene(k, "program", 4021, cpu=1, flags=DATA)
    page = process.store(0, b"data")
    process.run(get_page(page))
    process.run(do_exit(k, process.task, 0))
    run_task(k, "compact", 3977, cpu=0)
    # The kernel's own address space: so CPU 1 lets go of the program's, too.
    run_task(k, "driver", 312, cpu=1, mm=k.init_mm)

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, scan(k, page)),
            KThread("driver", 312, 1, put_page(k, page)),
        ]

    scene = race_scene(k, threads)

    def check() -> None:
        run_on(k, lru_add_drain_all(k))
        if blocks(k) != whole:
            raise Corruption(f"free memory is {blocks(k)}, and was {whole} at boot")
        scene.check()

    return evolve(scene, check=check)


def blocks(k: Kernel) -> list[tuple[int, int]]:
    """All free blocks: the pfn of the first page, and the order."""
    return sorted((page.pfn, order) for page, order, _ in free_blocks(k.zones[0]))


async def scan(k: Kernel, page: Page) -> None:
    """Take the page off its LRU list, and think better of it."""
    if await isolate_lru_page(k, page):
        await putback_lru_page(k, page)


SCENARIO = Race(
    name="lesson.struct-page",
    title="a page is found while its last user lets go of it",
    asks="Can somebody take a reference to a page that is being freed?",
    story=(
        "A program has ended, but a driver had one of its pages pinned, and drops that "
        "reference now.  The page is still on its LRU list, where compaction finds it. "
        "When the count has reached 0, the page belongs to whoever made it 0; to take "
        "a reference then would be to keep what is about to be given away."
    ),
    watch="the page's count, and which CPU takes the page off its list",
    threads=(
        "compaction's scanner takes the page off its LRU list, and puts it back",
        "a driver drops the last reference to it",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=32),
    sizes=("frames",),
)
