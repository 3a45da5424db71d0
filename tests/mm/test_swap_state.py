"""The swap cache: one frame for a slot, whoever looks, and who may have it alone."""

from __future__ import annotations

import pytest
from attrs import evolve
from building import alone, boot, is_free, lru_pages, settle, thread, use_up_memory

from kmm.hw.memory import PAGE_SHIFT, PhysAddr
from kmm.mm.gfp import GFP_ATOMIC
from kmm.mm.kernel import Kernel
from kmm.mm.migrate import migrate_pages
from kmm.mm.mm_types import (
    Page,
    PG_active,
    PG_dirty,
    PG_swapbacked,
    PG_swapcache,
    PG_uptodate,
    PG_writeback,
    StableNode,
)
from kmm.mm.mmzone import LRU_ACTIVE_ANON, LRU_INACTIVE_ANON
from kmm.mm.page_alloc import alloc_page
from kmm.mm.swap import put_page
from kmm.mm.swap_state import (
    add_to_swap,
    delete_from_swap_cache,
    free_swap_and_cache,
    lookup_swap_cache,
    read_swap_cache_async,
    reuse_swap_page,
    swap_writepage,
    try_to_free_swap,
    wait_on_page_writeback,
)
from kmm.mm.swapfile import swap_count, swap_duplicate
from kmm.mm.swapops import migration_entry
from kmm.mm.vmscan import (
    SWAP_CLUSTER_MAX,
    isolate_lru_page,
    isolate_lru_pages,
    shrink_active_list,
    shrink_page,
)
from kmm.mm.vmstat import global_page_state
from kmm.scenarios.process import DATA, start_in_scene
from kmm.scenarios.running import race_scene
from kmm.sim.failure import KernelBug
from kmm.sim.machine import Machine
from kmm.sim.scene import Rewound, Scene
from kmm.sim.search import search
from kmm.sim.strategies import RandomWalk, SourceDpor


def machine(frames: int = 8, swap_slots: int = 8) -> Kernel:
    return boot(frames=frames, swap_slots=swap_slots)


def new_page(k: Kernel) -> Page:
    """A page as an anonymous one is: ours alone, and locked."""
    page = alone(alloc_page(k, GFP_ATOMIC), k)
    assert page is not None
    page.flags |= PG_swapbacked | PG_uptodate
    k.memory.write(PhysAddr(page.pfn << PAGE_SHIFT), b"contents")
    alone(page.locked.lock())
    return page


def unlock(page: Page) -> None:
    alone(page.locked.unlock())


def cached(k: Kernel, mapcount: int = 0, entries: int = 0) -> Page:
    """A locked page in the swap cache, mapped and referred to so many times."""
    page = new_page(k)
    assert alone(add_to_swap(k, page))
    page.mapcount = mapcount - 1
    for _ in range(entries):
        alone(swap_duplicate(k, page.private))
    return page


def is_cached(k: Kernel, page: Page) -> bool:
    return page in k.swapper_space.page_tree.values()


def swapped_out(k: Kernel) -> int:
    """The entry of a page that is on the device only."""
    page = cached(k, entries=1)
    entry = page.private
    alone(swap_writepage(k, page))
    alone(page.locked.lock())
    alone(delete_from_swap_cache(k, page))
    unlock(page)
    alone(put_page(k, page), k)
    assert is_free(page)
    return entry


# Joining and leaving.


def test_a_page_in_the_swap_cache_is_found_by_its_entry() -> None:
    k = machine()
    page = cached(k)
    assert page.count == 2, "the cache has a reference"
    assert alone(lookup_swap_cache(k, page.private)) is page
    assert page.count == 3
    assert page.flags & PG_dirty, "it is not on the device yet"
    assert global_page_state(k, "nr_file_pages") == 1


def test_an_entry_whose_page_is_on_the_device_only_finds_nothing() -> None:
    k = machine()
    assert alone(lookup_swap_cache(k, swapped_out(k))) is None


def test_a_page_that_leaves_gives_its_slot_and_a_reference_back() -> None:
    k = machine()
    page = cached(k)
    alone(delete_from_swap_cache(k, page), k)
    assert (page.count, page.private) == (1, 0)
    assert not page.flags & PG_swapcache
    assert not is_cached(k, page)
    assert k.swap.inuse_pages == 0
    assert global_page_state(k, "nr_file_pages") == 0


