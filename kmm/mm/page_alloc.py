"""Page frames: who gets them, from which zone, and what happens when there are none.

Linux: mm/page_alloc.c.

Each zone keeps its free memory in blocks (`buddy`), and in front of the zones each CPU
keeps a few single pages for itself.  A zone gives nothing away below its watermark; if
every zone is that low, the caller has to help: by compaction for a large block, by
reclaim for any.

Reading order: `alloc_pages`, which everybody calls, and what it comes to when memory is
short; how pages are given back; watermarks; the per-CPU lists, which both ways go
through; references.

Locks: zone.lock for the blocks; the per-CPU lists have none, but interrupts are off.
A page that is handed out has one reference, and its frame belongs to whoever has it.

Orders are powers of two: order 3 is 8 pages.  `gfp` are the bits of module `gfp`.

Left out: the killer of processes, cpusets, the cache of zonelists, the rotation between
nodes of equal distance; and `cold` pages, which Linux frees to the other end.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ..sim.access import atomic_add, atomic_inc_not_zero, read_once
from ..sim.failure import Leak, might_sleep
from ..sim.trap import get_current
from .buddy import free_one_page, rmqueue
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
from .mm_types import PAGE, PAGE_FLAGS_CHECK, Page
from .mmzone import (
    MIGRATE_ISOLATE,
    MIGRATE_MOVABLE,
    MIGRATE_PCPTYPES,
    MIGRATE_RESERVE,
    MIGRATE_UNMOVABLE,
    PAGE_ALLOC_COSTLY_ORDER,
    WMARK_LOW,
    WMARK_MIN,
    PerCpuPages,
    Zone,
)
from .smp import on_each_cpu
from .vmstat import count_vm_events

COMPACT_MAX_DEFER_SHIFT = 6  # 63 tries are left out at most

# How far below its watermark a zone may go for this caller (ALLOC_HIGH is GFP_HIGH).
ALLOC_HARDER = 0x10
ALLOC_HIGH = 0x20
ALLOC_NO_WATERMARKS = 0x04


# Taking pages.


@frozen
class Request:
    """What a caller of `alloc_pages` wants."""

    gfp: int
    order: int
    zonelist: Sequence[Zone]  # those that will do, the best first
    migratetype: int

    @property
    def classzone(self) -> str:
        """The zone that would be best."""
        return self.zonelist[0].name


async def alloc_page(k: Kernel, gfp: int, node: int | None = None) -> Page | None:
    """One page, with one reference; None if there is none to be had."""
    return await alloc_pages(k, gfp, 0, node)


async def alloc_zeroed_page(k: Kernel) -> Page | None:
    """A page of zeros for the kernel's own use, a page table for instance.

    With one reference; None if there is none to be had.  May sleep.
    """
    return await alloc_pages(k, GFP_PGTABLE)


async def alloc_pages(
    k: Kernel, gfp: int, order: int = 0, node: int | None = None
) -> Page | None:
    """The first of 1 << order pages, with one reference; None if there are none.

    `node` is where they should be; the node of this CPU unless it is given.  May sleep
    if `gfp` says so, and then no spinlock may be held.  Takes zone.lock, and whatever
    compaction and reclaim take.  (__alloc_pages_nodemask)
    """
    if gfp & GFP_WAIT:
        await might_sleep()
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
    """Take from the first zone that stays above its watermark; None if none does.

    `mark` is WMARK_MIN, WMARK_LOW or WMARK_HIGH.  Takes zone.lock.
    """
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
    """Take a single page from this CPU's list, or a block from the zone.

    Turns interrupts off for the list; takes zone.lock if that is empty, or for a block.
    """
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
    """Check that nobody has left anything in struct page, and make it ours.

    Raises Leak.
    """
    check_page(page)
    page.private = 0
    page.index = 0
    page.count = 1


# When memory is short.


async def alloc_pages_slowpath(k: Kernel, request: Request) -> Page | None:
    """Memory is short: wake kswapd, lower the demands, then compact and reclaim.

    Where reclaim makes no progress, the caller gets nothing; Linux would kill a process
    first.
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
    """Make a large block by moving pages out of its way, if that is worth trying.

    Takes what compaction takes.  (2.6.35)
    """
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


