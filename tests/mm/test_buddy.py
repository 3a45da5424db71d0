"""The buddy allocator: splitting, merging, stealing, and what is kept in reserve."""

from __future__ import annotations

from typing import Any

import pytest
from building import alone, boot
from hypothesis import given, settings
from hypothesis import strategies as st
from mm.frames import (
    MOVABLE_ATOMIC,
    blocks,
    give,
    grouped,
    listed,
    take,
    take_all,
    taken,
)

from kmm.mm.boot import RESERVED_FRAMES
from kmm.mm.buddy import free_blocks
from kmm.mm.gfp import (
    GFP_ATOMIC,
    GFP_HIGHUSER_MOVABLE,
    GFP_IS_RECLAIMABLE,
    GFP_KERNEL,
    allocflags_to_migratetype,
)
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Page, PG_buddy
from kmm.mm.mmzone import (
    MAX_ORDER,
    MIGRATE_ISOLATE,
    MIGRATE_MOVABLE,
    MIGRATE_RECLAIMABLE,
    MIGRATE_RESERVE,
    MIGRATE_UNMOVABLE,
)
from kmm.mm.page_alloc import alloc_pages, drain_all_pages, drain_pages, free_pages
from kmm.mm.page_isolation import start_isolate_page_range
from kmm.sim.failure import KernelBug

# Splitting and merging.


def test_of_a_block_that_is_split_the_low_half_is_handed_out() -> None:
    k = grouped()
    before = blocks(k)
    assert take(k, order=5).pfn == 32, "the first block of 32, whole"
    page = take(k, order=5)
    assert page.pfn == 64, "the low half of a block of 64"
    assert blocks(k) == before - {(32, 5), (64, 6)} | {(96, 5)}


def test_a_block_is_split_down_to_what_is_wanted_and_its_upper_halves_stay_free() -> (
    None
):
    k = boot(frames=32)
    take_all(k)
    give(k, 16, order=4)
    assert take(k, order=1).pfn == 16
    assert blocks(k) == {(18, 1), (20, 2), (24, 3)}


def test_no_larger_block_is_split_if_a_smaller_one_will_do() -> None:
    k = grouped()
    whole = (128, 7)
    assert whole in blocks(k)
    while blocks(k) != {whole}:
        take(k, order=0)
    assert take(k, order=0).pfn == 128


def test_a_block_that_is_freed_merges_with_its_buddy_and_with_no_other() -> None:
    k = boot(frames=32)
    take_all(k)
    give(k, 11)
    give(k, 12)
    assert blocks(k) == {(11, 0), (12, 0)}, "neighbours, but no buddies"
    give(k, 10)
    assert blocks(k) == {(10, 1), (12, 0)}
    give(k, 13)
    assert blocks(k) == {(10, 1), (12, 1)}
    give(k, 14, order=1)
    assert blocks(k) == {(10, 1), (12, 2)}
    give(k, 8, order=1)
    assert blocks(k) == {(8, 3)}


def test_single_pages_grow_together_to_the_largest_block_and_no_further() -> None:
    k = boot(frames=4096)
    before = blocks(k)
    frames = take_all(k)
    assert blocks(k) == set()
    for pfn in frames:
        give(k, pfn)
    assert blocks(k) == before
    assert {(1024, 10), (2048, 10), (3072, 10)} < before


def test_blocks_of_two_zones_never_merge() -> None:
    k = boot(frames=90, nodes=2)
    assert k.nodes[1].start_pfn == 45
    assert {(44, 0), (45, 0)} < blocks(k)


def test_a_block_that_is_not_aligned_is_a_bug() -> None:
    k = boot(frames=32)
    take_all(k)
    with pytest.raises(KernelBug):
        give(k, 6, order=2)


def test_a_block_that_was_just_freed_is_taken_first() -> None:
    k = boot(frames=32)
    take_all(k)
    give(k, 8)
    give(k, 20)
    assert listed(k, 0) == [20, 8]


def test_a_block_that_will_soon_merge_is_taken_last() -> None:
    k = boot(frames=32)
    take_all(k)
    give(k, 8)
    give(k, 12, order=1)
    give(k, 14)  # with 15, it would make 12 to 15 whole
    assert listed(k, 0) == [8, 14]
    give(k, 20)
    assert take_all(k)[:3] == [20, 8, 14]


# Types.


