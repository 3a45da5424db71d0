"""How memory is divided, and how much of it is kept back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from building import boot
from hypothesis import given
from hypothesis import strategies as st

from kmm.hw.memory import Pfn
from kmm.mm.mmzone import (
    MAX_ORDER,
    MIGRATE_MOVABLE,
    MIGRATE_RESERVE,
    PerCpuPages,
    Zone,
    min_free_kbytes_of,
    nodes_of,
    setup_per_zone_lowmem_reserve,
    setup_per_zone_wmarks,
    setup_zone_migrate_reserve,
)

MIB = 256  # frames
GIB = 1024 * MIB


def zone(frames: int, pageblock_order: int = 9) -> Zone:
    return Zone("Normal", 0, Pfn(0), frames, pageblock_order, cpus=1)


def zones(frames: int, nodes: int = 1) -> list[tuple[str, int, int]]:
    return [
        (zone.name, zone.zone_start_pfn, zone.end_pfn)
        for node in nodes_of(frames, nodes, cpus=1, pageblock_order=9)
        for zone in node.node_zones
    ]


# Nodes and zones.


def test_zones_end_where_devices_can_reach_no_further() -> None:
    assert zones(6 * GIB) == [
        ("DMA", 0, 16 * MIB),
        ("DMA32", 16 * MIB, 4 * GIB),
        ("Normal", 4 * GIB, 6 * GIB),
    ]


def test_a_small_machine_has_only_the_zone_that_every_device_can_reach() -> None:
    assert zones(16 * MIB) == [("DMA", 0, 16 * MIB)]


def test_only_the_first_node_has_the_memory_that_is_lowest() -> None:
    assert zones(8 * GIB, nodes=2) == [
        ("DMA", 0, 16 * MIB),
        ("DMA32", 16 * MIB, 4 * GIB),
        ("Normal", 4 * GIB, 8 * GIB),
    ]
    halves = nodes_of(8 * GIB, nodes=2, cpus=1, pageblock_order=9)
    assert (halves[1].start_pfn, halves[1].end_pfn) == (4 * GIB, 8 * GIB)


@given(frames=st.integers(8, 3 * 4096), nodes=st.integers(1, 4))
def test_every_frame_is_in_one_zone(frames: int, nodes: int) -> None:
    bounds = [(start, end) for _, start, end in zones(frames, nodes)]
    assert bounds[0][0] == 0
    assert bounds[-1][1] == frames
    assert all(lower[1] == upper[0] for lower, upper in pairwise(bounds))
    assert all(start < end for start, end in bounds)


@given(blocks=st.integers(2, 20), rest=st.integers(0, 1023), nodes=st.integers(1, 4))
def test_no_block_spans_two_nodes_if_each_has_room_for_one(
    blocks: int, rest: int, nodes: int
) -> None:
    largest = 1 << (MAX_ORDER - 1)
    made = nodes_of((nodes * blocks * largest) + rest, nodes, 1, 9)
    assert all(node.start_pfn % largest == 0 for node in made)


def test_a_page_knows_its_zone_and_nothing_is_known_where_there_is_no_ram() -> None:
    k = boot(frames=17 * MIB)
    names = [k.mem_map[pfn].zone.name for pfn in (16 * MIB - 1, 16 * MIB)]
    assert names == ["DMA", "DMA32"]
    with pytest.raises(IndexError, match="no RAM at pfn 0x1100"):
        k.mem_map[17 * MIB]


def test_memory_that_nobody_has_touched_has_no_struct_page() -> None:
    k = boot(frames=64 * GIB)
    assert len(k.mem_map) < k.mem_map.frames // 1000


# What is kept back.


@pytest.mark.parametrize(
    ("frames", "kbytes"),
    [(64 * MIB, 1024), (256 * MIB, 2048), (GIB, 4096), (1, 128), (2048 * GIB, 65536)],
)
def test_memory_kept_back_grows_with_the_square_root_within_bounds(
    frames: int, kbytes: int
) -> None:
    assert min_free_kbytes_of(frames * 4) == kbytes


@pytest.mark.parametrize(
    ("frames", "marks"),
    [
        (64 * MIB, [256, 320, 384]),
        (256 * MIB, [512, 640, 768]),
        (GIB, [1024, 1280, 1536]),
    ],
)
def test_watermarks_are_those_of_linux(frames: int, marks: list[int]) -> None:
    only = zone(frames)
    setup_per_zone_wmarks([only], min_free_kbytes_of(frames * 4))
    assert only.watermark == marks


def test_zones_share_what_is_kept_back_by_their_size() -> None:
    k = boot(frames=64 * MIB, min_free_kbytes=1024)
    assert [zone.watermark for zone in k.zones] == [[64, 80, 96], [192, 240, 288]]


def test_a_machine_keeps_as_much_as_linux_only_if_it_is_asked_to() -> None:
    assert boot(frames=64 * MIB).zones[0].watermark == [0, 0, 0]
    asked = boot(frames=64 * MIB, min_free_kbytes=None)
    assert sum(zone.watermark[0] for zone in asked.zones) == 256


def test_a_zone_keeps_a_256th_of_what_lies_above_from_those_who_could_go_there() -> (
    None
):
    (node,) = nodes_of(6 * GIB, nodes=1, cpus=1, pageblock_order=9)
    setup_per_zone_lowmem_reserve(node)
    dma32, normal = 4 * GIB - 16 * MIB, 2 * GIB
    assert [zone.lowmem_reserve for zone in node.node_zones] == [
        {"DMA32": dma32 // 256, "Normal": (dma32 + normal) // 256},
        {"Normal": normal // 256},
        {},
    ]


@pytest.mark.parametrize(
    ("low", "blocks"), [(0, 0), (1, 1), (512, 1), (513, 2), (4096, 2)]
)
def test_blocks_are_reserved_for_the_lowest_watermark_but_two_at_most(
    low: int, blocks: int
) -> None:
    made = zone(16 * MIB)
    made.watermark = [low, low, low]
    setup_zone_migrate_reserve(made)
    kinds = [made.pageblock_type(block * 512) for block in range(8)]
    assert kinds == [MIGRATE_RESERVE] * blocks + [MIGRATE_MOVABLE] * (8 - blocks)


@pytest.mark.parametrize(
    ("gigabytes", "ratio"), [(0, 1), (1, 3), (4, 6), (10, 10), (100, 31)]
)
def test_the_inactive_list_may_be_the_shorter_the_larger_the_zone_is(
    gigabytes: int, ratio: int
) -> None:
    made = zone(gigabytes * GIB or MIB)
    setup_per_zone_wmarks([made], 128)
    assert made.inactive_ratio == ratio


# Per-CPU lists.


@pytest.mark.parametrize(
    ("present", "batch", "high"),
    [
        (4096, 1, 0),
        (16384, 3, 18),
        (65536, 15, 90),
        (262144, 31, 186),
        (64 * GIB, 31, 186),
    ],
)
def test_a_cpu_keeps_more_pages_of_a_larger_zone(
    present: int, batch: int, high: int
) -> None:
    pcp = PerCpuPages(present)
    assert (pcp.batch, pcp.high) == (batch, high)


# Pageblocks.


def test_a_pageblock_has_one_type_which_is_movable_at_first() -> None:
    made = zone(64, pageblock_order=4)
    made.set_pageblock_type(20, MIGRATE_RESERVE)
    kinds = [made.pageblock_type(pfn) for pfn in (15, 16, 31, 32)]
    assert kinds == [
        MIGRATE_MOVABLE,
        MIGRATE_RESERVE,
        MIGRATE_RESERVE,
        MIGRATE_MOVABLE,
    ]
