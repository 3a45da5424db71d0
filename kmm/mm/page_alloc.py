"""Page frames: the buddy allocator, and the lists that CPUs keep before it.

Linux: mm/page_alloc.c.

Free memory is kept in blocks of 1, 2, 4 ... 1024 pages, each aligned to its size.  A
block's *buddy* is the other half of the block twice as large: its number differs in one
bit.  A block is split in two for whoever wants less; the lower half goes on being
split, the upper one is kept.  When a block is freed and its buddy is free too, they
merge, and so on upwards.  Only the first page of a free block knows of it (PG_buddy,
with the order in `private`).

The lists of each order are apart by *migratetype*, so that a zone has blocks in which
everything can be moved.  When a list runs out, the largest block of another type is
taken, and if it is large its whole pageblock changes sides.

In front of the zones, each CPU keeps a few single pages for itself.

Reading order: taking a block (`rmqueue`), giving it back (`free_one_page`), per-CPU
lists, watermarks, and `alloc_pages`, which everybody calls.

Locks: zone.lock for the blocks; the per-CPU lists have none, but interrupts are off.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ..sim.access import atomic_add, atomic_inc_not_zero, read_once
from ..sim.failure import Leak, bug_on
from ..sim.trap import get_current
from .gfp import (
    GFP_DMA,
    GFP_DMA32,
    GFP_FS,
    GFP_HIGH,
    GFP_IO,
    GFP_NORETRY,
    GFP_PGTABLE,
    GFP_THISNODE,
    GFP_WAIT,
    GFP_ZERO,
    allocflags_to_migratetype,
)
from .kernel import Kernel, this_cpu
from .list_head import ListHead
from .mm_types import PAGE, PAGE_FLAGS_CHECK, Page, PG_buddy
from .mmzone import (
    MAX_ORDER,
    MIGRATE_ISOLATE,
    MIGRATE_MOVABLE,
    MIGRATE_PCPTYPES,
    MIGRATE_RECLAIMABLE,
    MIGRATE_RESERVE,
    MIGRATE_TYPES,
    MIGRATE_UNMOVABLE,
    PAGE_ALLOC_COSTLY_ORDER,
    WMARK_LOW,
    WMARK_MIN,
    PerCpuPages,
    Zone,
)
from .smp import on_each_cpu
from .vmstat import count_vm_events

# Where to look when a list has run out, in order.  (RESERVE comes last of all.)
FALLBACKS = {
    MIGRATE_UNMOVABLE: (MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE),
    MIGRATE_RECLAIMABLE: (MIGRATE_UNMOVABLE, MIGRATE_MOVABLE),
    MIGRATE_MOVABLE: (MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE),
    MIGRATE_RESERVE: (),
}

# How far below its watermark a zone may go for this caller.
ALLOC_HARDER = 0x10
ALLOC_HIGH = 0x20
ALLOC_NO_WATERMARKS = 0x04


# The free blocks of a zone.  All of this needs zone.lock.


def add_to_free_list(
    zone: Zone, page: Page, order: int, migratetype: int, *, tail: bool = False
) -> None:
    """Mark `page` as the head of a free block, and put that on its list."""
    area = zone.free_area[order]
    page.flags |= PG_buddy
    page.private = order
    page.lru = area.free_list[migratetype]
    if tail:
        page.lru.add_tail(page)
    else:
        page.lru.add(page)
    area.nr_free += 1


def del_from_free_list(zone: Zone, page: Page) -> int:
    """Take a free block off its list, and return its order."""
    order = page.private
    assert page.lru is not None
    page.lru.delete(page)
    page.lru = None
    page.flags &= ~PG_buddy
    page.private = 0
    zone.free_area[order].nr_free -= 1
    return order


def rmqueue(k: Kernel, zone: Zone, order: int, migratetype: int) -> Page | None:
    """Take a block of 1 << order pages, of this type if possible (__rmqueue)."""
    page = rmqueue_smallest(k, zone, order, migratetype)
    if page is None and migratetype != MIGRATE_RESERVE:
        page = rmqueue_fallback(k, zone, order, migratetype)
        if page is None:
            page = rmqueue_smallest(k, zone, order, MIGRATE_RESERVE)
    if page is not None:
        zone.nr_free_pages -= 1 << order
    return page


def rmqueue_smallest(
    k: Kernel, zone: Zone, order: int, migratetype: int
) -> Page | None:
    """The first block of the smallest order that will do, split if it is larger."""
    for current_order in range(order, MAX_ORDER):
        free_list = zone.free_area[current_order].free_list[migratetype]
        if free_list:
            page = free_list.first()
            del_from_free_list(zone, page)
            expand(k, zone, page, order, current_order, migratetype)
            return page
    return None


def expand(
    k: Kernel, zone: Zone, page: Page, low: int, high: int, migratetype: int
) -> None:
    """Split a block of order `high` down to `low`; the upper halves stay free."""
    while high > low:
        high -= 1
        upper = k.mem_map[page.pfn + (1 << high)]
        add_to_free_list(zone, upper, high, migratetype)


def rmqueue_fallback(
    k: Kernel, zone: Zone, order: int, start_migratetype: int
) -> Page | None:
    """Take from another type: the largest block, so that types mix in few places.

    If the block is large, all that is free in its pageblock changes sides, and if that
    is half of it, the pageblock does.
    """
    for current_order in range(MAX_ORDER - 1, order - 1, -1):
        for migratetype in FALLBACKS[start_migratetype]:
            free_list = zone.free_area[current_order].free_list[migratetype]
            if not free_list:
                continue
            page = free_list.first()
            if (
                current_order >= zone.pageblock_order // 2
                or start_migratetype == MIGRATE_RECLAIMABLE
                or k.page_group_by_mobility_disabled
            ):
                claim_pageblock(k, zone, page, start_migratetype)
                migratetype = start_migratetype
            del_from_free_list(zone, page)
            if current_order >= zone.pageblock_order:
                for pfn in range(
                    page.pfn, page.pfn + (1 << current_order), zone.pageblock_nr_pages
                ):
                    zone.set_pageblock_type(pfn, start_migratetype)
            expand(k, zone, page, order, current_order, migratetype)
            return page
    return None


def claim_pageblock(k: Kernel, zone: Zone, page: Page, migratetype: int) -> None:
    moved = move_freepages_block(k, zone, page.pfn, migratetype)
    if moved >= zone.pageblock_nr_pages // 2 or k.page_group_by_mobility_disabled:
        zone.set_pageblock_type(page.pfn, migratetype)


def move_freepages_block(k: Kernel, zone: Zone, pfn: int, migratetype: int) -> int:
    """Put all free blocks of a pageblock on the lists of another type.

    Returns how many pages that were: none if the pageblock crosses the zone's end.
    """
    start = pfn & -zone.pageblock_nr_pages
    end = start + zone.pageblock_nr_pages
    if not zone.contains(start):
        start = pfn
    if not zone.contains(end - 1):
        return 0
    moved = 0
    while start < end:
        page = k.mem_map.get(start)
        if page is None or not page.flags & PG_buddy:
            start += 1
            continue
        order = del_from_free_list(zone, page)
        add_to_free_list(zone, page, order, migratetype)
        moved += 1 << order
        start += 1 << order
    return moved


def free_one_page(
    k: Kernel, zone: Zone, page: Page, order: int, migratetype: int
) -> None:
    """Give a block back, merged with its buddy as often as that is free.

    __free_one_page, as of 2.6.35: a block that will merge again as soon as its buddy
    is freed goes to the tail of its list, so that it is not handed out at once.
    """
    pfn: int = page.pfn
    bug_on(pfn & ((1 << order) - 1) != 0, "mm/page_alloc.c:VM_BUG_ON")
    zone.nr_free_pages += 1 << order
    while order < MAX_ORDER - 1:
        buddy = free_buddy(k, zone, pfn, order)
        if buddy is None:
            break
        del_from_free_list(zone, buddy)
        pfn &= ~(1 << order)
        order += 1
    will_merge = (
        order < MAX_ORDER - 1
        and free_buddy(k, zone, pfn & ~(1 << order), order + 1) is not None
    )
    add_to_free_list(zone, k.mem_map[pfn], order, migratetype, tail=will_merge)


def free_buddy(k: Kernel, zone: Zone, pfn: int, order: int) -> Page | None:
    """The buddy of a block, if that is free and whole (page_is_buddy).

    What is isolated does not merge with what is not.  (2.6.34 isolates no less than a
    largest block at a time, so that the question does not come up.)
    """
    buddy = k.mem_map.get(pfn ^ (1 << order))
    if buddy is None or not buddy.flags & PG_buddy or buddy.private != order:
        return None
    bug_on(buddy.count != 0, "mm/page_alloc.c:VM_BUG_ON")
    if buddy.zone is not zone or is_isolated(zone, pfn) != is_isolated(zone, buddy.pfn):
        return None
    return buddy


def is_isolated(zone: Zone, pfn: int) -> bool:
    return zone.pageblock_type(pfn) == MIGRATE_ISOLATE


def split_at(k: Kernel, zone: Zone, pfn: int) -> None:
    """See to it that no free block reaches over the start of `pfn`."""
    for order in range(MAX_ORDER - 1, 0, -1):
        head = k.mem_map.get(pfn & -(1 << order))
        if (
            head is not None
            and head.pfn != pfn
            and head.flags & PG_buddy
            and head.private == order
        ):
            del_from_free_list(zone, head)
            for half in (head.pfn, head.pfn + (1 << (order - 1))):
                migratetype = zone.pageblock_type(half)
                add_to_free_list(zone, k.mem_map[half], order - 1, migratetype)


def split_free_page(k: Kernel, zone: Zone, page: Page) -> int:
    """Take a whole free block off the lists, as single pages with a reference each.

    Returns how many; for compaction, which has looked at the watermark.  Needs
    zone.lock.
    """
    bug_on(not page.flags & PG_buddy, "mm/page_alloc.c:BUG_ON")
    order = del_from_free_list(zone, page)
    zone.nr_free_pages -= 1 << order
    for pfn in range(page.pfn, page.pfn + (1 << order)):
        k.mem_map[pfn].count = 1
    if order >= zone.pageblock_order - 1:
        for pfn in range(page.pfn, page.pfn + (1 << order), zone.pageblock_nr_pages):
            zone.set_pageblock_type(pfn, MIGRATE_MOVABLE)
    return 1 << order


# The lists of each CPU.  Interrupts are off.


async def rmqueue_bulk(
    k: Kernel, zone: Zone, count: int, into: ListHead[Page], migratetype: int
) -> int:
    """Take single pages, one after the other, to the tail of a list; say how many.

    Takes zone.lock.
    """
    taken = 0
    async with zone.lock:
        await zone.change_free_area()
        while taken < count:
            page = rmqueue(k, zone, 0, migratetype)
            if page is None:
                break
            page.private = migratetype
            page.lru = into
            into.add_tail(page)
            taken += 1
    return taken


async def free_pcppages_bulk(
    k: Kernel, zone: Zone, count: int, pcp: PerCpuPages
) -> None:
    """Give `count` pages of a CPU back to the zone.  Takes zone.lock.

    The lists take turns; each empty one that is met makes the next give one more.
    """
    async with zone.lock:
        await zone.change_free_area()
        migratetype = batch_free = 0
        while count:
            while True:
                batch_free += 1
                migratetype = (migratetype + 1) % MIGRATE_PCPTYPES
                if pcp.lists[migratetype]:
                    break
            while batch_free and count and pcp.lists[migratetype]:
                page = pcp.lists[migratetype].pop_tail()
                page.lru = None
                free_one_page(k, zone, page, 0, page.private)
                pcp.count -= 1
                batch_free -= 1
                count -= 1
            batch_free = 0


async def drain_pages(k: Kernel, cpu: int) -> None:
    """Give back all that a CPU keeps.  Runs on that CPU; turns interrupts off."""
    async with k.cpus[cpu].interrupts:
        await drain_pages_irqs_off(k, cpu)


async def drain_all_pages(k: Kernel) -> None:
    """Have every CPU give back all that it keeps.  Sleeps."""
    await on_each_cpu(k, drain_pages_irqs_off)


async def drain_pages_irqs_off(k: Kernel, cpu: int) -> None:
    for zone in k.zones:
        pcp = zone.pageset[cpu]
        if pcp.count:
            await free_pcppages_bulk(k, zone, pcp.count, pcp)


# Watermarks.


async def zone_watermark_ok(
    zone: Zone, order: int, mark: int, classzone: str, alloc_flags: int = 0
) -> bool:
    """Whether a block can be taken and `mark` pages be left, enough of them in blocks.

    Looks without zone.lock.  `classzone` is the zone that the caller would like best.
    """
    await zone.look_at_free_area()
    least = mark
    if alloc_flags & ALLOC_HIGH:
        least -= least // 2
    if alloc_flags & ALLOC_HARDER:
        least -= least // 4
    free = zone.nr_free_pages - (1 << order) + 1
    if free <= least + zone.lowmem_reserve.get(classzone, 0):
        return False
    for smaller in range(order):
        # Blocks that are too small for this order do not count, and less is asked for.
        free -= zone.free_area[smaller].nr_free << smaller
        least >>= 1
        if free <= least:
            return False
    return True


# Taking pages.


@frozen
class Request:
    """What a caller of `alloc_pages` wants."""

    gfp: int
    order: int
    zonelist: Sequence[Zone]
    migratetype: int

    @property
    def classzone(self) -> str:
        """The zone that would be best."""
        return self.zonelist[0].name


async def alloc_page(k: Kernel, gfp: int, node: int | None = None) -> Page | None:
    """One page, with one reference; None if there is none to be had."""
    return await alloc_pages(k, gfp, 0, node)


async def alloc_zeroed_page(k: Kernel) -> Page | None:
    """A page of zeros for the kernel's own use, a page table for instance."""
    return await alloc_pages(k, GFP_PGTABLE)


