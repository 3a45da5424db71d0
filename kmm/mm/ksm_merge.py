"""Is there another page with the same contents, and how do the two become one?

Linux: mm/ksm.c, the part that looks at pages.  Who brings them, and which memory they
come from, is in `ksm`.

There are two trees, ordered by the contents of pages.  In the *stable* tree are the
pages that have been merged: they are write-protected, so their contents stay.  In the
*unstable* tree are pages that looked quiet, by an unchanged checksum since the last
round, but may be written to at any time; the tree is thrown away after each round.
Where a page equals one in the stable tree, that one is mapped in its place; where it
equals one in the unstable tree, the two become a new stable page.

A KSM page belongs to no anon_vma.  Its stable node lists the places that were merged
into it, each an `RmapItem`, by which rmap finds its mappings.  The tree itself holds no
reference to the page: when the last mapping goes the page is free, and the node is
found to be stale later (`get_ksm_page`).

Locks: ksm_thread_mutex for the trees, the items and the counters: all of this needs it,
but for `break_ksm` and `unmerge_ksm_pages`, which madvise calls without.  Inside of it
mmap_sem of the address space that is looked at, for reading, and then PG_locked of a
KSM page for its node's list.  Pages are held by references, so their contents may
change under the eyes of who compares them, until they are write-protected.

Left out: locked memory (mlock) that moves with a merge.  A tree is a list in order.
"""

from __future__ import annotations

import zlib

from ..hw.memory import PAGE_SHIFT, PAGE_SIZE, PhysAddr, VirtAddr
from ..sim.access import read_once, write_once
from ..sim.failure import NullPointer, bug_on, not_null
from .errno import EFAULT, ENOMEM
from .kernel import Kernel
from .list_head import list_del
from .memory import VM_FAULT_OOM, VM_FAULT_WRITE, follow_page, handle_mm_fault
from .mm_types import (
    PAGE,
    VM_MERGEABLE,
    Page,
    PageAnon,
    PageKsm,
    PG_swapcache,
    RmapItem,
    StableNode,
    VmArea,
)
from .page_alloc import get_page, get_page_unless_zero
from .pgtable import find_pte, mk_pte, pte_lockptr, pte_write, pte_wrprotect
from .rmap import (
    drop_anon_vma,
    get_anon_vma,
    page_add_anon_rmap,
    page_check_address,
    page_remove_rmap,
    page_stable_node,
)
from .swap import mark_page_accessed, put_page
from .tlb import ptep_clear_flush
from .vma import find_vma

SEQNR_MASK = 0xFF

# One page.


async def cmp_and_merge_page(k: Kernel, page: Page, item: RmapItem) -> None:
    """Find out whether a page has an equal, and merge the two if so.

    Needs a reference to the page, and no mmap_sem.
    """
    await remove_rmap_item_from_tree(k, item)

    kpage = await stable_tree_search(k, page)
    if kpage is not None:
        if await try_to_merge_with_ksm_page(k, item, page, kpage) == 0:
            async with kpage.locked:
                stable_tree_append(k, item, page_stable_node(kpage))
        await put_page(k, kpage)
        return

    checksum = await calc_checksum(k, page)
    if item.oldchecksum != checksum:
        item.oldchecksum = checksum  # it is being written to: perhaps next time
        return
    found = await unstable_tree_search_insert(k, item, page)
    if found is None:
        return
    tree_item, tree_page = found
    kpage = await try_to_merge_two_pages(k, item, page, tree_item, tree_page)
    await put_page(k, tree_page)
    if kpage is None:
        return
    await remove_rmap_item_from_tree(k, tree_item)
    async with kpage.locked:
        node = await stable_tree_insert(k, kpage)
        if node is not None:
            stable_tree_append(k, tree_item, node)
            stable_tree_append(k, item, node)
    if node is None:
        # The tree has an equal page, or had a stale node: undo, and try again later.
        await break_cow(k, tree_item)
        await break_cow(k, item)