def defer_compaction(zone: Zone) -> None:
    """Compaction did not help: leave out 1 try, then 3, then 7, up to 63.

    Of the zone that the caller wants best.  (include/linux/compaction.h; no lock: the
    numbers are only a habit.)
    """
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
    """Reclaim some pages oneself; the page, and how many were reclaimed.

    Takes what reclaim takes.
    """
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

    It stays with this CPU at first.  Turns interrupts off; takes zone.lock if the CPU
    has too many, or if the page is isolated.  Raises Leak if something is left in
    struct page.
    """
    zone = page.zone
    page.mapping = None  # an anonymous page keeps it until here
    page.flags &= PAGE_FLAGS_CHECK
    check_page(page)
    count_vm_events(k, "pgfree")
    cpu = await this_cpu(k)
    async with cpu.interrupts:
        await zone.look_at_free_area()
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
    """Drop the one reference to a block, and give it back (__free_pages).

    Takes zone.lock.
    """
    if await atomic_add(page, PAGE.count, -1) != 0:
        return
    if order == 0:
        await free_page(k, page)
        return
    check_page(page)
    count_vm_events(k, "pgfree", 1 << order)
    await page.zone.look_at_free_area()
    await free_block(k, page, order, page.zone.pageblock_type(page.pfn))


async def free_block(k: Kernel, page: Page, order: int, migratetype: int) -> None:
    """Give a block straight back to its zone (free_one_page).  Takes zone.lock."""
    async with page.zone.lock:
        await page.zone.change_free_area()
        free_one_page(k, page.zone, page, order, migratetype)


def check_page(page: Page) -> None:
    """Raises Leak if struct page is not as it must be where frames change hands.

    (bad_page)
    """
    if (
        page.count != 0
        or page.mapcount != -1
        or page.mapping is not None
        or page.flags != 0
        or page.locked_now
    ):
        raise Leak(
            f"BUG: Bad page state  pfn:{page.pfn:05x}",
            f"count:{page.count} mapcount:{page.mapcount + 1} flags:{page.flags:#x}",
        )


# Watermarks.


async def zone_watermark_ok(
    zone: Zone, order: int, mark: int, classzone: str, alloc_flags: int = 0
) -> bool:
    """Whether a block can be taken and `mark` pages be left, enough of them in blocks.

    Looks without zone.lock.  `classzone` is the zone that the caller would like best:
    a lower one keeps more back from it (lowmem_reserve).
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


# The lists of each CPU.  Interrupts are off.


async def rmqueue_bulk(
    k: Kernel, zone: Zone, count: int, into: ListHead[Page], migratetype: int
) -> int:
    """Take single pages, one after the other, to the tail of a list; say how many.

    With interrupts off, if `into` is a CPU's.  Takes zone.lock.
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
    """Give `count` pages of a CPU back to the zone; it must have that many.

    With interrupts off, on that CPU.  Takes zone.lock.  The lists take turns; each
    empty one that is met makes the next give one more.
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
    """Have every CPU give back all that it keeps.

    With interrupts on, and no lock that a CPU may wait for with interrupts off: spins
    until all have (`smp.on_each_cpu`).
    """
    await on_each_cpu(k, drain_pages_irqs_off)


async def drain_pages_irqs_off(k: Kernel, cpu: int) -> None:
    """The same on the CPU itself, with interrupts off.  Takes each zone's lock."""
    for zone in k.zones:
        pcp = zone.pageset[cpu]
        if pcp.count:
            await free_pcppages_bulk(k, zone, pcp.count, pcp)


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