def test_a_slot_that_entries_refer_to_stays_when_the_page_leaves() -> None:
    k = machine()
    page = cached(k, entries=1)
    entry = page.private
    alone(delete_from_swap_cache(k, page), k)
    assert alone(swap_count(k, entry)) == 1
    assert k.swap.inuse_pages == 1


def test_a_page_stays_as_it_is_if_there_is_no_slot_for_it() -> None:
    k = machine(swap_slots=2)
    cached(k)
    page = new_page(k)
    assert not alone(add_to_swap(k, page))
    assert (page.count, page.flags & (PG_swapcache | PG_dirty)) == (1, 0)


@pytest.mark.parametrize("how", ["unlocked", "twice", "of a file"])
def test_a_page_that_must_not_join_is_a_bug(how: str) -> None:
    k = machine()
    page = cached(k) if how == "twice" else new_page(k)
    if how == "unlocked":
        unlock(page)
    if how == "of a file":
        page.flags &= ~PG_swapbacked
    with pytest.raises(KernelBug):
        alone(add_to_swap(k, page))


@pytest.mark.parametrize("how", ["unlocked", "absent", "written"])
def test_a_page_that_must_not_leave_is_a_bug(how: str) -> None:
    k = machine()
    page = new_page(k) if how == "absent" else cached(k)
    if how == "unlocked":
        unlock(page)
    if how == "written":
        page.flags |= PG_writeback
    with pytest.raises(KernelBug):
        alone(delete_from_swap_cache(k, page), k)


# Reading and writing.


def test_a_page_comes_back_with_its_contents_and_must_show_that_it_is_used() -> None:
    k = machine()
    entry = swapped_out(k)
    page = alone(read_swap_cache_async(k, entry), k)
    assert page is not None
    assert k.memory.read(PhysAddr(page.pfn << PAGE_SHIFT), 8) == b"contents"
    assert page.flags & PG_uptodate
    assert not page.locked_now
    settle(k)
    assert lru_pages(k) == [page]
    assert not page.flags & PG_active
    assert page.count == 2, "ours, and the cache's"


def test_a_page_that_was_read_can_move_before_anybody_maps_it() -> None:
    k = machine()
    entry = swapped_out(k)
    page = alone(read_swap_cache_async(k, entry), k)
    assert page is not None
    alone(put_page(k, page), k)
    settle(k)
    assert alone(isolate_lru_page(k, page))

    async def new_page(k: Kernel, page: Page) -> Page | None:
        return await alloc_page(k, GFP_ATOMIC)

    assert alone(migrate_pages(k, [page], new_page), k) == 0
    settle(k)
    moved = alone(lookup_swap_cache(k, entry))
    assert moved is not None
    assert moved is not page
    assert k.memory.read(PhysAddr(moved.pfn << PAGE_SHIFT), 8) == b"contents"
    assert is_free(page)


def test_who_comes_second_gets_the_same_page_without_reading() -> None:
    k = machine()
    entry = swapped_out(k)
    first = alone(read_swap_cache_async(k, entry), k)
    assert alone(read_swap_cache_async(k, entry), k) is first
    assert k.vm_events["pswpin"] == 1


def two_readers() -> Machine:
    k = machine(frames=4)
    entry = swapped_out(k)
    got: list[Page | None] = []

    async def read() -> None:
        got.append(await read_swap_cache_async(k, entry))

    def check() -> None:
        assert got[0] is not None
        assert got[0] is got[1]
        settle(k)
        assert got[0].count == 3
        assert is_free(k.mem_map[5 - got[0].pfn]), "one of them had it for nothing"

    return Machine([thread(0, read()), thread(1, read())], check)


def test_two_who_read_at_once_share_one_page() -> None:
    assert search(two_readers, RandomWalk(seed=1), budget=300).failure is None


def test_who_finds_the_page_on_its_way_waits_for_it() -> None:
    """A search that is not fair finds no run in which it asks for ever."""
    assert search(two_readers, SourceDpor()).verdict == "proved"