async def remove_rmap_item_from_tree(k: Kernel, item: RmapItem) -> None:
    """Out of whichever tree it is in.  Takes PG_locked of the page of a stable node."""
    ksm = k.ksm
    if item.stable_node is not None:
        node = item.stable_node
        page = await get_ksm_page(k, node)
        if page is None:
            return  # the node was stale, and took its items along
        await page.locked.lock()
        list_del(node.hlist, item)
        await page.locked.unlock()
        await put_page(k, page)
        if node.hlist:
            ksm.pages_sharing -= 1
        else:
            ksm.pages_shared -= 1
        await drop_anon_vma(not_null(item.anon_vma, f"{node.name} has no anon_vma"))
        item.stable_node = item.anon_vma = None
    elif item.unstable_seqnr is not None:
        age = (ksm.scan.seqnr - item.unstable_seqnr) & SEQNR_MASK
        bug_on(age > 1, "mm/ksm.c:574")
        if age == 0:
            ksm.unstable_tree.remove(item)
        ksm.pages_unshared -= 1
        item.unstable_seqnr = None


def stable_tree_append(k: Kernel, item: RmapItem, node: StableNode) -> None:
    """One more place uses a stable page.  Needs the page locked."""
    item.stable_node = node
    node.hlist.insert(0, item)
    if len(node.hlist) > 1:
        k.ksm.pages_sharing += 1
    else:
        k.ksm.pages_shared += 1


# The trees.


async def memcmp_pages(k: Kernel, one: Page, other: Page) -> int:
    """-1, 0 or 1: how the contents of two pages compare, at one moment each."""
    left = await contents(k, one)
    right = await contents(k, other)
    return (left > right) - (left < right)


async def contents(k: Kernel, page: Page) -> bytes:
    """All bytes of a page, at one moment."""
    return await k.memory.load(PhysAddr(page.pfn << PAGE_SHIFT), PAGE_SIZE)


async def calc_checksum(k: Kernel, page: Page) -> int:
    """A number that changes when the page does.  (Linux: jhash2; any hash will do.)"""
    return zlib.crc32(await contents(k, page))


async def stable_tree_search(k: Kernel, page: Page) -> Page | None:
    """The stable page with the same contents, with a reference; None if there is none.

    For a page that is in the tree itself, that page.
    """
    if isinstance(page.mapping, StableNode) and page.mapping.in_tree:
        await get_page(page)
        return page
    tree = k.ksm.stable_tree
    low, high = 0, len(tree)
    while low < high:
        middle = (low + high) // 2
        tree_page = await get_ksm_page(k, tree[middle])
        if tree_page is None:
            return None  # that one was stale; the next round will do better
        order = await memcmp_pages(k, page, tree_page)
        if order == 0:
            return tree_page
        await put_page(k, tree_page)
        low, high = (low, middle) if order < 0 else (middle + 1, high)
    return None


async def stable_tree_insert(k: Kernel, kpage: Page) -> StableNode | None:
    """Put a page that has just become KSM's into the tree; None if that failed.

    It fails if the tree has an equal page, or a stale node on the way.  Needs the page
    locked.
    """
    tree = k.ksm.stable_tree
    low, high = 0, len(tree)
    while low < high:
        middle = (low + high) // 2
        tree_page = await get_ksm_page(k, tree[middle])
        if tree_page is None:
            return None
        order = await memcmp_pages(k, kpage, tree_page)
        await put_page(k, tree_page)
        if order == 0:
            return None
        low, high = (low, middle) if order < 0 else (middle + 1, high)
    node = page_stable_node(kpage)
    tree.insert(low, node)
    node.in_tree = True
    return node


async def unstable_tree_search_insert(
    k: Kernel, item: RmapItem, page: Page
) -> tuple[RmapItem, Page] | None:
    """An equal of `page` in the unstable tree, its page with a reference.

    If there is none, the item is put into the tree, and None returned; also if a page
    of the tree has gone meanwhile.
    """
    tree = k.ksm.unstable_tree
    low, high = 0, len(tree)
    while low < high:
        middle = (low + high) // 2
        tree_item = tree[middle]
        tree_page = await get_mergeable_page(k, tree_item)
        if tree_page is None:
            return None
        if tree_page is page:
            await put_page(k, tree_page)
            return None
        order = await memcmp_pages(k, page, tree_page)
        if order == 0:
            return tree_item, tree_page
        await put_page(k, tree_page)
        low, high = (low, middle) if order < 0 else (middle + 1, high)
    item.unstable_seqnr = k.ksm.scan.seqnr & SEQNR_MASK
    tree.insert(low, item)
    k.ksm.pages_unshared += 1
    return None