async def alloc_pages(
    k: Kernel, gfp: int, order: int = 0, node: int | None = None
) -> Page | None:
    """The first of 1 << order pages, with one reference; None if there are none.

    `node` is where they should be; the node of this CPU unless it is given.  May sleep
    if `gfp` says so.  Takes zone.lock, and whatever compaction and reclaim take.
    """
    if node is None:
        node = k.node_of_cpu((await this_cpu(k)).number)
    migratetype = (
        MIGRATE_UNMOVABLE
        if k.page_group_by_mobility_disabled
        else allocflags_to_migratetype(gfp)
    )
    request = Request(gfp, order, zonelist(k, node, gfp), migratetype)
    page = await get_page_from_freelist(k, request, WMARK_LOW, 0)
    if page is None:
        page = await alloc_pages_slowpath(k, request)
    if page is not None and gfp & GFP_ZERO:
        for pfn in range(page.pfn, page.pfn + (1 << order)):
            await k.memory.zero_frame(k.mem_map[pfn].pfn)
    return page


def zonelist(k: Kernel, node: int, gfp: int) -> Sequence[Zone]:
    """The zones that will do, the best first: near before far, high before low."""
    near = [node]
    if not gfp & GFP_THISNODE:
        near += [other for other in range(len(k.nodes)) if other != node]
    allowed: tuple[str, ...] = ("Normal", "DMA32", "DMA")
    if gfp & GFP_DMA:
        allowed = ("DMA",)
    elif gfp & GFP_DMA32:
        allowed = ("DMA32", "DMA")
    return [
        zone
        for number in near
        for zone in reversed(k.nodes[number].node_zones)
        if zone.name in allowed
    ]