def reclaim_and_swap_in() -> Scene:
    """A page is given up while its program comes back for it."""
    k = machine(frames=24)
    program = start_in_scene(k, "program", 4021, cpu=1, flags=DATA)
    page = program.store(0, b"cold")
    zone = k.zones[0]
    alone(shrink_active_list(k, zone, SWAP_CLUSTER_MAX, LRU_ACTIVE_ANON), k)
    alone(isolate_lru_pages(k, zone, 1, LRU_INACTIVE_ANON), k)
    scene = race_scene(
        k, lambda: [thread(0, shrink_page(k, page)), thread(1, program.read_back(0))]
    )
    return evolve(scene, check=lambda: None)  # the page is still isolated


def test_every_run_of_a_search_with_waits_for_two_locks_can_be_made_again() -> None:
    scene = reclaim_and_swap_in()
    boot, made = Rewound(scene), list[Machine]()

    def boot_and_remember() -> Machine:
        made.append(boot())
        return made[-1]

    assert search(boot_and_remember, SourceDpor(), budget=500).verdict == "proved"
    for choices in [machine.choices for machine in made]:
        again = boot()
        for choice in choices:
            assert again.threads[choice] in again.enabled()
            again.step(again.threads[choice])
        again.close()


def test_nothing_is_read_if_there_is_no_memory_or_nobody_wants_it() -> None:
    k = machine()
    entry = swapped_out(k)
    taken = use_up_memory(k)
    assert alone(read_swap_cache_async(k, entry), k) is None
    alone(put_page(k, taken[0]), k)
    alone(free_swap_and_cache(k, entry), k)
    assert alone(read_swap_cache_async(k, entry), k) is None
    assert is_free(taken[0])


def test_a_page_is_written_unlocked_and_marked_as_being_written_meanwhile() -> None:
    k = machine()
    page = cached(k, entries=1)
    states: set[tuple[bool, bool]] = set()

    def look() -> None:
        if not k.swap.device:
            states.add((page.locked_now, bool(page.flags & PG_writeback)))

    writer = thread(0, swap_writepage(k, page))
    page.locked.owner = writer
    writer.held.append(page.locked)
    made = Machine([writer], always=look)
    made.is_checked = True
    while made.enabled():
        made.step(writer)
    assert made.failure is None
    assert states == {(True, False), (True, True), (False, True)}
    assert not page.flags & PG_writeback
    assert k.swap.device[1][:8] == b"contents"
    alone(wait_on_page_writeback(page))


def test_a_page_that_no_entry_refers_to_is_not_written() -> None:
    k = machine()
    page = cached(k, mapcount=1)
    alone(swap_writepage(k, page))
    assert not page.locked_now
    assert not is_cached(k, page)
    assert (k.vm_events["pswpout"], k.swap.inuse_pages) == (0, 0)


# Who may have the page to itself?


@pytest.mark.parametrize(
    ("mapcount", "entries", "alone_with_it"),
    [(1, 0, True), (0, 1, True), (1, 1, False), (2, 0, False), (0, 2, False)],
)
def test_the_only_user_of_a_page_may_write_to_it(
    mapcount: int, entries: int, alone_with_it: bool
) -> None:
    k = machine()
    page = cached(k, mapcount, entries)
    assert alone(reuse_swap_page(k, page), k) is alone_with_it
    assert is_cached(k, page) is not alone_with_it
    assert k.swap.inuse_pages == (0 if alone_with_it and not entries else 1)
    assert page.flags & PG_dirty


@pytest.mark.parametrize(("mapcount", "alone_with_it"), [(1, True), (2, False)])
def test_without_a_slot_only_mappings_count(mapcount: int, alone_with_it: bool) -> None:
    k = machine()
    page = new_page(k)
    page.mapcount = mapcount - 1
    assert alone(reuse_swap_page(k, page), k) is alone_with_it


def test_a_page_that_is_being_written_keeps_its_slot() -> None:
    k = machine()
    page = cached(k, mapcount=1)
    page.flags |= PG_writeback
    assert alone(reuse_swap_page(k, page), k)
    assert is_cached(k, page)
    assert not alone(try_to_free_swap(k, page), k)
    assert is_cached(k, page)


def test_a_page_of_ksm_is_never_reused() -> None:
    k = machine()
    page = cached(k, mapcount=1)
    page.mapping = StableNode("stable node", page.pfn)
    assert not alone(reuse_swap_page(k, page), k)
    assert is_cached(k, page)


