"""The LRU list, and taking pages off it.

Linux: mm/swap.c, mm/vmscan.c.  Left out so far: the five lists and their aging, and
the per-CPU pagevecs through which pages join them.
"""

from __future__ import annotations

from .kernel import Kernel
from .mm_types import Page, PG_lru
from .page_alloc import get_page_unless_zero, put_page


async def lru_cache_add(k: Kernel, page: Page) -> None:
    """Put a page on the LRU, at its young end.  Takes zone.lru_lock."""
    async with k.zone.lru_lock:
        page.flags |= PG_lru
        k.zone.lru.insert(0, page)


async def isolate_lru_page(k: Kernel, page: Page) -> bool:
    """Take a page off the LRU, with a reference; False if it is not there (-EBUSY).

    Takes zone.lru_lock.
    """
    async with k.zone.lru_lock:
        if not page.flags & PG_lru or not await get_page_unless_zero(page):
            return False
        page.flags &= ~PG_lru
        k.zone.lru.remove(page)
    return True


async def putback_lru_page(k: Kernel, page: Page) -> None:
    """Give an isolated page back, and with it the reference that isolated it.

    If that was the last one, the page has no user any more, and is free.
    """
    await lru_cache_add(k, page)
    await put_page(k, page)