async def get_page_from_freelist(
    k: Kernel, request: Request, mark: int, alloc_flags: int
) -> Page | None:
    """Take from the first zone that stays above its watermark."""
    for zone in request.zonelist:
        if not alloc_flags & ALLOC_NO_WATERMARKS and not await zone_watermark_ok(
            zone, request.order, zone.watermark[mark], request.classzone, alloc_flags
        ):
            continue
        page = await buffered_rmqueue(k, zone, request.order, request.migratetype)
        if page is not None:
            return page
    return None


async def buffered_rmqueue(
    k: Kernel, zone: Zone, order: int, migratetype: int
) -> Page | None:
    """Take a single page from this CPU's list, or a block from the zone."""
    cpu = await this_cpu(k)
    if order == 0:
        async with cpu.interrupts:
            pcp = zone.pageset[cpu.number]
            pages = pcp.lists[migratetype]
            if not pages:
                pcp.count += await rmqueue_bulk(k, zone, pcp.batch, pages, migratetype)
            page = pages.pop() if pages else None
            if page is not None:
                page.lru = None
                pcp.count -= 1
    else:
        async with zone.lock:
            await zone.change_free_area()
            page = rmqueue(k, zone, order, migratetype)
    if page is not None:
        count_vm_events(k, f"pgalloc_{zone.name.lower()}", 1 << order)
        prep_new_page(page)
    return page


