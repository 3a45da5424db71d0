"""Counters, and the indices of fragmentation."""

from __future__ import annotations

import pytest
from building import alone, boot
from hypothesis import given
from hypothesis import strategies as st

from kmm.mm.gfp import GFP_KERNEL
from kmm.mm.mmzone import MAX_ORDER
from kmm.mm.page_alloc import alloc_pages, free_pages
from kmm.mm.vmstat import (
    add_zone_page_state,
    blocks_suitable,
    fragmentation_index,
    free_blocks_by_order,
    global_page_state,
    unusable_free_index,
)


def free(**blocks: int) -> list[int]:
    """Numbers of free blocks, given as o0=..., o9=..."""
    return [blocks.get(f"o{order}", 0) for order in range(MAX_ORDER)]


any_free = st.lists(st.integers(0, 1000), min_size=MAX_ORDER, max_size=MAX_ORDER)
any_order = st.integers(0, MAX_ORDER - 1)


@pytest.mark.parametrize(
    ("blocks", "index"),
    [
        (free(), 0),
        (free(o0=1), -1),
        (free(o0=4), 749),
        (free(o0=100), 989),
        (free(o9=1), -1000),
        (free(o10=1), -1000),
    ],
)
def test_the_fragmentation_index_of_a_huge_page(blocks: list[int], index: int) -> None:
    assert fragmentation_index(blocks, 9) == index


def test_free_memory_in_pieces_is_fragmentation_and_little_of_it_is_lack() -> None:
    few, many = fragmentation_index(free(o8=1), 9), fragmentation_index(free(o0=512), 9)
    assert few < 0 < 500 < many < 1000


@pytest.mark.parametrize(
    ("blocks", "order", "index"),
    [
        (free(), 0, 1000),
        (free(o0=7), 0, 0),
        (free(o0=7), 1, 1000),
        (free(o0=1, o1=1), 1, 333),
        (free(o0=512, o9=1), 9, 500),
        (free(o10=1), 9, 0),
    ],
)
def test_memory_in_blocks_that_are_too_small_is_unusable(
    blocks: list[int], order: int, index: int
) -> None:
    assert unusable_free_index(blocks, order) == index


@given(any_free, any_order)
def test_a_block_can_be_had_exactly_if_the_fragmentation_index_says_so(
    blocks: list[int], order: int
) -> None:
    index = fragmentation_index(blocks, order)
    assert (index == -1000) == any(blocks[order:])
    assert index <= 1000


@given(any_free)
def test_more_memory_is_unusable_for_a_larger_block(blocks: list[int]) -> None:
    indices = [unusable_free_index(blocks, order) for order in range(MAX_ORDER)]
    assert indices == sorted(indices)
    assert all(0 <= index <= 1000 for index in indices)
    assert indices[0] == (0 if any(blocks) else 1000)


@given(any_free, any_order)
def test_what_is_suitable_is_what_splitting_would_give(
    blocks: list[int], order: int
) -> None:
    split = list(blocks)
    for larger in range(MAX_ORDER - 1, order, -1):
        split[larger - 1] += 2 * split[larger]
    assert blocks_suitable(blocks, order) == split[order]


def test_free_blocks_are_counted_by_order() -> None:
    k = boot(frames=32)
    (zone,) = k.zones
    assert free_blocks_by_order(zone) == free(o1=1, o2=1, o3=1, o4=1)
    page = alone(alloc_pages(k, GFP_KERNEL, 4))
    assert page is not None
    assert free_blocks_by_order(zone) == free(o1=1, o2=1, o3=1)
    alone(free_pages(k, page, 4))
    assert free_blocks_by_order(zone) == free(o1=1, o2=1, o3=1, o4=1)


def test_a_count_of_the_machine_is_the_sum_of_its_zones() -> None:
    k = boot(frames=64, nodes=2)
    first, second = k.zones
    add_zone_page_state(first, "nr_inactive_anon", 3)
    add_zone_page_state(second, "nr_inactive_anon", 4)
    add_zone_page_state(second, "nr_active_anon", 8)
    assert global_page_state(k, "nr_inactive_anon") == 7


def test_pages_taken_and_given_back_are_counted_singly() -> None:
    k = boot(frames=32)
    page = alone(alloc_pages(k, GFP_KERNEL, 2))
    assert page is not None
    alone(free_pages(k, page, 2))
    assert (k.vm_events["pgalloc_dma"], k.vm_events["pgfree"]) == (4, 4)
