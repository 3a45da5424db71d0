"""A thread that stands for compaction, until there is compaction proper."""

from __future__ import annotations

from ..mm.gfp import GFP_HIGHUSER_MOVABLE
from ..mm.kernel import Kernel
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
