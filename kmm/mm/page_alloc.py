"""Page frames: taken, referenced, given back.

Linux: mm/page_alloc.c, mm/swap.c:put_page.  A simple free list stands behind the
interface that the buddy allocator will fill: one frame at a time, no watermarks.
"""

from __future__ import annotations

from ..sim.access import atomic_add, atomic_inc_not_zero, read_once
from ..sim.failure import Leak
from .kernel import Kernel
from .mm_types import PAGE, Page, PG_lru


async def alloc_page(k: Kernel) -> Page | None:
    """A frame with one reference, holding anything; None if there is none left.

    Takes zone.lock.
    """
    async with k.zone.lock:
        if not k.zone.free:
            return None
        page = k.zone.free.pop()
        prep_new_page(page)
    return page


async def alloc_zeroed_page(k: Kernel) -> Page | None:
    """A frame of zeros with one reference (__GFP_ZERO)."""
    page = await alloc_page(k)
    if page is not None:
        await k.memory.zero_frame(page.pfn)
    return page


def prep_new_page(page: Page) -> None:
    """Check that nobody has left anything in struct page, and make it ours."""
    bad_page_if(page.count != 0 or page.mapcount != -1 or page.flags != 0, page)
    page.index = 0
    page.count = 1


def bad_page_if(condition: bool, page: Page) -> None:
    """bad_page(): struct page is not as it must be where frames change hands."""
    if condition:
        raise Leak(
            f"BUG: Bad page state  pfn:{page.pfn:05x}",
            f"count:{page.count} mapcount:{page.mapcount + 1} flags:{page.flags:#x}",
        )


async def free_page(k: Kernel, page: Page) -> None:
    """Give back a frame whose last reference is gone.  Takes zone.lock."""
    async with k.zone.lock:
        # An anonymous page keeps its mapping until here (free_hot_cold_page).
        page.mapping = None
        page.flags = 0
        bad_page_if(page.mapcount != -1 or page.locked.owner is not None, page)
        k.zone.free.append(page)


async def page_count(page: Page) -> int:
    """The references to a page at one moment."""
    return await read_once(page, PAGE.count)


async def get_page(page: Page) -> None:
    """Take a reference, where there is one already."""
    await atomic_add(page, PAGE.count, +1)


async def get_page_unless_zero(page: Page) -> bool:
    """Take a reference unless the page is free or frozen; say whether it worked."""
    return await atomic_inc_not_zero(page, PAGE.count)


async def put_page(k: Kernel, page: Page) -> None:
    """Drop a reference; with the last one the page leaves the LRU and is free.

    May take zone.lru_lock, then zone.lock.
    """
    if await atomic_add(page, PAGE.count, -1) == 0:
        # Nobody can find the page any more: isolating it needs a reference.
        if page.flags & PG_lru:
            async with k.zone.lru_lock:
                k.zone.lru.remove(page)
        await free_page(k, page)
