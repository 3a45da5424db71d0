"""Slots of the swap device: handed out once, counted, and free again."""

from __future__ import annotations

import pytest
from building import alone, boot, thread
from hypothesis import given, settings
from hypothesis import strategies as st

from kmm.hw.memory import PAGE_SHIFT, PhysAddr
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Page
from kmm.mm.swapfile import (
    SWAP_HAS_CACHE,
    SWAPFILE_CLUSTER,
    get_swap_page,
    swap_count,
    swap_device_read,
    swap_device_write,
    swap_duplicate,
    swap_free,
    swapcache_free,
    swapcache_prepare,
    vm_swap_full,
)
from kmm.mm.swapops import is_swap_entry, migration_entry, swp_entry, swp_offset
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor


def slots(k: Kernel, number: int) -> list[int]:
    """Slots that are handed out one after the other; 0 where there is none."""
    return [swp_offset(alone(get_swap_page(k))) for _ in range(number)]


def give_back(k: Kernel, *numbers: int) -> None:
    for slot in numbers:
        alone(swapcache_free(k, swp_entry(0, slot)))


def used(k: Kernel) -> set[int]:
    return set(k.swap.swap_map)


# Slots.


def test_every_slot_is_handed_out_once_but_the_header() -> None:
    k = boot(swap_slots=8)
    assert slots(k, 8) == [1, 2, 3, 4, 5, 6, 7, 0]
    assert k.swap.nr_swap_pages == 0


@pytest.mark.parametrize("swap_slots", [0, 1])
def test_a_device_without_slots_gives_none(swap_slots: int) -> None:
    k = boot(swap_slots=swap_slots)
    assert slots(k, 1) == [0]
    assert (k.swap.nr_swap_pages, k.swap.total_swap_pages) == (0, 0)


def test_an_entry_is_neither_empty_nor_a_migration_entry() -> None:
    k = boot(swap_slots=8)
    assert is_swap_entry(alone(get_swap_page(k)))


def test_neighbours_lie_together_though_there_is_room_before_them() -> None:
    k = boot(swap_slots=16)
    slots(k, 6)
    give_back(k, 2, 3)
    assert slots(k, 3) == [7, 8, 9]


def test_at_the_end_of_the_device_the_search_begins_again() -> None:
    k = boot(swap_slots=8)
    slots(k, 7)
    give_back(k, 2, 4)
    assert slots(k, 3) == [2, 4, 0]


def test_after_a_cluster_the_next_one_is_the_lowest_that_is_free() -> None:
    k = boot(swap_slots=4 * SWAPFILE_CLUSTER)
    first = slots(k, SWAPFILE_CLUSTER)
    assert first == list(range(1, SWAPFILE_CLUSTER + 1))
    give_back(k, *first)
    assert slots(k, 2) == [1, 2]


def test_with_less_than_a_cluster_free_the_search_goes_on_where_it_is() -> None:
    k = boot(swap_slots=SWAPFILE_CLUSTER + 16)
    first = slots(k, SWAPFILE_CLUSTER)
    give_back(k, *first[:8])
    assert slots(k, 2) == [SWAPFILE_CLUSTER + 1, SWAPFILE_CLUSTER + 2]


def test_a_cluster_with_a_hole_too_few_is_passed_over() -> None:
    k = boot(swap_slots=4 * SWAPFILE_CLUSTER)
    first = slots(k, SWAPFILE_CLUSTER)
    give_back(k, *first[1:])
    assert slots(k, 1) == [2], "256 slots from there are free"
    k = boot(swap_slots=4 * SWAPFILE_CLUSTER)
    first = slots(k, SWAPFILE_CLUSTER)
    give_back(k, *first[:-1])
    assert slots(k, 1) == [SWAPFILE_CLUSTER + 1], "255 are not enough"


@pytest.mark.parametrize(("taken", "full"), [(0, False), (5, False), (6, True)])
def test_swap_is_full_when_more_than_half_of_it_is_used(taken: int, full: bool) -> None:
    k = boot(swap_slots=11)
    slots(k, taken)
    assert alone(vm_swap_full(k)) is full


