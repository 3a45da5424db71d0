"""Compaction: moving pages together, so that large blocks become free.

Linux: mm/compaction.c, as merged in 2.6.35.

Two scanners go through a zone.  The *migrate scanner* starts at the bottom and
collects pages that can be moved, 32 at a time.  The *free scanner* starts at the top
and collects free pages for them to move to, from blocks that are meant for movable
pages.  Where the two meet, the zone is done: what can move is at the top, what is free
at the bottom.

Called by hand through /proc/sys/vm/compact_memory, and by whoever wants a large block
and finds that memory is not short but in pieces (`try_to_compact_pages`).

Locks: none is held from outside but what the caller of the allocator has; zone.lru_lock
while the migrate scanner collects, zone.lock while the free scanner does, and then what
migration takes.  While neither is held, pages on the lists are held by a reference: one
that was freed meanwhile is found out by its count (`migrate.unmap_and_move`).

Left out: waiting when most of a zone is isolated already, and fatal signals.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from ..sim.clock import work
from .buddy import split_free_page
from .kernel import Kernel
from .migrate import migrate_pages, migrate_prep_local
from .mm_types import Page, PG_buddy, PG_lru
from .mmzone import (
    MAX_ORDER,
    MIGRATE_ISOLATE,
    MIGRATE_MOVABLE,
    MIGRATE_RESERVE,
    PAGE_ALLOC_COSTLY_ORDER,
    WMARK_LOW,
    Zone,
)
from .page_alloc import free_pages, may_perform_io, zone_watermark_ok
from .swap import lru_add_drain_all
from .vmscan import ISOLATE_BOTH, count_isolated, isolate_lru_page_locked
from .vmstat import count_vm_events, fragmentation_index, free_blocks_by_order

COMPACT_CLUSTER_MAX = 32  # pages that are migrated at a time
COMPACT_ALL = -1  # in the place of an order: the whole zone
SYSCTL_EXTFRAG_THRESHOLD = 500  # thousandths; below it, memory is short rather

# What came of it, or comes next.
COMPACT_SKIPPED = 0
COMPACT_CONTINUE = 1
COMPACT_PARTIAL = 2  # a block of the wanted order is free
COMPACT_COMPLETE = 3  # the scanners have met

LOOK = "a frame that a scanner comes by"


@define(eq=False)
class CompactControl:
    """struct compact_control: one run over one zone.

    Its caller's own; others never see it.
    """

    zone: Zone
    order: int  # of the block that is wanted, or COMPACT_ALL
    migratetype: int = MIGRATE_MOVABLE
    migrate_pfn: int = 0  # where the migrate scanner is
    free_pfn: int = 0  # the block that the free scanner comes to next
    # The newest first, as the kernel's lists are.
    migratepages: list[Page] = field(factory=list)
    freepages: list[Page] = field(factory=list)


async def compact_zone(k: Kernel, cc: CompactControl) -> int:
    """Let the scanners go until they meet, or until there is a block as wanted.

    A COMPACT_ number.  Frames that were collected and not used are given back.
    """
    zone = cc.zone
    cc.migrate_pfn = zone.zone_start_pfn
    cc.free_pfn = zone.end_pfn & -zone.pageblock_nr_pages
    await migrate_prep_local(k)

    async def alloc(k: Kernel, page: Page) -> Page | None:
        return await compaction_alloc(k, cc)

    while (result := await compact_finished(cc)) == COMPACT_CONTINUE:
        if not await isolate_migratepages(k, cc):
            continue
        tried = len(cc.migratepages)
        await migrate_pages(k, cc.migratepages, alloc)
        # migrate_pages puts back what it could not move, so nothing is ever left, and
        # failures count as moved (repaired in 2.6.37).
        left = len(cc.migratepages)
        count_vm_events(k, "compact_blocks_moved")
        count_vm_events(k, "compact_pages_moved", tried - left)
        if left:
            count_vm_events(k, "compact_pagemigrate_failed", left)
    for page in cc.freepages:
        await free_pages(k, page, 0)
    cc.freepages.clear()
    return result


async def compact_finished(cc: CompactControl) -> int:
    """Go on?  COMPACT_CONTINUE, or why not.  Looks at the free lists without a lock."""
    zone = cc.zone
    if cc.free_pfn <= cc.migrate_pfn:
        return COMPACT_COMPLETE
    if cc.order == COMPACT_ALL:
        return COMPACT_CONTINUE
    mark = zone.watermark[WMARK_LOW] + (1 << cc.order)
    if not await zone_watermark_ok(zone, cc.order, mark, zone.name):
        return COMPACT_CONTINUE
    for order in range(cc.order, MAX_ORDER):
        area = zone.free_area[order]
        if area.free_list[cc.migratetype]:
            return COMPACT_PARTIAL
        if order >= zone.pageblock_order and area.nr_free:
            return COMPACT_PARTIAL
    return COMPACT_CONTINUE


# The migrate scanner.


async def isolate_migratepages(k: Kernel, cc: CompactControl) -> int:
    """Collect up to 32 pages from the block ahead; say how many.

    Starting inside of a block, it may look at nearly two.  Takes zone.lru_lock.
    """
    zone = cc.zone
    low = max(cc.migrate_pfn, zone.zone_start_pfn)
    size = zone.pageblock_nr_pages
    end = (low + size + size - 1) & -size
    if end > cc.free_pfn or low >= zone.end_pfn:
        cc.migrate_pfn = end
        return 0
    start = low
    async with zone.lru_lock:
        while low < end:
            page = k.mem_map.get(low)
            low += 1
            # What is free is on no list, and passed over quickly.
            if page is None or not page.flags & PG_lru:
                continue
            if not await isolate_lru_page_locked(page, ISOLATE_BOTH, file=None):
                continue
            cc.migratepages.insert(0, page)
            count_isolated(page, +1)
            if len(cc.migratepages) >= COMPACT_CLUSTER_MAX:
                low -= 1  # looked at again next time, and passed over
                break
        await work(LOOK, low - start)
    cc.migrate_pfn = low
    return len(cc.migratepages)


# The free scanner.


async def compaction_alloc(k: Kernel, cc: CompactControl) -> Page | None:
    """Where the next page goes; None if none is left above the other scanner.

    A frame with one reference.  May take zone.lock.
    """
    if not cc.freepages:
        await isolate_freepages(k, cc)
        if not cc.freepages:
            return None
    return cc.freepages.pop(0)


async def isolate_freepages(k: Kernel, cc: CompactControl) -> None:
    """Collect free pages, block by block downwards, until there are enough.

    The next search starts again at the highest block that had any.  Takes zone.lock.
    """
    zone = cc.zone
    size = zone.pageblock_nr_pages
    pfn = cc.free_pfn
    low = cc.migrate_pfn + size
    high = low
    async with zone.lock:
        await zone.change_free_area()
        while pfn > low and len(cc.migratepages) > len(cc.freepages):
            if (
                zone.contains(pfn)
                and suitable_migration_target(k, zone, pfn)
                and await isolate_freepages_block(k, cc, pfn)
            ):
                high = max(high, pfn)
            pfn -= size
    cc.free_pfn = high


def suitable_migration_target(k: Kernel, zone: Zone, pfn: int) -> bool:
    """Whether pages may be moved to the block that begins at `pfn`.

    Needs zone.lock.
    """
    migratetype = zone.pageblock_type(pfn)
    if migratetype in (MIGRATE_ISOLATE, MIGRATE_RESERVE):
        return False
    first = k.mem_map.get(pfn)
    if (
        first is not None
        and first.flags & PG_buddy
        and first.private >= zone.pageblock_order
    ):
        return True
    return migratetype == MIGRATE_MOVABLE


async def isolate_freepages_block(k: Kernel, cc: CompactControl, start: int) -> int:
    """Take all that is free in a block, even if fewer are needed; say how many pages.

    Needs zone.lock.
    """
    zone, taken = cc.zone, 0
    end = min(start + zone.pageblock_nr_pages, zone.end_pfn)
    frames = map(k.mem_map.get, range(start, end))
    free = [page for page in frames if page is not None and page.flags & PG_buddy]
    for page in free:  # each the first of its block
        mark = zone.watermark[WMARK_LOW] + (1 << page.private)
        if await zone_watermark_ok(zone, 0, mark, zone.name):
            await zone.change_free_area()
            pages = split_free_page(k, zone, page)
            taken += pages
            for number in range(page.pfn, page.pfn + pages):
                cc.freepages.insert(0, k.mem_map[number])
    await work(LOOK, end - start)
    return taken


# Who starts it.


async def compact_nodes(k: Kernel) -> None:
    """/proc/sys/vm/compact_memory: compact every zone of every node.  Sleeps."""
    for node in range(len(k.nodes)):
        await compact_node(k, node)


async def compact_node(k: Kernel, node: int) -> None:
    """/sys/devices/system/node/nodeN/compact.  Sleeps."""
    await lru_add_drain_all(k)
    for zone in k.nodes[node].node_zones:
        await compact_zone(k, CompactControl(zone, COMPACT_ALL))


async def try_to_compact_pages(
    k: Kernel, zonelist: Sequence[Zone], order: int, gfp: int, migratetype: int
) -> bool:
    """Direct compaction, where it can help; False if it was not even tried.

    `order` and `migratetype` of the block that is wanted, `gfp` the caller's.  May
    sleep, so no spinlock may be held.
    """
    if order <= PAGE_ALLOC_COSTLY_ORDER or not may_perform_io(gfp):
        return False
    count_vm_events(k, "compact_stall")
    tried = False
    for zone in zonelist:
        mark = zone.watermark[WMARK_LOW] + (2 << order)
        if not await zone_watermark_ok(zone, 0, mark, zone.name):
            continue  # there is too little memory, however it lies
        index = fragmentation_index(free_blocks_by_order(zone), order)
        if 0 <= index <= SYSCTL_EXTFRAG_THRESHOLD:
            continue
        low = zone.watermark[WMARK_LOW]
        # 2.6.35 compares with -1, though "there is one" is said by -1000.
        if index == -1 and await zone_watermark_ok(zone, order, low, zone.name):
            return True
        tried = True
        await compact_zone(k, CompactControl(zone, order, migratetype))
        if await zone_watermark_ok(zone, order, low, zone.name):
            break
    return tried
