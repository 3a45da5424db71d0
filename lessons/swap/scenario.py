"""Reclaim swaps a page out that was not used lately, just as its program comes back.

The page is on the inactive list, where nobody has used it since.  Reclaim has isolated
it, and does all that it does to such a page, but for the last step: the frame stays
with the swap cache.  Meanwhile the program writes to the page.
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs import KernelSpec
from kmm.hw.memory import PAGE_SHIFT, PhysAddr
from kmm.mm.boot import run_on, run_task, start_kernel
from kmm.mm.kernel import Config, Kernel
from kmm.mm.mm_types import Page
from kmm.mm.mmzone import LRU_ACTIVE_ANON, LRU_INACTIVE_ANON
from kmm.mm.pgtable import find_pte, pte_pfn, pte_present
from kmm.mm.swapops import swp_offset
from kmm.mm.vmscan import (
    PAGEREF_RECLAIM,
    SWAP_CLUSTER_MAX,
    count_isolated,
    give_up,
    isolate_lru_pages,
    page_check_references,
    putback_lru_page,
    shrink_active_list,
)
from kmm.scenarios.process import DATA, SceneProcess, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import race_scene
from kmm.sim.machine import run_alone
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """A page goes the way down: to the inactive list, and off it to be looked at."""
    k = start_kernel(config, spec)
    run_task(k, "kswapd0", 31, cpu=0)
    process = start_in_scene(k, "program", 4021, cpu=1, flags=DATA)
    process.store(0, b"one")
    zone = k.zones[0]
    run_on(k, shrink_active_list(k, zone, SWAP_CLUSTER_MAX, LRU_ACTIVE_ANON))
    (page,) = run_on(k, isolate_lru_pages(k, zone, 1, LRU_INACTIVE_ANON))

    def threads() -> list[KThread]:
        return [
            KThread("kswapd0", 31, 0, reclaim(k, page)),
            KThread("program", 4021, 1, process.write(0, b"two")),
        ]

    scene = race_scene(k, threads)

    def check() -> None:
        scene.check()
        expect(k, process)

    return evolve(scene, check=check)


async def reclaim(k: Kernel, page: Page) -> None:
    """What shrink_page does, up to where the frame would be free."""
    await page.locked.lock()
    unlocked = False
    if await page_check_references(k, page) == PAGEREF_RECLAIM:
        _, unlocked = await give_up(k, page)
    if not unlocked:
        await page.locked.unlock()
    count_isolated(page, -1)
    await putback_lru_page(k, page)


def expect(k: Kernel, process: SceneProcess) -> None:
    """What the program wrote must be where its entry says.  Raises Corruption."""
    for address, data in process.written.items():
        ptep = run_alone(find_pte(k, process.mm, address))
        assert ptep is not None
        process.compare(address, data, contents(k, ptep.value)[: len(data)])


def contents(k: Kernel, entry: int) -> bytes:
    """What a page-table entry leads to: a page, or a slot of the swap device."""
    if pte_present(entry):
        return k.memory.read(PhysAddr(pte_pfn(entry) << PAGE_SHIFT), 8)
    return k.swap.device[swp_offset(entry)]


SCENARIO = Race(
    name="lesson.swap",
    title="a page is swapped out as its program writes to it",
    asks="Can a write be lost that a program makes while its page is swapped out?",
    story=(
        "A page has come to the end of the inactive list.  Reclaim asks whether it was "
        "used since it came there.  If not, it gives the page a slot on the swap "
        "device, lets all entries name the slot in place of the page, and writes it. "
        "Meanwhile the program writes to just that page."
    ),
    watch="the entry: it maps the page, names a slot, and maps the page again",
    threads=("reclaim swaps the page out", "the program writes to the page"),
    set_up=set_up,
    config=Config(cpus=2, frames=24, swap_slots=8),
    sizes=("frames",),
)