def prep_new_page(page: Page) -> None:
    """Check that nobody has left anything in struct page, and make it ours."""
    check_page(page)
    page.private = 0
    page.index = 0
    page.count = 1


async def alloc_pages_slowpath(k: Kernel, request: Request) -> Page | None:
    """Memory is short: wake kswapd, lower the demands, then compact and reclaim.

    Left out: the killer of processes.  Where reclaim makes no progress, the caller
    gets nothing.
    """
    await k.later.wakeup_kswapd(k, request.zonelist, request.order)
    current = await get_current()
    alloc_flags = request.gfp & GFP_HIGH
    if not request.gfp & GFP_WAIT:
        alloc_flags |= ALLOC_HARDER
    while True:
        page = await get_page_from_freelist(k, request, WMARK_MIN, alloc_flags)
        if page is None and current in k.memalloc:
            # Reclaim itself needs a page, by which more will become free.
            page = await get_page_from_freelist(
                k, request, WMARK_MIN, ALLOC_NO_WATERMARKS
            )
        if page is not None or not request.gfp & GFP_WAIT or current in k.memalloc:
            return page
        page = await alloc_pages_direct_compact(k, request, alloc_flags)
        if page is not None:
            return page
        page, progress = await alloc_pages_direct_reclaim(k, request, alloc_flags)
        if page is not None or not progress:
            return page
        if request.gfp & GFP_NORETRY or request.order > PAGE_ALLOC_COSTLY_ORDER:
            return None


