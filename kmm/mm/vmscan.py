"""Reclaim: which pages are given up when memory is short.

Linux: mm/vmscan.c.  Called by the page allocator (through `kernel.Later`), with no
spinlock held; migration and compaction use its ways of isolating pages and of putting
them back, which come first.

Each zone has two pairs of lists, for anonymous pages and for those of files.  A new
anonymous page starts on the active list.  When the inactive list is too short beside
it, pages come over from its tail, used or not (`shrink_active_list`).  From the tail of
the inactive list pages are given up: an anonymous page is written to swap first
(`shrink_page_list`).  One that was used meanwhile goes back to the active list.

Whoever finds no memory reclaims some itself (`try_to_free_pages`, direct reclaim), and
wakes `kswapd`, which reclaims until enough is free.

Locks: zone.lru_lock to take pages off the lists; then, page by page, PG_locked and what
rmap takes.

A page that is isolated is on no list, and its isolator has a reference.  It is counted
as isolated (NR_ISOLATED); who counts it, and who counts it back, each function says.

Left out: shrinking of slabs, pages of files that can be dropped (files here live in
memory only), lumpy reclaim, congestion, memory cgroups, all_unreclaimable, the swap
token (a page of its holder counts as used).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from ..sim.access import atomic_cmpxchg, read_once, write_once
from ..sim.trap import get_current
from .gfp import GFP_IO
from .kernel import KSWAPD, Kernel
from .mm_types import (
    PAGE,
    VM_LOCKED,
    Page,
    PageAnon,
    PG_active,
    PG_dirty,
    PG_lru,
    PG_referenced,
    PG_swapbacked,
    PG_swapcache,
    PG_unevictable,
    PG_writeback,
)
from .mmzone import (
    LRU_ACTIVE_ANON,
    LRU_ACTIVE_FILE,
    LRU_INACTIVE_ANON,
    LRU_INACTIVE_FILE,
    WMARK_HIGH,
    WMARK_LOW,
    Zone,
)
from .page_alloc import (
    free_page,
    get_page_unless_zero,
    page_count,
    zone_watermark_ok,
)
from .rmap import (
    SWAP_AGAIN,
    SWAP_FAIL,
    SWAP_MLOCK,
    TTU_UNMAP,
    page_mapped,
    page_referenced,
    try_to_unmap,
)
from .swap import (
    add_page_to_lru_list,
    del_page_from_lru_list,
    lru_add_drain,
    lru_cache_add_lru,
    page_lru,
    put_page,
)
from .swap_state import add_to_swap, remove_from_swap_cache, swap_writepage
from .swapfile import any_swap_left, swapcache_free
from .vmstat import add_page_state, count_vm_events

SWAP_CLUSTER_MAX = 32  # pages that are isolated at a time, and aimed at
DEF_PRIORITY = 12  # the first round looks at 1/4096 of each list
SWAPPINESS = 60

ISOLATE_INACTIVE = 0
ISOLATE_ACTIVE = 1
ISOLATE_BOTH = 2

# What to do with a page that was looked at.
PAGEREF_RECLAIM = "reclaim"
PAGEREF_KEEP = "keep"
PAGEREF_ACTIVATE = "activate"


# Isolating.


def count_isolated(page: Page, number: int) -> None:
    """Raise NR_ISOLATED_ANON or NR_ISOLATED_FILE by +1 for a page, or lower it by -1.

    Which of the two, PG_swapbacked says.
    """
    kind = "anon" if page.flags & PG_swapbacked else "file"
    add_page_state(page, f"nr_isolated_{kind}", number)


async def isolate_lru_page(k: Kernel, page: Page) -> bool:
    """Take a page off its list, with a reference; False if it is on none (-EBUSY).

    PG_active stays as it is.  The caller counts it as isolated.  Takes zone.lru_lock.
    (mm/vmscan.c; True here is 0 there)
    """
    async with page.zone.lru_lock:
        if not page.flags & PG_lru or not await get_page_unless_zero(page):
            return False
        del_page_from_lru_list(page.zone, page)
    return True


async def isolate_lru_page_locked(page: Page, mode: int, *, file: bool | None) -> bool:
    """__isolate_lru_page: the same under zone.lru_lock, for pages of one sort.

    `mode` is ISOLATE_ and says whether it may be active; `file`, whether it must be a
    file's, None for either.  The caller counts it as isolated.  Needs zone.lru_lock.
    """
    if not page.flags & PG_lru or page.flags & PG_unevictable:
        return False
    if mode != ISOLATE_BOTH and bool(page.flags & PG_active) != bool(mode):
        return False
    if file is not None and file == bool(page.flags & PG_swapbacked):
        return False
    if not await get_page_unless_zero(page):
        return False
    del_page_from_lru_list(page.zone, page)
    return True


async def putback_lru_page(k: Kernel, page: Page) -> None:
    """Give an isolated page back, and with it the reference that isolated it.

    It goes to the list that its flags say, by way of a pagevec.  If nobody else has a
    reference any more, it is free when that has been drained.  The caller counts it
    back, if it was counted.  May take zone.lru_lock.
    """
    await lru_cache_add_lru(k, page, page_lru(page))
    await put_page(k, page)


async def isolate_lru_pages(k: Kernel, zone: Zone, number: int, lru: int) -> list[Page]:
    """Pages off the tail of a list, with a reference each, and counted as isolated.

    Takes zone.lru_lock.
    """
    taken: list[Page] = []
    active = lru in (LRU_ACTIVE_ANON, LRU_ACTIVE_FILE)
    file = lru in (LRU_INACTIVE_FILE, LRU_ACTIVE_FILE)
    async with zone.lru_lock:
        for page in list(islice(reversed(zone.lru[lru]), number)):
            if await isolate_lru_page_locked(page, int(active), file=file):
                taken.append(page)
                count_isolated(page, +1)
        zone.pages_scanned += number
        zone.reclaim_stat.recent_scanned[file] += len(taken)
    return taken


# Who asks for it: direct reclaim, and kswapd.


async def try_to_free_pages(
    k: Kernel, zonelist: Sequence[Zone], order: int, gfp: int
) -> int:
    """Direct reclaim: harder and harder, until 32 pages or so are free; how many.

    Without GFP_IO it gives up none, as all pages that go here go by way of swap; Linux
    goes on, and gives up what needs no I/O.  May sleep; the caller holds no spinlock,
    and is in k.memalloc meanwhile.
    """
    count_vm_events(k, "allocstall")
    if not gfp & GFP_IO:
        return 0
    freed = 0
    for priority in range(DEF_PRIORITY, -1, -1):
        for zone in zonelist:
            freed += await shrink_zone(k, zone, priority, SWAP_CLUSTER_MAX)
        if freed >= SWAP_CLUSTER_MAX:
            break
    return freed


async def wakeup_kswapd(k: Kernel, zonelist: Sequence[Zone], order: int) -> None:
    """Some zone is low: let its node's kswapd reclaim.

    Without a lock: what is asked for twice is done once.
    """
    for zone in zonelist:
        kswapd = k.kswapds[zone.node]
        mark = zone.watermark[WMARK_LOW]
        if await zone_watermark_ok(zone, order, mark, zone.name):
            continue
        if await read_once(kswapd, KSWAPD.order) < order:
            await write_once(kswapd, KSWAPD.order, order)
        await write_once(kswapd, KSWAPD.asked, True)
        await kswapd.wait.wake_up()


async def kswapd(k: Kernel, node: int) -> None:
    """The thread that reclaims a node's memory before anybody has to wait for it.

    It never ends.
    """
    me = k.kswapds[node]
    current = await get_current()
    k.memalloc.add(current)
    while True:
        sleeper = await me.wait.prepare_to_wait()
        if not await read_once(me, KSWAPD.asked):
            await me.wait.schedule(sleeper)
        await me.wait.finish_wait(sleeper)
        await write_once(me, KSWAPD.asked, False)
        order = await read_once(me, KSWAPD.order)
        await write_once(me, KSWAPD.order, 0)
        await balance_pgdat(k, node, order)


async def balance_pgdat(k: Kernel, node: int, order: int) -> int:
    """Reclaim until every zone of a node is above its high watermark; how many pages.

    `order` is that of the block which somebody could not get.
    """
    count_vm_events(k, "pageoutrun")
    freed = 0
    for priority in range(DEF_PRIORITY, -1, -1):
        low = [
            zone
            for zone in k.nodes[node].node_zones
            if not await zone_watermark_ok(
                zone, order, zone.watermark[WMARK_HIGH], zone.name
            )
        ]
        if not low:
            break
        for zone in low:
            freed += await shrink_zone(k, zone, priority, SWAP_CLUSTER_MAX)
    return freed


# One zone.


async def shrink_zone(k: Kernel, zone: Zone, priority: int, wanted: int) -> int:
    """Scan the lists of a zone; the lower the priority, the more of them.

    Scans until about `wanted` pages are free.  Returns how many became so.
    """
    sizes = await lru_sizes(zone)
    percent = await get_scan_ratio(k, zone, sizes)
    to_scan = {
        lru: scan_size(sizes[lru], priority, percent[lru >= LRU_INACTIVE_FILE])
        for lru in (
            LRU_INACTIVE_ANON,
            LRU_ACTIVE_ANON,
            LRU_INACTIVE_FILE,
            LRU_ACTIVE_FILE,
        )
    }
    freed = 0
    while any(to_scan[lru] for lru in to_scan if lru != LRU_ACTIVE_ANON):
        for lru, left in to_scan.items():
            number = min(left, SWAP_CLUSTER_MAX)
            if not number:
                continue
            to_scan[lru] -= number
            if lru in (LRU_ACTIVE_ANON, LRU_ACTIVE_FILE):
                if await inactive_is_low(zone, lru):
                    await shrink_active_list(k, zone, number, lru)
            else:
                freed += await shrink_inactive_list(k, zone, number, lru)
        if freed >= wanted and priority < DEF_PRIORITY:
            break
    if await any_swap_left(k) and await inactive_is_low(zone, LRU_ACTIVE_ANON):
        await shrink_active_list(k, zone, SWAP_CLUSTER_MAX, LRU_ACTIVE_ANON)
    return freed


def scan_size(size: int, priority: int, percent: int) -> int:
    """How many pages of a list to look at in this round."""
    if priority:
        return (size >> priority) * percent // 100
    return size if percent else 0


async def get_scan_ratio(
    k: Kernel, zone: Zone, sizes: Sequence[int]
) -> tuple[int, int]:
    """How hard to scan anonymous pages and those of files, in percent.

    The list on which fewer pages turned out to be in use is scanned harder.  Takes
    zone.lru_lock.
    """
    if not await any_swap_left(k):
        return 0, 100
    files = sizes[LRU_ACTIVE_FILE] + sizes[LRU_INACTIVE_FILE]
    await zone.look_at_free_area()
    if files + zone.nr_free_pages <= zone.watermark[WMARK_HIGH]:
        return 100, 0
    stat = zone.reclaim_stat
    async with zone.lru_lock:
        for kind, lru in ((0, LRU_INACTIVE_ANON), (1, LRU_INACTIVE_FILE)):
            size = sizes[lru] + sizes[lru + LRU_ACTIVE_ANON]
            if stat.recent_scanned[kind] > size // 4:
                stat.recent_scanned[kind] //= 2
                stat.recent_rotated[kind] //= 2
        anon, file = (
            weight * (scanned + 1) // (rotated + 1)
            for weight, scanned, rotated in zip(
                (SWAPPINESS + 1, 200 - SWAPPINESS + 1),
                stat.recent_scanned,
                stat.recent_rotated,
                strict=True,
            )
        )
    share = 100 * anon // (anon + file + 1)
    return share, 100 - share


async def lru_sizes(zone: Zone) -> list[int]:
    """How many pages each list has (zone_nr_lru_pages).  Takes zone.lru_lock.

    Linux keeps counters, which may be a little behind, and takes no lock for them.
    """
    async with zone.lru_lock:
        return [len(pages) for pages in zone.lru]


# Active to inactive.


async def shrink_active_list(k: Kernel, zone: Zone, number: int, lru: int) -> None:
    """Move pages from the tail of an active list to the inactive one.

    All go, even if they were used, since nearly all anonymous pages are; the other list
    shows whether they are used again.  (Linux keeps the used pages of files that are
    mapped VM_EXEC.)  Takes zone.lru_lock.
    """
    await lru_add_drain(k)
    file = lru == LRU_ACTIVE_FILE
    pages = await isolate_lru_pages(k, zone, number, lru)
    rotated = 0
    for page in pages:
        referenced, _ = await page_referenced(k, page, is_locked=False)
        rotated += referenced > 0
        page.flags &= ~PG_active
    count_vm_events(k, f"pgrefill_{zone.name.lower()}", len(pages))
    count_vm_events(k, "pgdeactivate", len(pages))
    await move_back_to_lru(k, zone, pages, file=file, rotated=rotated)


async def move_back_to_lru(
    k: Kernel, zone: Zone, pages: list[Page], *, file: bool, rotated: int
) -> None:
    """Isolated pages to the heads of the lists that their flags say, directly.

    `rotated` of them, a file's or not, turned out to be in use.  Counts them back, and
    drops the isolators' references.  Takes zone.lru_lock.
    """
    async with zone.lru_lock:
        zone.reclaim_stat.recent_rotated[file] += rotated
        for page in pages:
            count_isolated(page, -1)
            add_page_to_lru_list(zone, page, page_lru(page))
    for page in pages:
        await put_page(k, page)


async def inactive_is_low(zone: Zone, lru: int) -> bool:
    """Whether an active list is too long beside its partner.  Takes zone.lru_lock.

    `lru` is that of the active list.
    """
    sizes = await lru_sizes(zone)
    active, inactive = sizes[lru], sizes[lru - LRU_ACTIVE_ANON]
    if lru == LRU_ACTIVE_FILE:
        return active > inactive
    return inactive * zone.inactive_ratio < active


# Inactive to free.


async def shrink_inactive_list(k: Kernel, zone: Zone, number: int, lru: int) -> int:
    """Try to give up pages from the tail of an inactive list; say how many went.

    Takes zone.lru_lock, and what shrink_page_list takes.
    """
    await lru_add_drain(k)
    pages = await isolate_lru_pages(k, zone, number, lru)
    if not pages:
        return 0
    await count_scan(k, zone, len(pages))
    survivors = await shrink_page_list(k, pages)
    freed = len(pages) - len(survivors)
    activated = sum(bool(page.flags & PG_active) for page in survivors)
    count_vm_events(k, "pgactivate", activated)
    file = lru == LRU_INACTIVE_FILE
    await move_back_to_lru(k, zone, survivors, file=file, rotated=activated)
    count_vm_events(k, f"pgsteal_{zone.name.lower()}", freed)
    return freed


async def count_scan(k: Kernel, zone: Zone, pages: int) -> None:
    """Pages looked at, by kswapd or by who needs memory."""
    current = await get_current()
    who = "kswapd" if current.comm.startswith("kswapd") else "direct"
    count_vm_events(k, f"pgscan_{who}_{zone.name.lower()}", pages)


async def shrink_page_list(k: Kernel, pages: list[Page]) -> list[Page]:
    """Give up what can be given up; returns the pages that stay, still isolated.

    Takes PG_locked of one page after the other.
    """
    survivors: list[Page] = []
    for page in pages:
        if await shrink_page(k, page):
            count_isolated(page, -1)
            page.flags &= ~(PG_active | PG_referenced)
            await free_page(k, page)
        else:
            survivors.append(page)
    return survivors


async def shrink_page(k: Kernel, page: Page) -> bool:
    """Try to give up one isolated page; True if it has no user left and no reference.

    Takes PG_locked of the page if that is free.
    """
    if not await page.locked.trylock():
        return False
    verdict = await page_check_references(k, page)
    if verdict == PAGEREF_RECLAIM and not page.flags & PG_writeback:
        verdict, unlocked = await give_up(k, page)
        # It has been written, and was unlocked for that: try once more.
        if unlocked and not await page.locked.trylock():
            return False
        if verdict == PAGEREF_RECLAIM and await remove_mapping(k, page):
            await page.locked.unlock()
            return True
    if verdict == PAGEREF_ACTIVATE:
        page.flags |= PG_active
    await page.locked.unlock()
    return False


async def page_check_references(k: Kernel, page: Page) -> str:
    """Was the page used since the last look?  A PAGEREF_; needs the page locked.

    2.6.34 asks PageAnon where this asks PG_swapbacked, so a page of shared memory needs
    two looks there, as a file's does.  It clears PG_referenced at every look, and says
    PAGEREF_RECLAIM_CLEAN (but not if it is dirty) of a page that only PG_referenced
    shows to be used.
    """
    referenced, vm_flags = await page_referenced(k, page, is_locked=True)
    if vm_flags & VM_LOCKED:
        return PAGEREF_RECLAIM  # try_to_unmap will find out
    if not referenced:
        page.flags &= ~PG_referenced
        return PAGEREF_RECLAIM
    if page.flags & PG_swapbacked:
        return PAGEREF_ACTIVATE
    if page.flags & PG_referenced:
        return PAGEREF_ACTIVATE
    page.flags |= PG_referenced
    return PAGEREF_KEEP


async def give_up(k: Kernel, page: Page) -> tuple[str, bool]:
    """Unmap a page and write it to swap: what to do next, and whether it was unlocked.

    Needs the page locked.  Waits for the device.
    """
    if not PageAnon(page):
        return PAGEREF_ACTIVATE, False  # a file's pages are nowhere else
    if not page.flags & PG_swapcache and not await add_to_swap(k, page):
        return PAGEREF_ACTIVATE, False
    if await page_mapped(page):
        result = await try_to_unmap(k, page, TTU_UNMAP)
        if result == SWAP_FAIL:
            return PAGEREF_ACTIVATE, False
        if result in (SWAP_AGAIN, SWAP_MLOCK):
            return PAGEREF_ACTIVATE if result == SWAP_MLOCK else PAGEREF_KEEP, False
    if page.flags & PG_dirty:
        # pageout: nobody but the swap cache and us may have a reference.
        if await page_count(page) != 2:
            return PAGEREF_KEEP, False
        page.flags &= ~PG_dirty
        await swap_writepage(k, page)
        return PAGEREF_RECLAIM, True
    return PAGEREF_RECLAIM, False


async def remove_mapping(k: Kernel, page: Page) -> bool:
    """Take a page out of the swap cache if that and we are its only users.

    Then its count is 0: it is frozen, and nobody can take a reference any more.  Needs
    the page locked.  Takes tree_lock, and swap_lock when it has given that
    back.  (__remove_mapping)
    """
    if not page.flags & PG_swapcache:
        return False
    entry = page.private
    async with k.swapper_space.tree_lock:
        if not await atomic_cmpxchg(page, PAGE.count, 2, 0):
            return False
        if page.flags & PG_dirty:
            page.count = 2  # it was written to meanwhile
            return False
        remove_from_swap_cache(k, page)
    await swapcache_free(k, entry)
    return True
