"""Compaction: where the two scanners go, what they take, and what comes of it.

The machine has two nodes.  Programs run on node 0, where their page tables are, and
have their pages on node 1, whose one zone is compacted.  Numbers of frames and blocks
count from the start of that zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from areas import Area, all_but, area_in
from building import alone, free_frames, settle

from kmm.designs import find_kernel
from kmm.mm.audit import audit
from kmm.mm.boot import start_kernel
from kmm.mm.compaction import (
    COMPACT_ALL,
    COMPACT_CLUSTER_MAX,
    COMPACT_COMPLETE,
    COMPACT_CONTINUE,
    COMPACT_PARTIAL,
    CompactControl,
    compact_finished,
    compact_node,
    compact_nodes,
    compact_zone,
    compaction_alloc,
    isolate_freepages,
    isolate_freepages_block,
    isolate_migratepages,
    suitable_migration_target,
    try_to_compact_pages,
)
from kmm.mm.gfp import (
    GFP_FS,
    GFP_HIGHUSER_MOVABLE,
    GFP_IO,
    GFP_KERNEL,
    GFP_THISNODE,
    GFP_WAIT,
)
from kmm.mm.kernel import Config, Kernel
from kmm.mm.migrate import putback_lru_pages
from kmm.mm.mm_types import Page, PG_active, PG_buddy, PG_lru, PG_unevictable
from kmm.mm.mmzone import (
    MIGRATE_ISOLATE,
    MIGRATE_MOVABLE,
    MIGRATE_RESERVE,
    MIGRATE_UNMOVABLE,
    Zone,
)
from kmm.mm.page_alloc import (
    alloc_pages,
    defer_compaction,
    drain_all_pages,
    free_pages,
    get_page,
)
from kmm.mm.swap import put_page
from kmm.mm.vmscan import isolate_lru_page, putback_lru_page

LETTERS = "abcdefg"
ON_NODE_1 = GFP_HIGHUSER_MOVABLE | GFP_THISNODE


class Fragmented:
    """A zone with the pages of one program, and frames that are the kernel's own."""

    def __init__(
        self,
        frames: int,
        pageblock_order: int,
        movable: Sequence[int],
        unmovable: Sequence[int] = (),
        min_free_kbytes: int = 0,
    ) -> None:
        start = frames  # node 0 is as large
        taken = [start + pfn for pfn in (*movable, *unmovable)]
        config = Config(
            nodes=2,
            frames=2 * frames,
            pageblock_order=pageblock_order,
            min_free_kbytes=min_free_kbytes,
        )
        usable = all_but(range(2 * frames), taken)
        self.k: Kernel = start_kernel(config, find_kernel("2.6.34"), usable)
        self.zone: Zone = self.k.nodes[1].node_zones[0]
        self.start: int = self.zone.zone_start_pfn
        self.letters = "".join(LETTERS[n % len(LETTERS)] for n in range(len(movable)))
        self.program: Area = area_in(self.k, [start + n for n in movable], LETTERS)
        settle(self.k)

    def page(self, number: int) -> Page:
        return self.k.mem_map[self.start + number]

    def where(self) -> list[int]:
        """The frames of the program's pages."""
        return [pfn - self.start for pfn in self.program.pfns()]

    def control(self, order: int = COMPACT_ALL) -> CompactControl:
        """As compact_zone makes it."""
        size = self.zone.pageblock_nr_pages
        start, end = self.start, self.zone.end_pfn & -size
        return CompactControl(self.zone, order, MIGRATE_MOVABLE, start, end)

    def compact(self, order: int = COMPACT_ALL) -> int:
        result = alone(compact_zone(self.k, CompactControl(self.zone, order)), self.k)
        settle(self.k)
        alone(drain_all_pages(self.k), self.k)
        return result

    def free_blocks(self) -> list[tuple[int, int]]:
        """First frame and order of each free block."""
        heads = [p for p in self.k.mem_map.in_order() if p.zone is self.zone]
        return [(p.pfn - self.start, p.private) for p in heads if p.flags & PG_buddy]

    def check(self) -> None:
        """Nothing is lost or left over."""
        assert self.program.letters() == self.letters
        audit(self.k)


def small(movable: Sequence[int] = range(0, 64, 4)) -> Fragmented:
    """64 frames in blocks of 16."""
    return Fragmented(64, 4, movable)