async def get_mergeable_page(k: Kernel, item: RmapItem) -> Page | None:
    """The page at an item's place, if it may be merged; with a reference.

    Takes mmap_sem of the item's address space for reading.
    """
    async with item.mm.mmap_sem.for_read:
        vma = find_vma(item.mm, item.address)
        if (
            vma is None
            or vma.vm_start > item.address
            or not vma.vm_flags & VM_MERGEABLE
            or vma.anon_vma is None
        ):
            return None
        page = await follow_page(k, item.mm, item.address, write=False)
        if page is not None and not PageAnon(page):
            await put_page(k, page)
            return None
    return page


async def get_ksm_page(k: Kernel, node: StableNode) -> Page | None:
    """The page of a stable node, with a reference; None if the node was stale.

    The tree has no reference.  So: is it the page still?  Take a reference, and look
    again, since it may have been freed in between.
    """
    page = k.mem_map[node.kpfn]
    if await read_once(page, PAGE.mapping) is node and await get_page_unless_zero(page):
        if await read_once(page, PAGE.mapping) is node:
            return page
        await put_page(k, page)
    await remove_node_from_stable_tree(k, node)
    return None


async def remove_node_from_stable_tree(k: Kernel, node: StableNode) -> None:
    """Forget a stable page that is no more, and all places that were merged into it."""
    ksm = k.ksm
    for item in node.hlist:
        if item is node.hlist[-1]:
            ksm.pages_shared -= 1
        else:
            ksm.pages_sharing -= 1
        await drop_anon_vma(not_null(item.anon_vma, f"{node.name} has no anon_vma"))
        item.stable_node = item.anon_vma = None
    node.hlist.clear()
    ksm.stable_tree.remove(node)
    node.in_tree = False


# Merging.


async def try_to_merge_with_ksm_page(
    k: Kernel, item: RmapItem, page: Page, kpage: Page | None
) -> int:
    """Let `kpage` take the place of `page` at an item's address; 0 or -EFAULT.

    Without a `kpage`, the page itself becomes one.  Takes mmap_sem of the item's
    address space for reading.
    """
    mm = item.mm
    async with mm.mmap_sem.for_read:
        vma = find_vma(mm, item.address)
        if vma is None or vma.vm_start > item.address:
            return -EFAULT
        error = await try_to_merge_one_page(k, vma, page, kpage, item.address)
        if error:
            return error
        if vma.anon_vma is None:
            # The page was KSM's already, and its place has been mapped anew meanwhile.
            # 2.6.34 does not ask.
            raise NullPointer(f"{vma.name} has no anon_vma")
        # Keeps the anon_vma, by which the place is found, though its pages may go.
        item.anon_vma = vma.anon_vma
        await get_anon_vma(vma.anon_vma)
    return 0


async def try_to_merge_two_pages(
    k: Kernel, item: RmapItem, page: Page, tree_item: RmapItem, tree_page: Page
) -> Page | None:
    """Make `page` a KSM page, and let it take the place of `tree_page` as well.

    The page; None if that failed, and all is as it was.
    """
    error = await try_to_merge_with_ksm_page(k, item, page, None)
    if error:
        return None
    error = await try_to_merge_with_ksm_page(k, tree_item, tree_page, page)
    if error:
        await break_cow(k, item)
        return None
    return page


