"""Taking memory away from a running machine, and giving it back.

Linux: mm/memory_hotplug.c (offline_pages); mm/ksm.c for what its notifier does.  The
range is isolated, so that nobody gets a page of it any more; then everything in it is
migrated elsewhere, until all of it is free.  Here, and only here, KSM's pages move too:
ksmd is kept still meanwhile.

Ranges are in pfn, and do not include their end.  Locks: ksm_thread_mutex, then those of
migration; zone.lock while blocks are taken away.

Left out: other notifiers, signals, and that watermarks follow the size of a zone.
"""

from __future__ import annotations

from .buddy import del_from_free_list
from .errno import EAGAIN, EBUSY, EINVAL
from .gfp import GFP_HIGHUSER_MOVABLE
from .kernel import Kernel
from .ksm_merge import remove_node_from_stable_tree
from .migrate import migrate_pages, putback_lru_pages
from .mm_types import Page, PG_lru, PG_reserved
from .page_alloc import alloc_page, drain_all_pages, free_pages, page_count
from .page_isolation import (
    blocks,
    start_isolate_page_range,
    test_pages_isolated,
    undo_isolate_page_range,
    unset_migratetype_isolate,
)
from .swap import lru_add_drain_all
from .vmscan import count_isolated, isolate_lru_page

NR_OFFLINE_AT_ONCE_PAGES = 256
MOST_FAILURES = 5  # of migration, before it gives up


async def offline_pages(k: Kernel, start: int, end: int) -> int:
    """Take [start, end), in pfn, away; 0, or -EINVAL, -EBUSY, -EAGAIN.

    Takes ksm_thread_mutex throughout, and what migration takes.
    """
    size = 1 << k.config.pageblock_order
    if start % size or end % size or not 0 <= start < end <= k.config.frames:
        return -EINVAL
    error = await start_isolate_page_range(k, start, end)
    if error:
        return error
    async with k.ksm.thread_mutex:
        error = await migrate_range(k, start, end)
        if not error and not await test_pages_isolated(k, start, end):
            error = -EBUSY
        if not error:
            await offline_isolated_pages(k, start, end)
            await prune_stable_tree(k, start, end)
    if error:
        await undo_isolate_page_range(k, start, end)
    return error


async def migrate_range(k: Kernel, start: int, end: int) -> int:
    """Empty a range; 0, or -EAGAIN when the turns are over, or what migration says.

    Needs ksm_thread_mutex.  A turn is a scan for the next page, and a migration from
    there on; the last finds none.
    """
    failures = 0
    for turn in range(k.config.offline_turns):
        if turn:
            await lru_add_drain_all(k)
            await drain_all_pages(k)
        pfn = scan_lru_pages(k, start, end)
        if pfn is None:
            if turn:
                return 0
            continue
        error = await do_migrate_range(k, pfn, end)
        if error < 0:
            failures += 1
            if failures > MOST_FAILURES:
                return error
    return -EAGAIN


def scan_lru_pages(k: Kernel, start: int, end: int) -> int | None:
    """The first frame of a range whose page is on the LRU, at one look; None if none.

    Without zone.lru_lock: whoever acts on it looks again.
    """
    for pfn in range(start, end):
        page = k.mem_map.get(pfn)
        if page is not None and page.flags & PG_lru:
            return pfn
    return None


async def do_migrate_range(k: Kernel, start: int, end: int) -> int:
    """Migrate up to 256 pages from here on; how many stayed, or an error.

    If one is in use and cannot be isolated, none is moved (-EBUSY).  Needs
    ksm_thread_mutex.
    """
    pages: list[Page] = []
    stuck = 0
    for pfn in range(start, end):
        page = k.mem_map.get(pfn)
        if page is None or not await page_count(page):
            continue
        if await isolate_lru_page(k, page):
            pages.append(page)
            count_isolated(page, +1)
        elif await page_count(page):
            stuck += 1
        if len(pages) >= NR_OFFLINE_AT_ONCE_PAGES:
            break
    if stuck:
        await putback_lru_pages(k, pages)
        return -EBUSY
    return await migrate_pages(k, pages, hotremove_migrate_alloc, offlining=True)


async def hotremove_migrate_alloc(k: Kernel, page: Page) -> Page | None:
    """Somewhere else: isolated blocks give none."""
    return await alloc_page(k, GFP_HIGHUSER_MOVABLE)


async def offline_isolated_pages(k: Kernel, start: int, end: int) -> None:
    """Take the free blocks of a range from the buddy allocator, for good.

    All of the range is free, and isolated.  Takes zone.lock.
    """
    pfn = start
    while pfn < end:
        page = k.mem_map[pfn]
        zone = page.zone
        async with zone.lock:
            await zone.change_free_area()
            order = del_from_free_list(zone, page)
            zone.nr_free_pages -= 1 << order
            zone.present_pages -= 1 << order
            for number in range(pfn, pfn + (1 << order)):
                k.mem_map[number].flags = PG_reserved
        pfn += 1 << order


async def prune_stable_tree(k: Kernel, start: int, end: int) -> None:
    """KSM must not look for its pages where there is no memory any more.

    Needs ksm_thread_mutex.  (mm/ksm.c, its notifier)
    """
    for node in list(k.ksm.stable_tree):
        if start <= node.kpfn < end:
            await remove_node_from_stable_tree(k, node)


async def online_pages(k: Kernel, start: int, end: int) -> int:
    """Give [start, end), in pfn, back; 0, or -EINVAL if any of it was not away.

    The blocks are movable again.  Its caller sees to it that nobody else takes this
    memory away or gives it back.  Takes zone.lock, page by page.
    """
    if not all(k.mem_map[pfn].flags == PG_reserved for pfn in range(start, end)):
        return -EINVAL
    for pfn in blocks(k, start, end):
        await unset_migratetype_isolate(k, pfn)
    for pfn in range(start, end):
        page = k.mem_map[pfn]
        page.flags, page.count = 0, 1
        page.zone.present_pages += 1
        await free_pages(k, page, 0)
    return 0