def topped(movable: Sequence[int]) -> Fragmented:
    """The same; the last block is free, and not part of a larger one that is."""
    return Fragmented(64, 4, movable, [47])


# A zone of four blocks of 512, whose last block is free, worked out by hand.


@pytest.fixture(scope="module")
def worked() -> Fragmented:
    return Fragmented(2048, 9, range(0, 1536, 4))


@pytest.fixture(scope="module")
def moves(worked: Fragmented) -> list[tuple[int, int]]:
    """From where to where each page went, in the order of the program's pages."""
    before = worked.where()
    free = free_frames(worked.k)
    assert worked.compact() == COMPACT_COMPLETE
    assert free_frames(worked.k) == free
    return list(zip(before, worked.where(), strict=True))


def test_sources_and_targets_of_a_batch_both_go_downwards(
    moves: list[tuple[int, int]],
) -> None:
    went = dict(moves)
    assert [went[pfn] for pfn in (124, 120, 116, 0)] == [2047, 2046, 2045, 2016]
    assert [went[pfn] for pfn in (252, 248)] == [2015, 2014]


def test_the_batch_that_crosses_into_a_block_goes_on_where_the_last_ended(
    moves: list[tuple[int, int]],
) -> None:
    """The fourth batch ends at 508; the fifth takes all of its pages from block 1."""
    went = dict(moves)
    fourth = [went[pfn] for pfn in range(508, 383, -4)]
    fifth = [went[pfn] for pfn in range(636, 511, -4)]
    assert fourth + fifth == list(range(1951, 1887, -1))


def test_the_scanners_meet_after_nine_batches(
    worked: Fragmented, moves: list[tuple[int, int]]
) -> None:
    moved = [(old, new) for old, new in moves if old != new]
    assert len(moved) == 288
    assert worked.k.vm_events["compact_blocks_moved"] == 9
    assert worked.k.vm_events["compact_pages_moved"] == 288
    assert worked.k.vm_events["compact_pagemigrate_failed"] == 0


def test_where_a_batch_would_reach_the_free_scanner_pages_stay(
    moves: list[tuple[int, int]],
) -> None:
    stayed = [old for old, new in moves if old == new]
    assert stayed == list(range(1152, 1536, 4))


def test_targets_that_were_not_needed_are_given_back(
    worked: Fragmented, moves: list[tuple[int, int]]
) -> None:
    used = {new for _, new in moves}
    assert set(range(1760, 2048)) <= used
    given_back = [(pfn, order) for pfn, order in worked.free_blocks() if pfn >= 1536]
    assert sum(1 << order for _, order in given_back) == 224
    assert given_back == [(1536, 7), (1664, 6), (1728, 5)]
    worked.check()


# The migrate scanner.


def test_the_migrate_scanner_takes_pages_upwards_the_newest_first() -> None:
    zone = small(range(0, 64, 4))
    cc = zone.control()
    assert alone(isolate_migratepages(zone.k, cc)) == 4
    assert [page.pfn - zone.start for page in cc.migratepages] == [12, 8, 4, 0]
    assert cc.migrate_pfn == zone.start + 16
    assert all(not page.flags & PG_lru for page in cc.migratepages)
    alone(putback_lru_pages(zone.k, cc.migratepages), zone.k)
    settle(zone.k)
    zone.check()


def test_the_migrate_scanner_stops_at_32_and_looks_at_the_last_again() -> None:
    zone = Fragmented(256, 6, range(64))
    cc = zone.control()
    assert alone(isolate_migratepages(zone.k, cc)) == COMPACT_CLUSTER_MAX
    assert cc.migrate_pfn == zone.start + 31
    alone(putback_lru_pages(zone.k, cc.migratepages), zone.k)
    settle(zone.k)
    zone.check()


def test_the_migrate_scanner_takes_active_and_inactive_pages_but_not_all() -> None:
    """Not those that cannot be evicted, nor those that are isolated already."""
    zone = small([0, 1, 2, 3])
    k, (active, inactive, unevictable, isolated) = (
        zone.k,
        [zone.page(n) for n in range(4)],
    )
    for page in (inactive, unevictable):
        assert alone(isolate_lru_page(k, page))
        page.flags &= ~PG_active
    unevictable.flags |= PG_unevictable
    for page in (inactive, unevictable):
        alone(putback_lru_page(k, page))
    settle(k)
    assert alone(isolate_lru_page(k, isolated))
    assert active.flags & PG_active
    cc = zone.control()
    assert alone(isolate_migratepages(k, cc)) == 2
    assert cc.migratepages == [inactive, active]
    alone(putback_lru_page(k, isolated))
    alone(putback_lru_pages(k, cc.migratepages), k)
    settle(k)
    zone.check()