@pytest.mark.parametrize("mapcount", [0, 1, 2])
def test_a_slot_that_no_entry_refers_to_can_be_given_back(mapcount: int) -> None:
    k = machine()
    page = cached(k, mapcount)
    page.flags &= ~PG_dirty
    assert alone(try_to_free_swap(k, page), k)
    assert page.flags & PG_dirty, "its contents are nowhere else now"
    assert k.swap.inuse_pages == 0
    assert not alone(try_to_free_swap(k, page), k), "it has none any more"


def test_a_slot_that_an_entry_refers_to_cannot_be_given_back() -> None:
    k = machine()
    page = cached(k, entries=1)
    assert not alone(try_to_free_swap(k, page), k)
    assert is_cached(k, page)


# Page tables that give up an entry.


def test_the_last_entry_takes_its_slot_along() -> None:
    k = machine()
    alone(free_swap_and_cache(k, swapped_out(k)), k)
    assert k.swap.inuse_pages == 0


def test_a_page_that_nobody_wants_any_more_leaves_the_cache_with_the_last_entry() -> (
    None
):
    k = machine()
    page = cached(k, entries=2)
    unlock(page)
    entry = page.private
    alone(free_swap_and_cache(k, entry), k)
    assert is_cached(k, page)
    alone(free_swap_and_cache(k, entry), k)
    assert not is_cached(k, page)
    assert k.swap.inuse_pages == 0
    assert page.count == 1
    assert page.flags & PG_dirty


@pytest.mark.parametrize("why", ["locked", "being written", "mapped"])
def test_a_page_that_is_not_easily_had_stays_in_the_cache(why: str) -> None:
    k = machine()
    page = cached(k, mapcount=int(why == "mapped"), entries=1)
    if why == "being written":
        page.flags |= PG_writeback
    if why != "locked":
        unlock(page)
    alone(free_swap_and_cache(k, page.private), k)
    assert is_cached(k, page)
    assert page.count == 2
    assert page.locked_now == (why == "locked")


def test_a_mapped_page_leaves_too_if_swap_is_full() -> None:
    k = machine(swap_slots=4)
    page = cached(k, mapcount=1, entries=1)
    unlock(page)
    cached(k)
    alone(free_swap_and_cache(k, page.private), k)
    assert not is_cached(k, page)


def test_a_migration_entry_has_nothing_to_give_back() -> None:
    k = machine()
    page = cached(k, entries=1)
    alone(free_swap_and_cache(k, migration_entry(page.pfn, write=True)), k)
    assert k.swap.inuse_pages == 1
    assert is_cached(k, page)


def test_a_page_that_is_unmapped_meanwhile_is_not_lost() -> None:
    """Over all interleavings of an exit with reclaim, which shares the page.

    Whoever maps the page has it unmapped for reclaim, under the page lock: then a new
    entry refers to the slot.  The page was not written yet, so while there is such an
    entry it must stay in the cache.
    """

    def boot_race() -> Machine:
        k = machine(frames=4)
        page = cached(k, mapcount=1, entries=1)
        unlock(page)
        entry = page.private

        async def unmap() -> None:
            await page.locked.lock()
            if page.flags & PG_swapcache:
                await swap_duplicate(k, entry)
                page.mapcount -= 1
            await page.locked.unlock()

        def check() -> None:
            assert is_cached(k, page) or page.mapcount == 0, "its contents are lost"

        threads = [thread(0, free_swap_and_cache(k, entry)), thread(1, unmap())]
        return Machine(threads, check)

    assert search(boot_race, SourceDpor()).verdict == "proved"


def test_a_slot_is_given_back_once_whoever_is_last() -> None:
    """Over all interleavings of the last entry with the cache's giving up."""

    def boot_race() -> Machine:
        k = machine(frames=4)
        page = cached(k, entries=1)
        entry = page.private
        unlock(page)

        async def leave() -> None:
            await page.locked.lock()
            if page.flags & PG_swapcache:
                await delete_from_swap_cache(k, page)
            await page.locked.unlock()

        def check() -> None:
            assert k.swap.inuse_pages == 0
            assert not is_cached(k, page)
            assert page.count == 1

        threads = [thread(0, free_swap_and_cache(k, entry)), thread(1, leave())]
        return Machine(threads, check)

    assert search(boot_race, SourceDpor()).verdict == "proved"
