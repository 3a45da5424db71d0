"""Who makes a page migrate.

In most races a thread that stands for compaction's scanner has come to just the page
that matters: the smallest way to get there, and all that is left to chance is when.
The others take the long way, from the call that starts it all, and a race that can be
had through them says so (`Race.triggers`):

- `compaction`: somebody writes to /proc/sys/vm/compact_memory;
- `hot-remove`: the memory that the page is in goes away;
- `move_pages`: somebody asks for a process's page to be on another node.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from attrs import evolve

from ..hw.memory import PAGE_SHIFT, VirtAddr
from ..mm.compaction import compact_node
from ..mm.gfp import GFP_HIGHUSER_MOVABLE
from ..mm.kernel import Config, Kernel
from ..mm.memory_hotplug import offline_pages
from ..mm.migrate import migrate_pages
from ..mm.mm_types import Mm, Page
from ..mm.move_pages import MPOL_MF_MOVE_ALL, sys_move_pages
from ..mm.page_alloc import alloc_page
from ..mm.vmscan import count_isolated, isolate_lru_page

# Makes a page migrate that an address space has at an address.
Migration = Callable[[Kernel, Page, Mm, VirtAddr], Coroutine[Any, Any, None]]

# Memory for the long way: pageblocks of 8 frames, so that one can go away, and a
# second node to move to.
ROOMY = Config(
    cpus=2,
    frames=64,
    pageblock_order=3,
    stack_shift=6,
    migrate_passes=1,
    offline_turns=2,
)
TWO_NODES = evolve(ROOMY, nodes=2)


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


async def compact_page(k: Kernel, page: Page, mm: Mm, address: VirtAddr) -> None:
    await compact(k, page)


async def compact_all(k: Kernel, page: Page, mm: Mm, address: VirtAddr) -> None:
    """All of it, by /proc/sys/vm/compact_memory."""
    await compact_node(k, 0)


async def hot_remove(k: Kernel, page: Page, mm: Mm, address: VirtAddr) -> None:
    """Take away the pageblock that the page is in."""
    size = 1 << k.config.pageblock_order
    start = page.pfn & -size
    await offline_pages(k, start, start + size)


async def move_pages(k: Kernel, page: Page, mm: Mm, address: VirtAddr) -> None:
    """Move what the address space has at the address to the other node."""
    node = 1 - page.zone.node
    page_start = VirtAddr(address >> PAGE_SHIFT << PAGE_SHIFT)
    await sys_move_pages(k, mm, [page_start], [node], MPOL_MF_MOVE_ALL)
