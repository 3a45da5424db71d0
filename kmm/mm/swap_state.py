"""The swap cache: pages that are in memory and have a slot on the swap device too.

Linux: mm/swap_state.c, mm/page_io.c, and the part of mm/swapfile.c that looks at pages.

A page on its way out or in has both a frame and a slot.  The swap cache is where
everybody who holds the slot's entry finds the frame, so that two processes that shared
the page before go on sharing it.  It is an address_space, `swapper_space`, whose pages
are found by their swap entry; it holds a reference to each.

Called by reclaim on the way out, by faults on the way in, by munmap for what is left.

Locks: PG_locked of the page, then swap_lock, then tree_lock of swapper_space.  An
`entry` is a swap entry as it stands in a page table (`swapops`).

Left out: readahead (a fault reads the one page that it wants), errors of the device,
swapoff.
"""

from __future__ import annotations

from ..sim.access import atomic_andnot, atomic_or, read_once
from ..sim.failure import bug_on
from ..sim.trap import WAIT, GateOp, Op, trap
from .gfp import GFP_HIGHUSER_MOVABLE
from .kernel import Kernel
from .mm_types import (
    PAGE,
    Page,
    PageKsm,
    PG_dirty,
    PG_reclaim,
    PG_swapbacked,
    PG_swapcache,
    PG_uptodate,
    PG_writeback,
)
from .page_alloc import alloc_page, get_page
from .swap import lru_cache_add_anon, put_page
from .swapfile import (
    SWAP_HAS_CACHE,
    get_swap_page,
    swap_count,
    swap_device_read,
    swap_device_write,
    swap_entry_free,
    swapcache_free,
    swapcache_prepare,
    vm_swap_full,
)
from .swapops import is_swap_entry, swp_offset
from .vmstat import add_page_state

# Joining and leaving.


async def add_to_swap_cache(k: Kernel, page: Page, entry: int) -> None:
    """Let a page be found by its swap entry; takes a reference to it.

    The slot says SWAP_HAS_CACHE already.  Needs the page locked; takes tree_lock.
    """
    bug_on(not page.locked_now, "mm/swap_state.c:VM_BUG_ON")
    bug_on(bool(page.flags & PG_swapcache), "mm/swap_state.c:VM_BUG_ON")
    bug_on(not page.flags & PG_swapbacked, "mm/swap_state.c:VM_BUG_ON")
    await get_page(page)
    async with k.swapper_space.tree_lock:
        page.flags |= PG_swapcache
        page.private = entry
        k.swapper_space.page_tree[entry] = page
    add_page_state(page, "nr_file_pages", +1)


async def delete_from_swap_cache(k: Kernel, page: Page) -> None:
    """A page's slot is not needed any more.

    Needs the page locked, and another reference to it; takes tree_lock, and swap_lock
    when it has given that back.
    """
    entry = page.private
    async with k.swapper_space.tree_lock:
        remove_from_swap_cache(k, page)
    await swapcache_free(k, entry)
    await put_page(k, page)


def remove_from_swap_cache(k: Kernel, page: Page) -> None:
    """__delete_from_swap_cache.  Needs the page locked, and tree_lock."""
    bug_on(not page.locked_now, "mm/swap_state.c:VM_BUG_ON")
    bug_on(not page.flags & PG_swapcache, "mm/swap_state.c:VM_BUG_ON")
    bug_on(bool(page.flags & PG_writeback), "mm/swap_state.c:VM_BUG_ON")
    k.swapper_space.page_tree.pop(page.private, None)
    page.private = 0
    page.flags &= ~PG_swapcache
    add_page_state(page, "nr_file_pages", -1)


async def add_to_swap(k: Kernel, page: Page) -> bool:
    """Give a page a slot; False if there is none.

    Needs the page locked.  Takes swap_lock, and then tree_lock.
    """
    entry = await get_swap_page(k)
    if not entry:
        return False
    await add_to_swap_cache(k, page, entry)
    page.flags |= PG_dirty
    return True


async def lookup_swap_cache(k: Kernel, entry: int) -> Page | None:
    """The page of a swap entry, with a reference; None if it is not in memory.

    By the time that the caller has the page locked it may have left the swap cache.
    Takes tree_lock.  Linux looks without a lock, and looks again after it has the
    reference.
    """
    async with k.swapper_space.tree_lock:
        page = k.swapper_space.page_tree.get(entry)
        if page is not None:
            await get_page(page)
    return page


# Reading and writing.


async def read_swap_cache_async(k: Kernel, entry: int) -> Page | None:
    """The page of a swap entry, read from the device if need be, with a reference.

    None if there is no memory, or nobody has the entry any more.  The page stays locked
    until it has been read.  Sleeps; takes PG_locked of the new page, swap_lock and
    tree_lock.
    """
    while True:
        page = await lookup_swap_cache(k, entry)
        if page is not None:
            return page
        page = await alloc_page(k, GFP_HIGHUSER_MOVABLE)
        if page is None:
            return None
        if await swapcache_prepare(k, entry):
            break
        await put_page(k, page)  # somebody is faster, or the entry is gone
        if not await swap_count(k, entry):
            return None
        await wait_for_swap_cache(k, entry)
    await page.locked.lock()
    page.flags |= PG_swapbacked
    await add_to_swap_cache(k, page, entry)
    await lru_cache_add_anon(k, page)
    await swap_device_read(k, entry, page)
    page.flags |= PG_uptodate
    await page.locked.unlock()
    return page