def test_what_a_page_is_for_is_told_by_how_it_can_be_got_rid_of() -> None:
    kinds = [GFP_KERNEL, GFP_KERNEL | GFP_IS_RECLAIMABLE, GFP_HIGHUSER_MOVABLE]
    assert [allocflags_to_migratetype(gfp) for gfp in kinds] == [
        MIGRATE_UNMOVABLE,
        MIGRATE_RECLAIMABLE,
        MIGRATE_MOVABLE,
    ]


@pytest.mark.parametrize("migratetype", [MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE])
def test_another_type_takes_the_largest_block_and_all_pageblocks_in_it(
    migratetype: int,
) -> None:
    k = grouped()
    assert take(k, 0, migratetype).pfn == 128
    kinds = [k.zones[0].pageblock_type(pfn) for pfn in range(0, 256, 16)]
    assert kinds == [MIGRATE_MOVABLE] * 8 + [migratetype] * 8
    # From now on there is room, and nothing more is taken.
    frames = {int(take(k, 0, migratetype).pfn) for _ in range(127)}
    assert frames == set(range(129, 256))


def test_a_small_block_that_another_type_takes_leaves_its_rest_behind() -> None:
    k = grouped()
    take_all(k)
    give(k, 32, order=1)
    assert take(k, 0, MIGRATE_UNMOVABLE).pfn == 32
    assert listed(k, 0, MIGRATE_MOVABLE) == [33]
    assert k.zones[0].pageblock_type(32) == MIGRATE_MOVABLE


def test_a_block_for_what_is_reclaimable_is_claimed_though_it_is_small() -> None:
    k = grouped()
    take_all(k)
    give(k, 32, order=1)
    give(k, 36)
    assert take(k, 0, MIGRATE_RECLAIMABLE).pfn == 32
    assert listed(k, 0, MIGRATE_MOVABLE) == []
    assert sorted(listed(k, 0, MIGRATE_RECLAIMABLE)) == [33, 36]


@pytest.mark.parametrize("order", [2, 3])
def test_a_pageblock_changes_sides_if_half_of_it_is_free(order: int) -> None:
    k = grouped()
    take_all(k)
    give(k, 32, order)
    take(k, 0, MIGRATE_UNMOVABLE)
    claimed = MIGRATE_UNMOVABLE if order == 3 else MIGRATE_MOVABLE
    assert k.zones[0].pageblock_type(32) == claimed
    assert listed(k, 1, MIGRATE_UNMOVABLE) == [34], "the rest is taken in any case"


def test_the_rest_of_a_block_that_was_split_is_taken_before_other_blocks() -> None:
    k = grouped()
    take_all(k)
    give(k, 32, order=3)
    give(k, 40)
    assert take(k, 0, MIGRATE_UNMOVABLE).pfn == 32
    assert listed(k, 0, MIGRATE_UNMOVABLE) == [33, 40]


def test_unmovable_memory_is_sought_among_reclaimable_before_movable() -> None:
    k = grouped()
    take(k, 0, MIGRATE_RECLAIMABLE)  # 128 to 255 are reclaimable now
    largest_of_both = (64, 6), (192, 6)
    assert blocks(k) >= set(largest_of_both)
    assert take(k, 0, MIGRATE_UNMOVABLE).pfn == 192


def test_the_reserve_is_touched_last_of_all() -> None:
    k = grouped(min_free_kbytes=128)
    reserve = set(range(RESERVED_FRAMES, 32))
    kinds = [k.zones[0].pageblock_type(pfn) for pfn in (0, 16, 32)]
    assert kinds == [MIGRATE_RESERVE, MIGRATE_RESERVE, MIGRATE_MOVABLE]
    frames = take_all(k, MIGRATE_UNMOVABLE)
    assert set(frames[-len(reserve) :]) == reserve
    assert len(frames) == 256 - RESERVED_FRAMES


def test_what_comes_from_the_reserve_goes_back_to_it() -> None:
    k = grouped(min_free_kbytes=128)
    take_all(k)
    page = k.mem_map[20]
    page.count = 1
    alone(free_pages(k, page, 0), k)
    alone(drain_all_pages(k), k)
    assert listed(k, 0, MIGRATE_RESERVE) == [20]


@pytest.mark.parametrize(
    "migratetype", [MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE]
)
def test_nothing_is_taken_from_an_isolated_block(migratetype: int) -> None:
    k = grouped()
    assert alone(start_isolate_page_range(k, 16, 32), k) == 0
    assert set(take_all(k, migratetype)) == {*range(2, 16), *range(32, 256)}
    assert listed(k, 4, MIGRATE_ISOLATE) == [16]


