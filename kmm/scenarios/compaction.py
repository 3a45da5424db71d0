"""Who makes a page migrate.

In most races a thread that stands for compaction's scanner has come to just the page
that matters: the smallest way to get there, and all that is left to chance is when.
The others take the long way, from the call that starts it all:

- `compaction`: somebody writes to /proc/sys/vm/compact_memory;
- `hot-remove`: the memory that the page is in goes away;
- `move_pages`: a program asks for the page to be on another node.
"""

from __future__ import annotations

from ..mm.compaction import compact_node
from ..mm.gfp import GFP_HIGHUSER_MOVABLE
from ..mm.kernel import Kernel
from ..mm.memory_hotplug import offline_pages
from ..mm.migrate import count_isolated, migrate_pages
from ..mm.mm_types import Page
from ..mm.page_alloc import alloc_page
from ..mm.vmscan import isolate_lru_page


async def compact(k: Kernel, page: Page) -> None:
    """Migrate one page: compaction's scanner has come to it."""
    if await isolate_lru_page(k, page):
        count_isolated(page, +1)
        await migrate_pages(k, [page], compaction_alloc)


async def compaction_alloc(k: Kernel, page: Page) -> Page | None:
    """Where a page may move to.  (Compaction proper takes the highest free frames.)"""
    return await alloc_page(k, GFP_HIGHUSER_MOVABLE)


async def remove_ksm_page(k: Kernel, page: Page) -> None:
    """Migrate one page whose memory goes away, which only then may be KSM's."""
    async with k.ksm.thread_mutex:
        if await isolate_lru_page(k, page):
            count_isolated(page, +1)
            await migrate_pages(k, [page], compaction_alloc, offlining=True)


async def compact_all(k: Kernel, page: Page) -> None:
    """All of it, by /proc/sys/vm/compact_memory."""
    await compact_node(k, 0)


async def hot_remove(k: Kernel, page: Page) -> None:
    """Take away the pageblock that a page is in."""
    size = 1 << k.config.pageblock_order
    start = page.pfn & -size
    await offline_pages(k, start, start + size)