def test_the_migrate_scanner_jumps_over_what_the_free_scanner_has_reached() -> None:
    zone = small()
    cc = zone.control()
    cc.migrate_pfn = cc.free_pfn - 8
    assert alone(isolate_migratepages(zone.k, cc)) == 0
    assert cc.migrate_pfn > cc.free_pfn
    assert alone(compact_finished(cc)) == COMPACT_COMPLETE
    zone.check()


# The free scanner.


def give_back(zone: Fragmented, cc: CompactControl) -> None:
    for page in cc.freepages:
        alone(free_pages(zone.k, page, 0), zone.k)
    cc.freepages.clear()
    alone(putback_lru_pages(zone.k, cc.migratepages), zone.k)
    settle(zone.k)
    alone(drain_all_pages(zone.k), zone.k)


def test_the_free_scanner_empties_a_block_even_if_one_page_is_wanted() -> None:
    zone = topped([0])
    cc = zone.control()
    alone(isolate_migratepages(zone.k, cc))
    alone(isolate_freepages(zone.k, cc), zone.k)
    numbers = [page.pfn - zone.start for page in cc.freepages]
    assert numbers == list(range(63, 47, -1)), "the highest first"
    assert cc.free_pfn == zone.start + 48, "where the next search begins"
    assert all(page.count == 1 for page in cc.freepages)
    give_back(zone, cc)
    zone.check()


def test_the_free_scanner_goes_down_until_there_are_enough() -> None:
    """Two frames are free in each of the upper blocks, and four are wanted."""
    free = [16, 17, 32, 33, 48, 49]
    zone = Fragmented(64, 4, [0, 1, 2, 3], [n for n in range(4, 64) if n not in free])
    cc = zone.control()
    assert alone(isolate_migratepages(zone.k, cc)) == 4
    cc.migrate_pfn = zone.start
    alone(isolate_freepages(zone.k, cc), zone.k)
    assert [page.pfn - zone.start for page in cc.freepages] == [33, 32, 49, 48]
    assert cc.free_pfn == zone.start + 48
    give_back(zone, cc)
    zone.check()


def test_a_free_block_of_more_than_a_pageblock_is_taken_whole_where_it_starts() -> None:
    zone = Fragmented(64, 3, [0])
    assert (32, 5) in zone.free_blocks()
    cc = zone.control()
    alone(isolate_migratepages(zone.k, cc))
    alone(isolate_freepages(zone.k, cc), zone.k)
    numbers = [page.pfn - zone.start for page in cc.freepages]
    assert numbers == list(range(63, 31, -1))
    assert cc.free_pfn == zone.start + 32
    give_back(zone, cc)
    zone.check()


def test_the_free_scanner_stays_a_block_above_the_migrate_scanner() -> None:
    zone = small([0])
    cc = zone.control()
    alone(isolate_migratepages(zone.k, cc))
    cc.migrate_pfn = zone.start + 48
    assert alone(compaction_alloc(zone.k, cc)) is None
    assert cc.free_pfn == zone.start + 64
    give_back(zone, cc)
    zone.check()


def test_targets_are_handed_out_from_the_head() -> None:
    zone = topped([0])
    cc = zone.control()
    alone(isolate_migratepages(zone.k, cc))
    pages = [alone(compaction_alloc(zone.k, cc), zone.k) for _ in range(3)]
    assert pages == [zone.page(number) for number in (63, 62, 61)]
    cc.freepages += [page for page in pages if page]
    give_back(zone, cc)
    zone.check()


def test_a_block_below_the_low_watermark_is_not_taken() -> None:
    zone = Fragmented(64, 4, [0], range(24, 64), min_free_kbytes=128)
    assert zone.zone.watermark[1] > zone.zone.nr_free_pages - 16
    cc = zone.control()
    free = zone.zone.nr_free_pages

    async def take() -> int:
        async with zone.zone.lock:
            return await isolate_freepages_block(zone.k, cc, zone.start + 16)

    assert alone(take(), zone.k) == 0
    assert zone.zone.nr_free_pages == free
    zone.check()