async def alloc_pages_direct_compact(
    k: Kernel, request: Request, alloc_flags: int
) -> Page | None:
    """Make a large block by moving pages out of its way, if that is worth trying."""
    best = request.zonelist[0]
    if request.order == 0 or compaction_deferred(best):
        return None
    if not await k.later.try_to_compact_pages(
        k, request.zonelist, request.order, request.gfp, request.migratetype
    ):
        return None
    await drain_pages(k, (await this_cpu(k)).number)
    page = await get_page_from_freelist(k, request, WMARK_LOW, alloc_flags)
    if page is not None:
        best.compact_considered = best.compact_defer_shift = 0
        count_vm_events(k, "compact_success")
        return page
    count_vm_events(k, "compact_fail")
    defer_compaction(best)
    return None


COMPACT_MAX_DEFER_SHIFT = 6


def defer_compaction(zone: Zone) -> None:
    """Compaction did not help: leave out twice as many tries as the last time."""
    zone.compact_considered = 0
    zone.compact_defer_shift = min(
        zone.compact_defer_shift + 1, COMPACT_MAX_DEFER_SHIFT
    )


def compaction_deferred(zone: Zone) -> bool:
    """Whether this try is one of those to be left out."""
    limit = 1 << zone.compact_defer_shift
    zone.compact_considered = min(zone.compact_considered + 1, limit)
    return zone.compact_considered < limit


