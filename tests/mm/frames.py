"""Page frames, taken and given back by whoever tests the allocator."""

from __future__ import annotations

from typing import Any

from building import alone, boot

from kmm.mm.buddy import free_blocks, free_one_page, rmqueue
from kmm.mm.gfp import GFP_ATOMIC, GFP_MOVABLE
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Page
from kmm.mm.mmzone import MIGRATE_MOVABLE
from kmm.mm.page_alloc import alloc_pages

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
