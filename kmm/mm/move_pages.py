"""move_pages(2): a program says on which node each of its pages should be.

Linux: mm/migrate.c, its second half (do_pages_move and do_pages_stat).

For each page the call reports a status: the node where it is now, or why it could not
be moved.  A page that several processes map is moved only if the caller may, and says
so (MPOL_MF_MOVE_ALL).

It holds mmap_sem for reading while its pages are in flight, which other callers of
`migrate` do not: meanwhile no VMA of this address space comes, goes or changes, but
that a stack may grow.  Those of others that have the page may do all of that.

Left out: whether the caller may (EPERM, cpusets), and bad pointers.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from ..hw.memory import VirtAddr
from .errno import EACCES, EBUSY, EFAULT, EINVAL, ENODEV, ENOENT
from .gfp import GFP_HIGHUSER_MOVABLE, GFP_THISNODE
from .kernel import Kernel
from .memory import follow_page
from .migrate import migrate_pages, migrate_prep
from .mm_types import (
    VM_IO,
    VM_PFNMAP,
    VM_RESERVED,
    Mm,
    Page,
    PageKsm,
    PG_reserved,
    VmArea,
)
from .page_alloc import alloc_page
from .rmap import page_mapcount
from .swap import put_page
from .vma import find_vma
from .vmscan import count_isolated, isolate_lru_page

MPOL_MF_MOVE = 2  # pages that only this process maps
MPOL_MF_MOVE_ALL = 4

CHUNK = 169  # pages that are dealt with at a time: a page of struct page_to_node


@define(eq=False)
class PageToNode:
    """struct page_to_node: one page, where it should be, and what came of it."""

    address: VirtAddr
    node: int
    page: Page | None = None  # isolated, with a reference
    status: int = 0  # a node, or a negated error number


def page_to_nid(page: Page) -> int:
    """The node that a page is on."""
    return page.zone.node


async def sys_move_pages(
    k: Kernel,
    mm: Mm,
    addresses: Sequence[int],
    nodes: Sequence[int] | None,
    flags: int,
) -> tuple[int, dict[int, int]]:
    """Move pages, or without `nodes` only say where they are.

    `flags` are MPOL_MF_ bits.  0 or an error for the whole call, and a status by place
    in `addresses`; where an error ended the call, later pages have none.  Takes
    mmap_sem for reading, and what migration takes.
    """
    if flags & ~(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL):
        return -EINVAL, {}
    if nodes is None:
        return 0, await do_pages_stat(k, mm, addresses)
    await migrate_prep(k)
    wanted = [
        PageToNode(VirtAddr(address), node)
        for address, node in zip(addresses, nodes, strict=True)
    ]
    move_all = bool(flags & MPOL_MF_MOVE_ALL)
    return await k.call_rules.do_pages_move(k, mm, wanted, move_all)


async def do_pages_move(
    k: Kernel, mm: Mm, wanted: Sequence[PageToNode], move_all: bool
) -> tuple[int, dict[int, int]]:
    """Chunk by chunk.  A node that is none ends the call before its chunk moves."""
    statuses: dict[int, int] = {}
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        if not all(is_node(k, one.node) for one in chunk):
            return -ENODEV, statuses
        error = await do_move_page_to_node_array(k, mm, chunk, move_all)
        if error < 0:
            return error, statuses
        statuses.update((start + n, one.status) for n, one in enumerate(chunk))
    return 0, statuses


def is_node(k: Kernel, node: int) -> bool:
    """Whether there is memory with this number."""
    return 0 <= node < len(k.nodes)


async def do_move_page_to_node_array(
    k: Kernel, mm: Mm, chunk: Sequence[PageToNode], move_all: bool
) -> int:
    """Isolate the pages of one chunk, and migrate them; 0, or a negated error number.

    Takes mmap_sem for reading, throughout, so that no VMA comes or goes meanwhile.
    """
    async with mm.mmap_sem.for_read:
        pages: list[Page] = []
        for one in chunk:
            vma = find_vma(mm, one.address)
            # 2.6.34 does not ask whether the VMA starts above the address: in a hole
            # below one, it is the page that is missing.
            if vma is None or not vma_migratable(vma):
                one.status = -EFAULT
                continue
            one.status = await isolate_for_move(k, mm, one, move_all)
            if one.page is not None:
                pages.append(one.page)
        if not pages:
            return 0
        return min(0, await migrate_to_nodes(k, pages, chunk))


def vma_migratable(vma: VmArea) -> bool:
    """Whether a VMA's pages are such that they can be moved.  Needs mmap_sem."""
    return not vma.vm_flags & (VM_IO | VM_PFNMAP | VM_RESERVED)


async def isolate_for_move(k: Kernel, mm: Mm, one: PageToNode, move_all: bool) -> int:
    """Take a page off the LRU if it should move; its status so far.

    The zero page and KSM's pages count as not there.  Needs mmap_sem; takes
    zone.lru_lock.
    """
    page = await follow_page(k, mm, one.address, write=False)
    if page is None:
        return -ENOENT
    if page.flags & PG_reserved or PageKsm(page):
        status = -ENOENT
    elif page_to_nid(page) == one.node:
        status = one.node
    elif await page_mapcount(page) > 1 and not move_all:
        status = -EACCES
    elif await isolate_lru_page(k, page):
        status, one.page = 0, page
        count_isolated(page, +1)
    else:
        status = -EBUSY
    await put_page(k, page)
    return status


async def migrate_to_nodes(
    k: Kernel, pages: list[Page], chunk: Sequence[PageToNode]
) -> int:
    """Migrate isolated pages, each to its own node, and note what came of it.

    How many stayed, or an error.  Needs mmap_sem for reading.
    """

    async def new_page_node(k: Kernel, page: Page) -> Page | None:
        one = next(one for one in chunk if one.page is page)
        return await alloc_page(k, GFP_HIGHUSER_MOVABLE | GFP_THISNODE, one.node)

    def done(page: Page, rc: int) -> None:
        one = next(one for one in chunk if one.page is page)
        one.status = rc or one.node

    return await migrate_pages(k, pages, new_page_node, result=done)


async def do_pages_stat(k: Kernel, mm: Mm, addresses: Sequence[int]) -> dict[int, int]:
    """On which node each page is, or why it is on none.  Takes mmap_sem for reading."""
    statuses = {}
    async with mm.mmap_sem.for_read:
        for place, address in enumerate(addresses):
            vma = find_vma(mm, address)
            if vma is None:
                statuses[place] = -EFAULT
                continue
            page = await follow_page(k, mm, VirtAddr(address), write=False)
            if page is None:
                statuses[place] = -ENOENT
                continue
            hidden = bool(page.flags & PG_reserved) or PageKsm(page)
            statuses[place] = -ENOENT if hidden else page_to_nid(page)
            await put_page(k, page)
    return statuses