def test_what_is_freed_in_an_isolated_block_stays_there() -> None:
    k = grouped()
    page = taken(k, MOVABLE_ATOMIC)
    k.zones[0].set_pageblock_type(page.pfn, MIGRATE_ISOLATE)
    take_all(k)
    alone(free_pages(k, page, 0), k)
    assert listed(k, 0, MIGRATE_ISOLATE) == [page.pfn]
    assert take_all(k) == []


def test_a_machine_that_is_too_small_for_it_keeps_no_types_apart() -> None:
    k = boot(frames=5 * 512 - 1)
    assert k.page_group_by_mobility_disabled
    taken(k, MOVABLE_ATOMIC)
    assert {kind for _, _, kind in free_blocks(k.zones[0])} >= {MIGRATE_UNMOVABLE}
    assert not boot(frames=5 * 512).page_group_by_mobility_disabled


# Anything goes: any blocks, on any CPU, in any order.

MACHINES: tuple[dict[str, Any], ...] = (
    {"frames": 200, "pageblock_order": 4, "nodes": 1},
    {"frames": 181, "pageblock_order": 4, "nodes": 2, "min_free_kbytes": 64},
    {"frames": 16384 + 77, "pageblock_order": 9, "nodes": 1},
)
KINDS = (GFP_ATOMIC, GFP_ATOMIC | GFP_IS_RECLAIMABLE, MOVABLE_ATOMIC)

# An allocation has an order; which kind, or which block is freed, is by a number.
allocations = st.tuples(
    st.just("take"),
    st.one_of(st.integers(0, 2), st.integers(0, MAX_ORDER - 1)),
    st.integers(0, 2),
    st.integers(0, 1),
)
frees = st.tuples(st.just("give"), st.just(0), st.integers(0, 1000), st.integers(0, 1))
drains = st.tuples(st.just("drain"), st.just(0), st.just(0), st.integers(0, 1))
actions = st.lists(
    st.one_of(allocations, allocations, frees, frees, drains), min_size=20, max_size=100
)


@settings(max_examples=100, deadline=None)
@given(config=st.sampled_from(MACHINES), todo=actions)
def test_every_frame_is_in_one_place_and_comes_back_to_the_blocks_of_the_beginning(
    config: dict[str, Any], todo: list[tuple[str, int, int, int]]
) -> None:
    k = boot(**config)
    before = blocks(k)
    used: list[tuple[Page, int]] = []
    for action, order, number, cpu in todo:
        if action == "take":
            page = alone(alloc_pages(k, KINDS[number], order), k, cpu)
            if page is not None:
                used.append((page, order))
        elif action == "drain":
            alone(drain_pages(k, cpu), k, cpu)
        elif used:
            alone(free_pages(k, *used.pop(number % len(used))), k, cpu)
        check_frames(k, used)
        check_free_blocks(k)
    for page, order in used:
        alone(free_pages(k, page, order), k)
    alone(drain_all_pages(k), k)
    check_free_blocks(k)
    assert blocks(k) == before


def check_frames(k: Kernel, used: list[tuple[Page, int]]) -> None:
    """Free blocks, CPUs' lists and what is in use make up memory, side by side."""
    kept = [
        page
        for zone in k.zones
        for pcp in zone.pageset
        for pages in pcp.lists
        for page in pages
    ]
    assert len(kept) == sum(pcp.count for zone in k.zones for pcp in zone.pageset)
    pieces = [(page.pfn, order) for page, order in used]
    pieces += [(page.pfn, 0) for page in kept]
    expected = RESERVED_FRAMES
    for pfn, order in sorted([*pieces, *blocks(k)]):
        assert pfn == expected, "a gap, or an overlap"
        expected = pfn + (1 << order)
    assert expected == k.config.frames


def check_free_blocks(k: Kernel) -> None:
    """Blocks are aligned, marked, counted, and merged as far as can be."""
    free = blocks(k)
    for zone in k.zones:
        inside = free_blocks(zone)
        for head, order, _ in inside:
            assert head.pfn % (1 << order) == 0
            assert (head.flags & PG_buddy, head.private) == (PG_buddy, order)
            assert zone.contains(head.pfn)
            assert zone.contains(head.pfn + (1 << order) - 1)
            buddy = head.pfn ^ (1 << order)
            unmerged = (buddy, order) in free and zone.contains(buddy)
            assert order == MAX_ORDER - 1 or not unmerged
        counted = [area.nr_free for area in zone.free_area]
        orders = [order for _, order, _ in inside]
        assert counted == [orders.count(order) for order in range(MAX_ORDER)]
        assert zone.nr_free_pages == sum(1 << order for order in orders)
