"""Keeping the allocator away from a range of memory.

Linux: mm/page_isolation.c; mm/page_alloc.c (set_migratetype_isolate).  A pageblock that
is marked MIGRATE_ISOLATE gives no pages any more; what is freed in it stays there.  The
per-CPU lists are drained then, since a page on one of them would be given out still.

Called by `memory_hotplug`.  Locks: zone.lock.

Left out: blocks that are not movable but accounted for by balloon drivers.
"""

from __future__ import annotations

from .buddy import del_from_free_list, free_one_page, split_at
from .errno import EBUSY
from .kernel import Kernel
from .mm_types import PG_buddy
from .mmzone import MIGRATE_ISOLATE, MIGRATE_MOVABLE, Zone
from .page_alloc import drain_all_pages


async def start_isolate_page_range(k: Kernel, start: int, end: int) -> int:
    """Isolate the pageblocks of [start, end), in pfn; 0, or -EBUSY.

    Only blocks of movable pages can be; if one cannot, those before it are as they
    were.  Takes the lock of each zone, and drains the per-CPU lists.
    """
    done: list[int] = []
    for pfn in blocks(k, start, end):
        if not await set_migratetype_isolate(k, pfn):
            for undone in done:
                await unset_migratetype_isolate(k, undone)
            return -EBUSY
        done.append(pfn)
    return 0


async def undo_isolate_page_range(k: Kernel, start: int, end: int) -> None:
    """Let pages be allocated from [start, end) again.  Takes zone.lock."""
    for pfn in blocks(k, start, end):
        await unset_migratetype_isolate(k, pfn)


def blocks(k: Kernel, start: int, end: int) -> range:
    """The first frame of each pageblock."""
    return range(start, end, 1 << k.config.pageblock_order)


async def set_migratetype_isolate(k: Kernel, pfn: int) -> bool:
    """Mark one block, and set its free pages apart; False if it is not movable.

    `pfn` is its first.  Takes zone.lock.
    """
    zone = k.mem_map.zone_of(pfn)
    async with zone.lock:
        await zone.change_free_area()
        if zone.pageblock_type(pfn) != MIGRATE_MOVABLE:
            return False
        split_at(k, zone, pfn)
        split_at(k, zone, pfn + zone.pageblock_nr_pages)
        retag_block(k, zone, pfn, MIGRATE_ISOLATE)
    await drain_all_pages(k)
    return True


async def unset_migratetype_isolate(k: Kernel, pfn: int) -> None:
    """Mark one block as movable again, if it was isolated.  Takes zone.lock."""
    zone = k.mem_map.zone_of(pfn)
    async with zone.lock:
        await zone.change_free_area()
        if zone.pageblock_type(pfn) != MIGRATE_ISOLATE:
            return
        retag_block(k, zone, pfn, MIGRATE_MOVABLE)


def retag_block(k: Kernel, zone: Zone, pfn: int, migratetype: int) -> None:
    """Mark a block, and free what is free in it again: it merges with its like now.

    Needs zone.lock.
    """
    zone.set_pageblock_type(pfn, migratetype)
    end = pfn + zone.pageblock_nr_pages
    while pfn < end:
        page, order = k.mem_map.get(pfn), 0
        if page is not None and page.flags & PG_buddy:
            order = del_from_free_list(zone, page)
            zone.nr_free_pages -= 1 << order
            free_one_page(k, zone, page, order, migratetype)
        pfn += 1 << order


async def test_pages_isolated(k: Kernel, start: int, end: int) -> bool:
    """Whether all of a range is free, and back with the buddy allocator.

    Takes zone.lock.
    """
    pfn = start
    while pfn < end:
        zone = k.mem_map.zone_of(pfn)
        async with zone.lock:
            page = k.mem_map.get(pfn)
            if page is None or not page.flags & PG_buddy:
                return False
            pfn += 1 << page.private
    return True
