"""The buddy allocator: splitting, merging, stealing, and what is kept in reserve."""

from __future__ import annotations

from typing import Any

import pytest
from building import alone, boot, free_frames, is_free
from hypothesis import given, settings
from hypothesis import strategies as st

from kmm.mm.boot import RESERVED_FRAMES
from kmm.mm.gfp import (
    GFP_ATOMIC,
    GFP_DMA,
    GFP_DMA32,
    GFP_HIGHUSER_MOVABLE,
    GFP_IS_RECLAIMABLE,
    GFP_KERNEL,
    GFP_MOVABLE,
    GFP_THISNODE,
    GFP_ZERO,
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
from kmm.mm.page_alloc import (
    ALLOC_HARDER,
    ALLOC_HIGH,
    alloc_page,
    alloc_pages,
    compaction_deferred,
    defer_compaction,
    drain_all_pages,
    drain_pages,
    free_blocks,
    free_one_page,
    free_pages,
    rmqueue,
    zone_watermark_ok,
    zonelist,
)
from kmm.mm.page_isolation import start_isolate_page_range
from kmm.sim.failure import KernelBug, Leak

MOVABLE_ATOMIC = GFP_ATOMIC | GFP_MOVABLE
MIB = 256  # frames


def grouped(frames: int = 256, **config: Any) -> Kernel:
    """A machine with pageblocks of 16 frames, so that types are kept apart."""
    k = boot(frames=frames, pageblock_order=4, **config)
    assert not k.page_group_by_mobility_disabled
    return k


def take(k: Kernel, order: int, migratetype: int = MIGRATE_MOVABLE) -> Page:
    """A block straight from the buddy allocator of the only zone."""
    page = rmqueue(k, k.zones[0], order, migratetype)
    assert page is not None
    return page


def take_all(k: Kernel, migratetype: int = MIGRATE_MOVABLE) -> list[int]:
    """The frames that are handed out singly until nothing is left, in this order."""
    frames = []
    while (page := rmqueue(k, k.zones[0], 0, migratetype)) is not None:
        frames.append(int(page.pfn))
    return frames


def give(k: Kernel, pfn: int, order: int = 0) -> None:
    free_one_page(k, k.zones[0], k.mem_map[pfn], order, MIGRATE_MOVABLE)


def blocks(k: Kernel) -> set[tuple[int, int]]:
    """Every free block: where it begins, and its order."""
    return {
        (head.pfn, order) for zone in k.zones for head, order, _ in free_blocks(zone)
    }


def listed(k: Kernel, order: int, migratetype: int = MIGRATE_MOVABLE) -> list[int]:
    """The free blocks of one list, the next to be taken first."""
    area = k.zones[0].free_area[order]
    return [page.pfn for page in area.free_list[migratetype]]


def taken(k: Kernel, gfp: int = GFP_ATOMIC, order: int = 0, cpu: int = 0) -> Page:
    page = alone(alloc_pages(k, gfp, order), k, cpu)
    assert page is not None
    return page


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


# The lists of each CPU.


def test_a_cpu_takes_a_batch_and_hands_it_out_in_the_order_in_which_it_was_taken() -> (
    None
):
    k = boot(frames=64 * MIB)
    zone = k.zones[-1]
    pcp = zone.pageset[0]
    first = taken(k, MOVABLE_ATOMIC)
    assert (pcp.batch, pcp.count) == (3, 2)
    others = [taken(k, MOVABLE_ATOMIC) for _ in range(2)]
    assert [page.pfn - first.pfn for page in others] == [1, 2]
    assert pcp.count == 0


def test_the_page_that_was_freed_last_is_handed_out_first_on_the_same_cpu() -> None:
    k = boot(frames=64 * MIB)
    pages = [taken(k, MOVABLE_ATOMIC) for _ in range(2)]
    for page in pages:
        alone(free_pages(k, page, 0), k)
    other = taken(k, MOVABLE_ATOMIC, cpu=1)
    assert other not in pages, "another CPU does not know of it"
    assert taken(k, MOVABLE_ATOMIC) is pages[1]


def test_a_cpu_that_has_too_many_pages_gives_back_a_batch_the_oldest_first() -> None:
    k = boot(frames=64 * MIB)
    pcp = k.zones[-1].pageset[0]
    pages = [taken(k, MOVABLE_ATOMIC) for _ in range(18)]
    assert pcp.count == 0
    for page in pages[:17]:
        alone(free_pages(k, page, 0), k)
    assert pcp.count == pcp.high - 1
    alone(free_pages(k, pages[17], 0), k)
    assert pcp.count == pcp.high - pcp.batch
    kept = {page for pages in pcp.lists for page in pages}
    assert kept == set(pages[3:])


def test_a_small_zone_keeps_no_page_on_a_cpus_list() -> None:
    k = boot(frames=4096)
    before = blocks(k)
    page = taken(k)
    alone(free_pages(k, page, 0), k)
    assert blocks(k) == before


def test_a_cpu_gives_back_from_its_lists_in_turn() -> None:
    k = boot(frames=64 * MIB)
    pcp = k.zones[-1].pageset[0]
    kinds = (GFP_ATOMIC, GFP_ATOMIC | GFP_IS_RECLAIMABLE, MOVABLE_ATOMIC)
    pages = [[taken(k, gfp) for _ in range(6)] for gfp in kinds]
    for number in range(6):
        for pages_of_kind in pages:
            if pcp.count < pcp.high - 1:
                alone(free_pages(k, pages_of_kind[number], 0), k)
    assert [len(pages) for pages in pcp.lists] == [6, 6, 5]
    alone(free_pages(k, pages[2][5], 0), k)
    assert [len(pages) for pages in pcp.lists] == [5, 5, 5]


def test_drained_pages_are_back_in_their_blocks() -> None:
    k = boot(frames=64 * MIB)
    before = blocks(k)
    for cpu in (0, 1):
        alone(free_pages(k, taken(k, cpu=cpu), 0), k, cpu)
    assert blocks(k) != before
    alone(drain_pages(k, 0), k)
    assert [pcp.count for pcp in k.zones[-1].pageset] == [0, 3]
    alone(drain_all_pages(k), k)
    assert blocks(k) == before


# Which zone.


def test_the_highest_zone_that_will_do_is_the_best() -> None:
    k = boot(frames=(4096 + 64) * MIB)
    names = {
        gfp: [zone.name for zone in zonelist(k, 0, gfp)]
        for gfp in (GFP_KERNEL, GFP_DMA32, GFP_DMA)
    }
    assert names == {
        GFP_KERNEL: ["Normal", "DMA32", "DMA"],
        GFP_DMA32: ["DMA32", "DMA"],
        GFP_DMA: ["DMA"],
    }


def test_memory_of_the_cpus_own_node_is_best_and_others_may_be_excluded() -> None:
    k = boot(frames=64, nodes=2)
    assert [taken(k, cpu=cpu).zone.node for cpu in (0, 1)] == [0, 1]
    assert [zone.node for zone in zonelist(k, 1, GFP_KERNEL)] == [1, 0]
    assert [zone.node for zone in zonelist(k, 1, GFP_THISNODE)] == [1]


def test_another_node_helps_out_unless_it_must_be_this_one() -> None:
    k = boot(frames=64, nodes=2)
    here = [alone(alloc_page(k, GFP_ATOMIC | GFP_THISNODE, 1), k) for _ in range(33)]
    assert [page is None for page in here] == [False] * 32 + [True]
    page = alone(alloc_page(k, GFP_ATOMIC, 1), k)
    assert page is not None
    assert page.zone.node == 0


# Watermarks.


def watermark_ok(k: Kernel, order: int, mark: int, flags: int = 0) -> bool:
    return alone(zone_watermark_ok(k.zones[0], order, mark, "Normal", flags))


def test_taking_a_block_must_leave_more_than_the_mark() -> None:
    k = boot(frames=32)  # 30 frames are free
    assert watermark_ok(k, 0, 29)
    assert not watermark_ok(k, 0, 30)


def test_a_zone_keeps_something_from_those_who_could_go_to_a_higher_one() -> None:
    k = boot(frames=32)
    k.zones[0].lowmem_reserve = {"Normal": 10}
    assert watermark_ok(k, 0, 19)
    assert not watermark_ok(k, 0, 20)


@pytest.mark.parametrize(
    ("flags", "highest"),
    [
        (0, 29),
        (ALLOC_HIGH, 58),
        (ALLOC_HARDER, 38),
        (ALLOC_HIGH | ALLOC_HARDER, 76),
    ],
)
def test_some_may_go_below_the_mark(flags: int, highest: int) -> None:
    k = boot(frames=32)
    assert watermark_ok(k, 0, highest, flags)
    assert not watermark_ok(k, 0, highest + 1, flags)


def test_blocks_that_are_too_small_do_not_count_and_less_is_asked_for() -> None:
    k = boot(frames=32)
    take_all(k)
    for pfn in range(4, 20, 2):
        give(k, pfn)
    give(k, 24, order=2)
    # 12 pages, 8 of them single.  To take 4 leaves 9; 1 of them is in blocks of 2 or
    # more, where a half is asked for, and then a quarter.
    assert watermark_ok(k, 2, 1)
    assert not watermark_ok(k, 2, 2)
    assert watermark_ok(k, 0, 11), "for a single page they do"
    assert not watermark_ok(k, 3, 0), "there is no block of 8"


def test_what_is_kept_back_is_for_those_who_may_not_wait() -> None:
    k = grouped(min_free_kbytes=128)
    low = 40
    assert k.zones[0].watermark == [32, low, 48]
    frames = [alone(alloc_page(k, GFP_ATOMIC), k) for _ in range(256)]
    got = sum(page is not None for page in frames)
    # __GFP_HIGH may have half of the 32, and who cannot wait a quarter of the rest.
    assert free_frames(k) == 12
    assert got == 256 - RESERVED_FRAMES - 12


# Deferring compaction.


def test_compaction_that_fails_is_left_out_ever_more_often() -> None:
    zone = boot().zones[0]
    left_out = []
    for _ in range(8):
        assert not compaction_deferred(zone)
        defer_compaction(zone)
        tries = 0
        while compaction_deferred(zone):
            tries += 1
        left_out.append(tries)
    assert left_out == [1, 3, 7, 15, 31, 63, 63, 63]


# References and checks.


def test_a_block_stays_taken_until_its_last_reference_is_gone() -> None:
    k = boot(frames=32)
    page = taken(k, order=3)
    page.count += 1
    alone(free_pages(k, page, 3), k)
    assert not is_free(page)
    alone(free_pages(k, page, 3), k)
    assert is_free(k.mem_map[page.pfn + 7])


def test_a_block_that_is_freed_while_mapped_is_a_bad_page() -> None:
    k = boot(frames=32)
    page = taken(k, order=3)
    page.mapcount = 0
    with pytest.raises(Leak, match="Bad page state"):
        alone(free_pages(k, page, 3), k)


def test_every_frame_of_a_block_is_zeroed_if_that_is_asked_for() -> None:
    k = boot(frames=32)
    for pfn in range(RESERVED_FRAMES, 32):
        k.memory.frame(k.mem_map[pfn].pfn)[:6] = b"secret"
    page = taken(k, GFP_ATOMIC | GFP_ZERO, order=2)
    frames = [k.memory.frame(k.mem_map[page.pfn + n].pfn) for n in range(5)]
    assert [bytes(frame[:6]) for frame in frames] == [bytes(6)] * 4 + [b"secret"]


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