def test_a_slot_that_is_given_back_may_be_had_at_once() -> None:
    """Over all interleavings of asking for the only slot with its freeing."""
    seen = set()

    def boot_race() -> Machine:
        k = boot(frames=4, swap_slots=2)
        entry = alone(get_swap_page(k))
        got: list[int] = []

        async def ask() -> None:
            got.append(swp_offset(await get_swap_page(k)))

        def check() -> None:
            seen.add(got[0])
            assert used(k) == ({1} if got[0] else set())
            assert k.swap.inuse_pages == len(used(k))

        return Machine([thread(0, ask()), thread(1, swapcache_free(k, entry))], check)

    assert search(boot_race, SourceDpor()).verdict == "proved"
    assert seen == {0, 1}


def test_two_who_ask_at_once_never_get_the_same_slot() -> None:
    def boot_race() -> Machine:
        k = boot(frames=4, swap_slots=2)
        got: list[int] = []

        async def ask() -> None:
            got.append(swp_offset(await get_swap_page(k)))

        def check() -> None:
            assert sorted(got) == [0, 1]

        return Machine([thread(0, ask()), thread(1, ask())], check)

    assert search(boot_race, SourceDpor()).verdict == "proved"


# Counts.


def test_a_slot_is_free_once_neither_entries_nor_the_cache_want_it() -> None:
    k = boot(swap_slots=8)
    entry = alone(get_swap_page(k))
    for expected in (1, 2):
        alone(swap_duplicate(k, entry))
        assert alone(swap_count(k, entry)) == expected
    alone(swapcache_free(k, entry))
    alone(swap_free(k, entry))
    assert alone(swap_count(k, entry)) == 1
    assert k.swap.inuse_pages == 1
    assert alone(swap_free(k, entry)) == 0
    assert used(k) == set()
    assert k.swap.inuse_pages == 0


def test_a_slot_that_only_the_cache_wants_is_counted_as_such() -> None:
    k = boot(swap_slots=8)
    entry = alone(get_swap_page(k))
    alone(swap_duplicate(k, entry))
    assert alone(swap_free(k, entry)) != 0, "the cache is left"
    assert alone(swap_count(k, entry)) == 0
    assert k.swap.inuse_pages == 1


def test_a_slot_may_have_more_users_than_fit_in_linuxs_byte() -> None:
    k = boot(swap_slots=8)
    entry = alone(get_swap_page(k))
    for _ in range(100):
        alone(swap_duplicate(k, entry))
    assert alone(swap_count(k, entry)) == 100
    for left in range(99, -1, -1):
        assert alone(swap_free(k, entry)) & ~SWAP_HAS_CACHE == left
    assert k.swap.inuse_pages == 1, "the cache has it still"


def test_a_migration_entry_has_no_slot_to_be_counted() -> None:
    k = boot(swap_slots=8)
    alone(swap_duplicate(k, migration_entry(5, write=True)))
    assert used(k) == set()


def test_an_entry_whose_slot_is_free_does_not_take_it() -> None:
    k = boot(swap_slots=8)
    alone(swap_duplicate(k, swp_entry(0, 1)))  # it fails silently
    assert used(k) == set()
    assert slots(k, 1) == [1]


def test_the_cache_reads_a_slot_that_somebody_wants_and_only_one_reads_it() -> None:
    k = boot(swap_slots=8)
    entry = alone(get_swap_page(k))
    alone(swap_duplicate(k, entry))
    assert not alone(swapcache_prepare(k, entry)), "the cache has it"
    alone(swapcache_free(k, entry))
    assert alone(swapcache_prepare(k, entry))
    assert not alone(swapcache_prepare(k, entry)), "somebody was faster"
    alone(swap_free(k, entry))
    alone(swapcache_free(k, entry))
    assert not alone(swapcache_prepare(k, entry)), "nobody wants it any more"


# What may be done with a slot: a number says with which.
changes = st.tuples(
    st.sampled_from(["get", "get", "dup", "free", "prepare", "drop"]),
    st.integers(0, 50),
)