async def swap_writepage(k: Kernel, page: Page) -> None:
    """Write a page to its slot, unless nobody needs the slot.  Unlocks the page.

    Needs it locked, with a reference, in the swap cache.  PG_writeback keeps its slot
    while the device is at work, for which the caller waits; Linux's does not.
    """
    if await try_to_free_swap(k, page):
        await page.locked.unlock()
        return
    entry = page.private
    await atomic_or(page, PAGE.flags, PG_writeback)
    await page.locked.unlock()
    await swap_device_write(k, entry, page)
    await atomic_andnot(page, PAGE.flags, PG_writeback | PG_reclaim)


async def wait_on_page_writeback(page: Page) -> None:
    """Sleep until a page has been written.  Needs it locked, so none begins anew."""
    await trap(GateOp(WAIT, f"{page.name}.flags", Written(page), sleeps=True))


class Written:
    """Lets those go on who wait for the end of a page's writeback (a gate)."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def admits(self, op: Op) -> bool:
        return not self.page.flags & PG_writeback

    def __str__(self) -> str:
        return (
            "being written" if self.page.flags & PG_writeback else "not being written"
        )


async def wait_for_swap_cache(k: Kernel, entry: int) -> None:
    """Somebody else is about to put a page into the swap cache: let him.

    Linux tries again and again.
    """
    await trap(CacheOp(k, entry))


class CacheOp(GateOp):
    """A wait for what happens under tree_lock or under swap_lock: needs both free."""

    __slots__ = ("also",)

    def __init__(self, k: Kernel, entry: int) -> None:
        key = k.swapper_space.tree_lock.name
        super().__init__(WAIT, key, Cached(k, entry), sleeps=True)
        self.also = ((WAIT, k.swap.lock.name),)


class Cached:
    """Lets those go on who wait for a slot's page, or for it to be free (a gate)."""

    def __init__(self, k: Kernel, entry: int) -> None:
        self.k = k
        self.entry = entry

    def admits(self, op: Op) -> bool:
        locks = self.k.swapper_space.tree_lock, self.k.swap.lock
        if not all(lock.admits(op) for lock in locks):
            return False
        return self.is_cached() or not self.is_claimed()

    def is_cached(self) -> bool:
        return self.entry in self.k.swapper_space.page_tree

    def is_claimed(self) -> bool:
        """Whether somebody has said that he puts its page into the swap cache."""
        count = self.k.swap.swap_map.get(swp_offset(self.entry), 0)
        return bool(count & SWAP_HAS_CACHE)

    def __str__(self) -> str:
        slot = f"swap slot {swp_offset(self.entry)}"
        if self.is_cached():
            return f"{slot} is cached"
        return (
            f"{slot} is about to be cached" if self.is_claimed() else f"{slot} is not"
        )


# Who needs a slot?


async def reuse_swap_page(k: Kernel, page: Page) -> bool:
    """Whether a write may have the page to itself; its slot goes if only that is left.

    Its slot may go only if it is not being written to.  Needs the page locked.  Takes
    swap_lock.  A KSM page is never reused.
    """
    if PageKsm(page):
        return False
    count = await read_once(page, PAGE.mapcount) + 1
    if count <= 1 and page.flags & PG_swapcache:
        count += await swap_count(k, page.private)
        if count == 1 and not page.flags & PG_writeback:
            await delete_from_swap_cache(k, page)
            page.flags |= PG_dirty
    return count <= 1


async def try_to_free_swap(k: Kernel, page: Page) -> bool:
    """Give a page's slot back if no entry refers to it; says whether it did.

    Needs the page locked.  Takes swap_lock.
    """
    if not page.flags & PG_swapcache or page.flags & PG_writeback:
        return False
    if await swap_count(k, page.private):
        return False
    await delete_from_swap_cache(k, page)
    page.flags |= PG_dirty
    return True


async def free_swap_and_cache(k: Kernel, entry: int) -> None:
    """A page table gives up a swap entry; a migration entry has nothing to give back.

    If only the swap cache is left, its page goes as well, if it is easily had.  Called
    under the page-table lock.  Takes swap_lock and tree_lock, tries for PG_locked.
    """
    if not is_swap_entry(entry):
        return
    # Find the count and lock the page under one swap_lock: a task that has the page
    # locked (try_to_unmap) may add an entry.  Against the lock order, so a trylock.
    async with k.swap.lock:
        slot = swp_offset(entry)
        only_cached = await swap_entry_free(k.swap, slot, 1) == SWAP_HAS_CACHE
        page = await lookup_swap_cache(k, entry) if only_cached else None
        got = page is not None and await page.locked.trylock()
    if page is None:
        return
    if got:
        mapped = await read_once(page, PAGE.mapcount) >= 0
        if (
            page.flags & PG_swapcache
            and not page.flags & PG_writeback
            and (not mapped or await vm_swap_full(k))
        ):
            await delete_from_swap_cache(k, page)
            page.flags |= PG_dirty
        await page.locked.unlock()
    await put_page(k, page)
