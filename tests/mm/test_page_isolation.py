"""Isolated blocks: nothing is taken from them, and what is freed in them stays."""

from __future__ import annotations

import pytest
from areas import all_but, area, area_in
from building import alone, boot, free_frames, is_free, settle, use_up_memory

from kmm.designs import find_kernel
from kmm.mm.audit import audit
from kmm.mm.boot import start_kernel
from kmm.mm.buddy import free_blocks
from kmm.mm.errno import EBUSY
from kmm.mm.gfp import GFP_ATOMIC
from kmm.mm.kernel import Config, Kernel
from kmm.mm.mm_types import Page
from kmm.mm.mmzone import (
    MAX_ORDER,
    MIGRATE_ISOLATE,
    MIGRATE_MOVABLE,
    MIGRATE_RESERVE,
    MIGRATE_UNMOVABLE,
)
from kmm.mm.page_alloc import alloc_page, alloc_pages, free_pages
from kmm.mm.page_isolation import (
    set_migratetype_isolate,
    start_isolate_page_range,
    undo_isolate_page_range,
    unset_migratetype_isolate,
)
from kmm.mm.page_isolation import test_pages_isolated as all_isolated
from kmm.mm.swap import put_page

BLOCK = 16
RANGE = range(128, 192)


def machine() -> Kernel:
    return boot(frames=256, cpus=2, pageblock_order=4)


def types(k: Kernel) -> list[int]:
    """The types of the range's blocks."""
    return [k.zones[0].pageblock_type(pfn) for pfn in RANGE[::BLOCK]]


def isolate(k: Kernel) -> int:
    return alone(start_isolate_page_range(k, RANGE.start, RANGE.stop), k)


def undo(k: Kernel) -> None:
    alone(undo_isolate_page_range(k, RANGE.start, RANGE.stop), k)


def is_all_isolated(k: Kernel) -> bool:
    return alone(all_isolated(k, RANGE.start, RANGE.stop), k)


def free_lists(k: Kernel) -> list[tuple[int, int, int]]:
    """First frame, order and type of the free blocks in the range."""
    return sorted(
        (int(page.pfn), order, migratetype)
        for page, order, migratetype in free_blocks(k.zones[0])
        if page.pfn in RANGE
    )


def give_back(k: Kernel, pages: list[Page]) -> None:
    for page in pages:
        alone(put_page(k, page), k)


def test_all_blocks_are_marked_and_their_free_pages_set_apart() -> None:
    k = machine()
    before = free_frames(k)
    assert isolate(k) == 0
    assert types(k) == [MIGRATE_ISOLATE] * 4
    assert all(migratetype == MIGRATE_ISOLATE for *_, migratetype in free_lists(k))
    assert free_frames(k) == before, "they are free all the same"
    audit(k)


def test_nothing_is_taken_from_isolated_blocks() -> None:
    k = boot(frames=256, cpus=2, pageblock_order=4)
    isolate(k)
    taken = use_up_memory(k)
    assert taken
    assert not {page.pfn for page in taken} & set(RANGE)
    give_back(k, taken)
    for order in range(MAX_ORDER):
        block = alone(alloc_pages(k, GFP_ATOMIC, order), k)
        if block is not None:
            assert block.pfn not in RANGE
            alone(free_pages(k, block, order), k)
    audit(k)


def test_when_isolation_ends_all_pages_can_be_taken_again() -> None:
    k = machine()
    before = free_lists(k)
    isolate(k)
    undo(k)
    assert types(k) == [MIGRATE_MOVABLE] * 4
    assert free_lists(k) == before
    taken = use_up_memory(k)
    assert {page.pfn for page in taken} >= set(RANGE)
    give_back(k, taken)
    audit(k)


def test_a_page_that_is_freed_in_an_isolated_block_goes_straight_to_its_list() -> None:
    k = machine()
    taken = use_up_memory(k)
    assert isolate(k) == -EBUSY, "the kernel's own pages have made it unmovable"
    for pfn in RANGE[::BLOCK]:
        k.zones[0].set_pageblock_type(pfn, MIGRATE_MOVABLE)
    assert isolate(k) == 0
    assert not is_all_isolated(k)
    mine = [page for page in taken if page.pfn in RANGE]
    give_back(k, mine)
    assert sum(pcp.count for pcp in k.zones[0].pageset) == 0
    assert alone(alloc_page(k, GFP_ATOMIC), k) is None
    assert is_all_isolated(k)
    give_back(k, [page for page in taken if page.pfn not in RANGE])
    audit(k)


def test_what_a_cpu_kept_of_a_block_comes_back_to_it() -> None:
    k = boot(frames=1 << 15, pageblock_order=4)  # enough for CPUs to keep any
    zone = k.zones[1]
    one = area(k, 8, cpu=1)
    one.fill_all("abcdefgh")
    settle(k)
    block = one.page(0).pfn & -BLOCK
    one.unmap(0, 8)
    settle(k)
    assert any(pcp.count for pcp in zone.pageset)
    assert not alone(all_isolated(k, block, block + BLOCK), k)
    assert alone(set_migratetype_isolate(k, block), k)
    assert not any(pcp.count for pcp in zone.pageset)
    assert alone(all_isolated(k, block, block + BLOCK), k)
    audit(k)


@pytest.mark.parametrize(
    "migratetype", [MIGRATE_UNMOVABLE, MIGRATE_RESERVE, MIGRATE_ISOLATE]
)
@pytest.mark.parametrize("place", [0, 2, 3])
def test_if_one_block_is_not_movable_none_is_isolated(
    migratetype: int, place: int
) -> None:
    k = machine()
    odd = RANGE.start + place * BLOCK
    k.zones[0].set_pageblock_type(odd, migratetype)
    before = types(k)
    assert isolate(k) == -EBUSY
    assert types(k) == before
    others = [each for each in free_lists(k) if not odd <= each[0] < odd + BLOCK]
    assert all(migratetype == MIGRATE_MOVABLE for *_, migratetype in others)
    audit(k)


def test_ending_an_isolation_that_never_was_changes_nothing() -> None:
    k = machine()
    k.zones[0].set_pageblock_type(RANGE.start, MIGRATE_UNMOVABLE)
    before = types(k)
    alone(unset_migratetype_isolate(k, RANGE.start), k)
    undo(k)
    assert types(k) == before
    audit(k)


def test_a_range_with_a_page_in_use_is_not_all_isolated() -> None:
    used = RANGE.start + 21
    usable = all_but(range(256), [used])
    config = Config(cpus=2, frames=256, pageblock_order=4, min_free_kbytes=0)
    k = start_kernel(config, find_kernel("2.6.34"), usable)
    one = area_in(k, [used], "a")
    settle(k)
    assert isolate(k) == 0
    assert not is_all_isolated(k)
    page = one.page(0)
    one.unmap(0)
    assert is_free(page)
    assert is_all_isolated(k)
    undo(k)
    audit(k)