@pytest.mark.parametrize(
    ("migratetype", "suitable"),
    [
        (MIGRATE_MOVABLE, True),
        (MIGRATE_UNMOVABLE, False),
        (MIGRATE_RESERVE, False),
        (MIGRATE_ISOLATE, False),
    ],
)
def test_only_movable_blocks_are_targets(migratetype: int, suitable: bool) -> None:
    zone = small()
    first = zone.start + 48
    zone.zone.set_pageblock_type(first, migratetype)
    assert suitable_migration_target(zone.k, zone.zone, first) == suitable


@pytest.mark.parametrize(
    ("migratetype", "suitable"),
    [(MIGRATE_UNMOVABLE, True), (MIGRATE_RESERVE, False), (MIGRATE_ISOLATE, False)],
)
def test_a_block_that_is_all_free_is_a_target_unless_it_is_kept_back(
    migratetype: int, suitable: bool
) -> None:
    zone = small([0])
    first = zone.start + 32
    assert zone.page(32).private >= zone.zone.pageblock_order
    zone.zone.set_pageblock_type(first, migratetype)
    assert suitable_migration_target(zone.k, zone.zone, first) == suitable


# Whole runs.


def test_pages_move_upwards_only_and_keep_their_contents() -> None:
    for seed in range(10):
        chance = Random(seed)
        frames = chance.sample(range(256), 100)
        zone = Fragmented(256, 5, sorted(frames[:70]), sorted(frames[70:]))
        before, blocks = zone.where(), zone.free_blocks()
        assert zone.compact() == COMPACT_COMPLETE
        after = zone.where()
        assert all(old <= new for old, new in zip(before, after, strict=True))
        assert before != after
        assert len(zone.free_blocks()) < len(blocks)
        zone.check()


def test_a_second_run_finds_nothing_that_it_could_do_better() -> None:
    zone = small()
    zone.compact()
    once = zone.where()
    zone.compact()
    assert zone.where() == once
    zone.check()


def test_compaction_of_the_same_memory_is_the_same_each_time() -> None:
    results = []
    for _ in range(2):
        zone = Fragmented(256, 5, range(0, 200, 3), range(1, 100, 7))
        zone.compact()
        results.append((zone.where(), zone.free_blocks(), dict(zone.k.vm_events)))
    assert results[0] == results[1]


def test_a_pinned_page_stays_and_is_put_back() -> None:
    zone = topped(range(0, 32, 4))
    page = zone.page(8)
    alone(get_page(page))
    zone.compact()
    assert page.flags & PG_lru
    assert zone.where()[2] == 8
    assert [n for n in zone.where() if n < 16] == [8]
    alone(put_page(zone.k, page))
    zone.check()


def test_one_node_can_be_compacted_or_all() -> None:
    zone = small()
    untouched = zone.where()
    alone(compact_node(zone.k, 0), zone.k)
    settle(zone.k)
    assert zone.where() == untouched
    alone(compact_nodes(zone.k), zone.k)
    settle(zone.k)
    alone(drain_all_pages(zone.k), zone.k)
    assert zone.where() != untouched
    zone.check()


def test_a_run_that_wants_a_block_ends_when_there_is_one() -> None:
    zone = Fragmented(256, 4, range(0, 256, 4))
    assert zone.compact(order=3) == COMPACT_PARTIAL
    assert max(order for _, order in zone.free_blocks()) >= 3
    partly = zone.where()
    assert zone.compact(order=3) == COMPACT_PARTIAL
    assert zone.where() == partly, "there is one already"
    assert zone.compact() == COMPACT_COMPLETE
    assert zone.where() != partly
    zone.check()


def test_a_run_that_cannot_get_its_block_ends_when_the_scanners_meet() -> None:
    zone = Fragmented(64, 4, [1], range(0, 64, 4))
    assert zone.compact(order=3) == COMPACT_COMPLETE
    zone.check()


def test_a_free_block_of_another_type_does_only_if_it_is_a_whole_pageblock() -> None:
    zone = Fragmented(64, 4, [1], range(0, 64, 8))
    cc = zone.control(order=2)
    cc.migratetype = MIGRATE_UNMOVABLE
    assert alone(compact_finished(cc)) == COMPACT_CONTINUE
    cc.migratetype = MIGRATE_MOVABLE
    assert alone(compact_finished(cc)) == COMPACT_PARTIAL
    zone = Fragmented(64, 4, [1], range(0, 48, 8))
    cc = zone.control(order=2)
    cc.migratetype = MIGRATE_UNMOVABLE
    assert alone(compact_finished(cc)) == COMPACT_PARTIAL