@settings(deadline=None)
@given(st.lists(changes, max_size=60))
def test_a_slot_is_in_use_as_long_as_it_has_users(todo: list[tuple[str, int]]) -> None:
    k = boot(swap_slots=6)
    counts: dict[int, int] = {}  # by entry
    cached: set[int] = set()
    for change, number in todo:
        in_use = sorted(counts.keys() | cached)
        if change == "get":
            entry = alone(get_swap_page(k))
            assert bool(entry) == (len(in_use) < 5)
            assert entry not in in_use
            if entry:
                cached.add(entry)
        elif in_use:
            entry = in_use[number % len(in_use)]
            if change == "dup":
                alone(swap_duplicate(k, entry))
                counts[entry] = counts.get(entry, 0) + 1
            elif change == "free" and entry in counts:
                alone(swap_free(k, entry))
                counts[entry] -= 1
                counts = {slot: count for slot, count in counts.items() if count}
            elif change == "prepare":
                assert alone(swapcache_prepare(k, entry)) == (entry not in cached)
                cached.add(entry)
            elif change == "drop" and entry in cached:
                alone(swapcache_free(k, entry))
                cached.discard(entry)
        in_use = sorted(counts.keys() | cached)
        assert used(k) == {swp_offset(entry) for entry in in_use}
        assert k.swap.nr_swap_pages == k.swap.total_swap_pages - len(in_use)
        for entry in in_use:
            assert alone(swap_count(k, entry)) == counts.get(entry, 0)


# The device.


def contents(k: Kernel, page: Page, size: int = 8) -> bytes:
    return k.memory.read(PhysAddr(page.pfn << PAGE_SHIFT), size)


def test_what_was_written_to_a_slot_is_read_from_it_into_any_page() -> None:
    k = boot(swap_slots=8)
    first, second = alone(get_swap_page(k)), alone(get_swap_page(k))
    source, target = k.mem_map[5], k.mem_map[6]
    k.memory.write(PhysAddr(5 << PAGE_SHIFT), b"contents")
    alone(swap_device_write(k, first, source))
    k.memory.write(PhysAddr(5 << PAGE_SHIFT), b"another ")
    alone(swap_device_write(k, second, source))
    alone(swap_device_read(k, first, target))
    assert contents(k, target) == b"contents"
    assert (k.vm_events["pswpout"], k.vm_events["pswpin"]) == (2, 1)


def test_a_slot_forgets_its_contents_with_its_last_user() -> None:
    k = boot(swap_slots=2)
    entry = alone(get_swap_page(k))
    k.memory.write(PhysAddr(5 << PAGE_SHIFT), b"secret")
    alone(swap_device_write(k, entry, k.mem_map[5]))
    alone(swapcache_free(k, entry))
    assert alone(get_swap_page(k)) == entry
    alone(swap_device_read(k, entry, k.mem_map[6]))
    assert contents(k, k.mem_map[6], 6) == bytes(6)


def test_what_is_stored_while_a_page_is_written_out_is_in_the_slot_or_is_not() -> None:
    seen = set()

    def boot_race() -> Machine:
        k = boot(swap_slots=8)
        entry, address = alone(get_swap_page(k)), PhysAddr(5 << PAGE_SHIFT)
        k.memory.write(address, b"old")
        write = swap_device_write(k, entry, k.mem_map[5])

        def check() -> None:
            seen.add(k.swap.device[swp_offset(entry)][:3])

        bodies = write, k.memory.store(address, b"new")
        return Machine([thread(n, body) for n, body in enumerate(bodies)], check)

    assert search(boot_race, SourceDpor()).coverage.executions == 2
    assert seen == {b"old", b"new"}


def test_what_is_stored_while_a_page_is_read_in_stays_or_is_overwritten() -> None:
    seen = set()

    def boot_race() -> Machine:
        k = boot(swap_slots=8)
        entry, address = alone(get_swap_page(k)), PhysAddr(5 << PAGE_SHIFT)
        read = swap_device_read(k, entry, k.mem_map[5])

        def check() -> None:
            seen.add(contents(k, k.mem_map[5], 3))

        bodies = read, k.memory.store(address, b"new")
        return Machine([thread(n, body) for n, body in enumerate(bodies)], check)

    assert search(boot_race, SourceDpor()).coverage.executions == 2
    assert seen == {bytes(3), b"new"}