async def try_to_merge_one_page(
    k: Kernel, vma: VmArea, page: Page, kpage: Page | None, address: VirtAddr
) -> int:
    """Write-protect a page, and if it is equal to `kpage` then, replace it.

    0 or -EFAULT.  Needs mmap_sem for reading.  Takes PG_locked of the page if that is
    free.
    """
    if page is kpage:
        return 0
    if not vma.vm_flags & VM_MERGEABLE or not PageAnon(page):
        return -EFAULT
    if not await page.locked.trylock():
        return -EFAULT
    error = -EFAULT
    pte = await write_protect_page(k, vma, page, address)
    if pte is not None and kpage is None:
        # Its contents cannot change any more: from here on it is KSM's.
        node = StableNode(k.next_name("stable_node"), page.pfn)
        await write_once(page, PAGE.mapping, node)
        await mark_page_accessed(k, page)
        error = 0
    elif (
        pte is not None
        and kpage is not None
        and await memcmp_pages(k, page, kpage) == 0
    ):
        error = await replace_page(k, vma, page, kpage, pte, address)
    await page.locked.unlock()
    return error


async def write_protect_page(
    k: Kernel, vma: VmArea, page: Page, address: VirtAddr
) -> int | None:
    """Make a page read-only in its one mapping; the entry, or None if it may not be.

    It may not if anybody else has a reference, who might write to it.  The entry is
    emptied and flushed first, so that no such reference can be taken meanwhile: without
    the flush, the program itself could write on.  Needs mmap_sem for reading, and the
    page locked.  Takes the page-table lock.
    """
    ptep = await page_check_address(k, page, vma, address)
    if ptep is None:
        return None
    ptl = pte_lockptr(vma.mm)
    pte = await ptep.read()
    if pte_write(pte):
        pte = await ptep_clear_flush(k, vma, address, ptep)
        in_cache = bool(page.flags & PG_swapcache)
        mapcount = await read_once(page, PAGE.mapcount) + 1
        if mapcount + 1 + in_cache != await read_once(page, PAGE.count):
            await ptep.write(pte)
            await ptl.unlock()
            return None
        pte = pte_wrprotect(pte)
        await ptep.write(pte)
    await ptl.unlock()
    return pte


async def replace_page(
    k: Kernel, vma: VmArea, page: Page, kpage: Page, pte: int, address: VirtAddr
) -> int:
    """Map `kpage` where `page` is, if nothing has changed there; 0 or -EFAULT.

    `pte` is the entry as it was write-protected.  Needs mmap_sem for reading, and
    `page` locked.  Takes the page-table lock.
    """
    ptep = await find_pte(k, vma.mm, address)
    if ptep is None:
        return -EFAULT
    async with pte_lockptr(vma.mm):
        if await ptep.read() != pte:
            return -EFAULT
        await get_page(kpage)
        await page_add_anon_rmap(kpage, vma, address)
        await ptep_clear_flush(k, vma, address, ptep)
        await ptep.write(mk_pte(kpage, vma.vm_page_prot))
        await page_remove_rmap(page)
        await put_page(k, page)
    return 0


# Taking apart.


async def break_ksm(k: Kernel, vma: VmArea, address: VirtAddr) -> int:
    """Give a place a page of its own again, as a write would; 0 or -ENOMEM.

    Needs mmap_sem.
    """
    while True:
        page = await follow_page(k, vma.mm, address, write=False)
        if page is None:
            return 0
        result = VM_FAULT_WRITE
        if PageKsm(page):
            result = await handle_mm_fault(k, vma.mm, vma, address, write=True)
        await put_page(k, page)
        if result & VM_FAULT_OOM:
            return -ENOMEM
        if result & VM_FAULT_WRITE:
            return 0


async def break_cow(k: Kernel, item: RmapItem) -> None:
    """Undo a merge that came to nothing.  Takes mmap_sem for reading."""
    if item.anon_vma is not None:
        await drop_anon_vma(item.anon_vma)
        item.anon_vma = None
    async with item.mm.mmap_sem.for_read:
        vma = find_vma(item.mm, item.address)
        if (
            vma is not None
            and vma.vm_start <= item.address
            and vma.vm_flags & VM_MERGEABLE
            and vma.anon_vma is not None
        ):
            await break_ksm(k, vma, item.address)


async def unmerge_ksm_pages(
    k: Kernel, vma: VmArea, start: VirtAddr, end: VirtAddr
) -> int:
    """Give every place of a range a page of its own; 0 or -ENOMEM.

    Needs mmap_sem.
    """
    for address in range(start, end, PAGE_SIZE):
        error = await break_ksm(k, vma, VirtAddr(address))
        if error:
            return error
    return 0