# Direct compaction.


def allocate(zone: Fragmented, order: int, gfp: int = ON_NODE_1) -> Page | None:
    return alone(alloc_pages(zone.k, gfp, order, node=1), zone.k)


def test_a_large_allocation_that_fails_gets_a_block_by_compaction() -> None:
    zone = Fragmented(256, 5, range(0, 256, 4))
    page = allocate(zone, 4)
    assert page is not None
    assert page.zone is zone.zone
    assert page.pfn % 16 == 0
    block = range(page.pfn - zone.start, page.pfn - zone.start + 16)
    assert not set(block) & set(zone.where())
    events = zone.k.vm_events
    assert (events["compact_stall"], events["compact_success"]) == (1, 1)
    assert events["compact_fail"] == 0
    alone(free_pages(zone.k, page, 4), zone.k)
    settle(zone.k)
    zone.check()


def test_an_allocation_that_finds_a_block_compacts_nothing() -> None:
    zone = small([0])
    page = allocate(zone, 4)
    assert page is not None
    assert zone.k.vm_events["compact_stall"] == 0
    alone(free_pages(zone.k, page, 4), zone.k)
    zone.check()


async def try_to(zone: Fragmented, order: int, gfp: int = GFP_KERNEL) -> bool:
    return await try_to_compact_pages(zone.k, [zone.zone], order, gfp, MIGRATE_MOVABLE)


@pytest.mark.parametrize(
    ("order", "gfp"),
    [
        (3, GFP_KERNEL),
        (4, GFP_WAIT),
        (4, GFP_WAIT | GFP_IO),
        (4, GFP_WAIT | GFP_FS),
    ],
)
def test_small_blocks_and_callers_that_cannot_wait_are_no_reason_to_compact(
    order: int, gfp: int
) -> None:
    zone = small()
    before = zone.where()
    assert not alone(try_to(zone, order, gfp), zone.k)
    assert zone.where() == before
    assert zone.k.vm_events["compact_stall"] == 0
    zone.check()


def test_nothing_is_compacted_where_memory_is_short_rather_than_in_pieces() -> None:
    """Ten pages are free, twice the wanted sixteen would be needed."""
    zone = Fragmented(64, 4, range(0, 64, 4), [n for n in range(1, 64) if n % 4][10:])
    before = zone.where()
    assert not alone(try_to(zone, 4), zone.k)
    assert zone.k.vm_events["compact_stall"] == 1
    assert zone.where() == before
    zone.check()


def test_nothing_is_compacted_where_the_free_blocks_are_large_enough_nearly() -> None:
    """The index is 1000 - (1000 + 40 * 1000 / 16) / 5 = 300."""
    used = [n for n in range(64) if n % 16 >= 8]
    zone = Fragmented(80, 4, used, range(72, 80))
    assert [order for _, order in zone.free_blocks()] == [3] * 5
    before = zone.where()
    assert not alone(try_to(zone, 4), zone.k)
    assert zone.where() == before
    zone.check()


# Giving up for a while.


def test_allocations_that_fail_all_the_same_compact_less_and_less() -> None:
    zone = Fragmented(64, 4, [1], range(0, 64, 4))
    stalls = []
    for _ in range(15):
        assert allocate(zone, 4) is None
        stalls.append(zone.k.vm_events["compact_stall"])
    tries = [n for n in range(15) if n == 0 or stalls[n] > stalls[n - 1]]
    assert tries == [0, 2, 6, 14]
    assert zone.k.vm_events["compact_fail"] == 4
    zone.check()


def test_a_success_ends_the_waiting() -> None:
    zone = Fragmented(256, 5, range(0, 256, 4))
    defer_compaction(zone.zone)
    assert allocate(zone, 4) is None, "left out, and nothing can be reclaimed"
    page = allocate(zone, 4)
    assert page is not None
    assert (zone.zone.compact_considered, zone.zone.compact_defer_shift) == (0, 0)
    alone(free_pages(zone.k, page, 4), zone.k)
    settle(zone.k)
    zone.check()