async def alloc_pages_direct_reclaim(
    k: Kernel, request: Request, alloc_flags: int
) -> tuple[Page | None, int]:
    """Reclaim some pages oneself; the page, and how many were reclaimed."""
    current = await get_current()
    k.memalloc.add(current)
    progress = await k.later.try_to_free_pages(
        k, request.zonelist, request.order, request.gfp
    )
    k.memalloc.discard(current)
    if not progress:
        return None, 0
    if request.order:
        await drain_all_pages(k)
    return await get_page_from_freelist(k, request, WMARK_MIN, alloc_flags), progress


def may_perform_io(gfp: int) -> bool:
    """Whether a caller can wait for the swap device and for file systems."""
    return gfp & (GFP_IO | GFP_FS) == GFP_IO | GFP_FS


# Giving pages back.


async def free_page(k: Kernel, page: Page) -> None:
    """Give back one page whose last reference is gone (free_hot_cold_page).

    It stays with this CPU at first.  Takes zone.lock if the CPU has too many.
    """
    zone = page.zone
    page.mapping = None  # an anonymous page keeps it until here
    page.flags &= PAGE_FLAGS_CHECK
    check_page(page)
    count_vm_events(k, "pgfree")
    cpu = await this_cpu(k)
    async with cpu.interrupts:
        migratetype = zone.pageblock_type(page.pfn)
        if migratetype == MIGRATE_ISOLATE:
            await free_block(k, page, 0, migratetype)
            return
        page.private = migratetype
        pcp = zone.pageset[cpu.number]
        kept = MIGRATE_MOVABLE if migratetype == MIGRATE_RESERVE else migratetype
        page.lru = pcp.lists[kept]
        page.lru.add(page)
        pcp.count += 1
        if pcp.count >= pcp.high:
            await free_pcppages_bulk(k, zone, min(pcp.batch, pcp.count), pcp)


async def free_pages(k: Kernel, page: Page, order: int) -> None:
    """Drop the one reference to a block, and give it back (__free_pages)."""
    if await atomic_add(page, PAGE.count, -1) != 0:
        return
    if order == 0:
        await free_page(k, page)
        return
    check_page(page)
    count_vm_events(k, "pgfree", 1 << order)
    await free_block(k, page, order, page.zone.pageblock_type(page.pfn))


async def free_block(k: Kernel, page: Page, order: int, migratetype: int) -> None:
    """Give a block straight back to its zone (free_one_page).  Takes zone.lock."""
    async with page.zone.lock:
        await page.zone.change_free_area()
        free_one_page(k, page.zone, page, order, migratetype)


def check_page(page: Page) -> None:
    """bad_page: struct page is not as it must be where frames change hands."""
    if (
        page.count != 0
        or page.mapcount != -1
        or page.mapping is not None
        or page.flags != 0
        or page.is_locked
    ):
        raise Leak(
            f"BUG: Bad page state  pfn:{page.pfn:05x}",
            f"count:{page.count} mapcount:{page.mapcount + 1} flags:{page.flags:#x}",
        )


# References.


async def page_count(page: Page) -> int:
    """The references to a page at one moment."""
    return await read_once(page, PAGE.count)


async def get_page(page: Page) -> None:
    """Take a reference, where there is one already."""
    await atomic_add(page, PAGE.count, +1)


async def get_page_unless_zero(page: Page) -> bool:
    """Take a reference unless the page is free or frozen; say whether it worked."""
    return await atomic_inc_not_zero(page, PAGE.count)


def free_blocks(zone: Zone) -> list[tuple[Page, int, int]]:
    """Every free block: its first page, order and migratetype.  Needs zone.lock."""
    return [
        (page, order, migratetype)
        for order in range(MAX_ORDER)
        for migratetype in range(MIGRATE_TYPES)
        for page in zone.free_area[order].free_list[migratetype]
    ]
