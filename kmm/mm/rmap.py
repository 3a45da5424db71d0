"""Reverse mapping: from a physical page to every virtual address that maps it.

Linux: mm/rmap.c.

A page knows its anon_vma; the anon_vma lists the VMAs that may map the page; a VMA's
bounds and the page's index give the one address in it at which the page would be.
Only the page table there says whether it is.  So a walk trusts three things that
others may be changing: the list (under anon_vma.lock), the bounds (which 2.6.34
changes without that lock), and the entry (under the page-table lock).

A walk that misses an entry is harmless on the way out: the page stays mapped, and
migration gives up.  On the way back it is fatal: a migration entry stays behind.

Left out so far: file pages, KSM pages, mlock, page_referenced, swap entries.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..hw.memory import PAGE_SHIFT, EntryPointer, VirtAddr
from ..sim.access import atomic_add, read_once, write_once
from ..sim.failure import bug_on
from .kernel import Kernel, new_anon_vma
from .mm_types import (
    PAGE,
    VMA,
    AnonVma,
    AnonVmaChain,
    Page,
    PG_dirty,
    PG_swapbacked,
    VmArea,
)
from .page_alloc import put_page
from .pgtable import (
    find_pte,
    pte_dirty,
    pte_lockptr,
    pte_pfn,
    pte_present,
    pte_write,
)
from .swapops import make_migration_entry
from .tlb import ptep_clear_flush

# What try_to_unmap is asked to do, and may leave out.
TTU_UNMAP = 0
TTU_MIGRATION = 1
TTU_ACTION_MASK = 0xFF
TTU_IGNORE_MLOCK = 1 << 8
TTU_IGNORE_ACCESS = 1 << 9

# What a walk says about one mapping, or about all of them.
SWAP_SUCCESS = 0
SWAP_AGAIN = 1  # go on with the next
SWAP_FAIL = 2

# Called for one address at which a page may be mapped.
RmapOne = Callable[[Kernel, Page, VmArea, VirtAddr], Awaitable[int]]


# Building the lists.


async def anon_vma_prepare(k: Kernel, vma: VmArea) -> None:
    """See to it that a VMA has an anon_vma before it gets its first page.

    Needs mmap_sem for reading.  Two faults may come here at once; page_table_lock
    decides.  (Sharing a neighbour's anon_vma comes with the merging of VMAs.)
    """
    if await read_once(vma, VMA.anon_vma) is not None:
        return
    anon_vma = new_anon_vma(k)
    avc = AnonVmaChain(vma, anon_vma)
    async with anon_vma.lock, vma.mm.page_table_lock:
        if vma.anon_vma is None:
            await write_once(vma, VMA.anon_vma, anon_vma)
            vma.anon_vma_chain.insert(0, avc)
            anon_vma.head.insert(0, avc)


async def anon_vma_chain_link(vma: VmArea, anon_vma: AnonVma) -> None:
    """Tie a VMA to an anon_vma: first on the VMA's own list, LAST on the anon_vma's.

    That a newcomer goes to the tail is what lets a walk meet parents before their
    children, and the source of a move before its destination.
    """
    avc = AnonVmaChain(vma, anon_vma)
    vma.anon_vma_chain.insert(0, avc)
    async with anon_vma.lock:
        anon_vma.head.append(avc)


async def anon_vma_clone(vma: VmArea, source: VmArea) -> None:
    """Tie a VMA to every anon_vma of `source`, oldest first, so in the same order.

    Needs the mmap_sem of source's mm.  Takes each anon_vma.lock in turn.
    """
    for avc in reversed(source.anon_vma_chain):
        await anon_vma_chain_link(vma, avc.anon_vma)


async def unlink_anon_vmas(vma: VmArea) -> None:
    """Untie a VMA from all of its anon_vmas, after which no walk finds it.

    Needs mmap_sem for writing.  (With its last VMA an anon_vma is freed; here it is
    simply forgotten.)
    """
    for avc in list(vma.anon_vma_chain):
        async with avc.anon_vma.lock:
            avc.anon_vma.head.remove(avc)
        vma.anon_vma_chain.remove(avc)


# Tying a page to them.


def page_add_new_anon_rmap(page: Page, vma: VmArea, address: VirtAddr) -> None:
    """Account for the first mapping of a new page, which nobody else knows yet.

    Needs the page-table lock.
    """
    bug_on(not vma.vm_start <= address < vma.vm_end, "mm/rmap.c:828")
    bug_on(vma.anon_vma is None, "mm/rmap.c:740")
    page.flags |= PG_swapbacked
    page.mapping = vma.anon_vma
    page.index = linear_page_index(vma, address)
    page.mapcount = 0


async def page_add_anon_rmap(page: Page, vma: VmArea, address: VirtAddr) -> None:
    """Account for one more mapping of a page.

    Needs the page-table lock, and the page locked.  The first mapping ties the page
    to the VMA's OLDEST anon_vma, since other processes may have the page as well, and
    works its index out again from bounds that nothing here keeps still.
    """
    bug_on(page.locked.owner is None, "mm/rmap.c:807")
    if await atomic_add(page, PAGE.mapcount, +1) == 0:
        bug_on(vma.anon_vma is None, "mm/rmap.c:740")
        await write_once(page, PAGE.mapping, vma.anon_vma_chain[-1].anon_vma)
        start = await read_once(vma, VMA.vm_start)
        pgoff = await read_once(vma, VMA.vm_pgoff)
        page.index = ((address - start) >> PAGE_SHIFT) + pgoff


async def page_remove_rmap(page: Page) -> None:
    """Account for the end of one mapping.  Needs the page-table lock."""
    await atomic_add(page, PAGE.mapcount, -1)


async def page_mapped(page: Page) -> bool:
    """Whether any page-table entry maps the page, at one moment."""
    return await read_once(page, PAGE.mapcount) >= 0


def linear_page_index(vma: VmArea, address: VirtAddr) -> int:
    """The index of the page at `address`.  Needs mmap_sem."""
    return ((address - vma.vm_start) >> PAGE_SHIFT) + vma.vm_pgoff


# Following them back.


async def page_lock_anon_vma(k: Kernel, page: Page) -> AnonVma | None:
    """The page's anon_vma, locked, inside an RCU read section; None if unmapped.

    A mapped page's anon_vma cannot be freed, and RCU keeps its memory an anon_vma
    until the section ends.  The caller undoes this with page_unlock_anon_vma.
    """
    await k.rcu.read_lock()
    anon_vma = await read_once(page, PAGE.mapping)
    if anon_vma is None or not await page_mapped(page):
        await k.rcu.read_unlock()
        return None
    await anon_vma.lock.lock()
    return anon_vma


async def page_unlock_anon_vma(k: Kernel, anon_vma: AnonVma) -> None:
    await anon_vma.lock.unlock()
    await k.rcu.read_unlock()


async def vma_address(page: Page, vma: VmArea) -> VirtAddr | None:
    """Where `page` would be in `vma`, going by the bounds; None if outside (-EFAULT).

    Nothing here keeps the bounds still; the caller's locks do, or nothing does.
    """
    start = await read_once(vma, VMA.vm_start)
    pgoff = await read_once(vma, VMA.vm_pgoff)
    address = start + ((page.index - pgoff) << PAGE_SHIFT)
    if address < start or address >= await read_once(vma, VMA.vm_end):
        return None
    return VirtAddr(address)


async def page_check_address(
    k: Kernel, page: Page, vma: VmArea, address: VirtAddr
) -> EntryPointer | None:
    """The entry that maps `page` at `address`, with its lock held; None if none does.

    The caller gives the lock back.  A look before the lock saves taking it for
    nothing; missing an entry there is harmless (see the top).
    """
    ptep = await find_pte(k, vma.mm, address)
    if ptep is None or not pte_present(await ptep.read()):
        return None
    ptl = pte_lockptr(vma.mm)
    await ptl.lock()
    pte = await ptep.read()
    if pte_present(pte) and pte_pfn(pte) == page.pfn:
        return ptep
    await ptl.unlock()
    return None


# Walks.


async def try_to_unmap(k: Kernel, page: Page, flags: int) -> int:
    """Remove every entry that maps a page.  Needs the page locked.

    For TTU_MIGRATION, migration entries take their place.  SWAP_SUCCESS if nothing
    maps the page afterwards; else what the last mapping said.
    """
    bug_on(page.locked.owner is None, "mm/rmap.c:1303")
    result = await k.exec_stack.try_to_unmap_anon(k, page, flags)
    if not await page_mapped(page):
        return SWAP_SUCCESS
    return result


async def try_to_unmap_anon(k: Kernel, page: Page, flags: int) -> int:
    """Visit the VMAs of the page's anon_vma until nothing maps the page any more."""
    anon_vma = await page_lock_anon_vma(k, page)
    if anon_vma is None:
        return SWAP_AGAIN
    result = SWAP_AGAIN
    for avc in anon_vma.head:
        address = await vma_address(page, avc.vma)
        if address is None:
            continue
        result = await try_to_unmap_one(k, page, avc.vma, address, flags)
        if result != SWAP_AGAIN or not await page_mapped(page):
            break
    await page_unlock_anon_vma(k, anon_vma)
    return result


async def try_to_unmap_one(
    k: Kernel, page: Page, vma: VmArea, address: VirtAddr, flags: int
) -> int:
    """Turn the entry for `page` at `address` into a migration entry, if it is there.

    Needs the page locked and the anon_vma lock.  Takes the page-table lock.
    """
    # FIND, LOCK, RECHECK
    ptep = await page_check_address(k, page, vma, address)
    if ptep is None:
        return SWAP_AGAIN
    # CHANGE
    pte = await ptep_clear_flush(k, vma, address, ptep)
    if pte_dirty(pte):
        page.flags |= PG_dirty
    bug_on(flags & TTU_ACTION_MASK != TTU_MIGRATION, "mm/rmap.c:975")
    entry = await make_migration_entry(page, write=pte_write(pte))
    await ptep.write(entry)
    # ACCOUNT: the entry is not a mapping, and holds no reference
    await page_remove_rmap(page)
    await put_page(k, page)
    await pte_lockptr(vma.mm).unlock()
    return SWAP_AGAIN


async def rmap_walk(k: Kernel, page: Page, rmap_one: RmapOne) -> int:
    """Call `rmap_one` for every address at which a page may be mapped.

    Needs the page locked, and its anon_vma kept alive by the caller.  Every VMA is
    visited, unless `rmap_one` says other than SWAP_AGAIN.
    """
    bug_on(page.locked.owner is None, "mm/rmap.c:1412")
    return await k.rmap_walk.rmap_walk_anon(k, page, rmap_one)


async def rmap_walk_anon(k: Kernel, page: Page, rmap_one: RmapOne) -> int:
    """Walk the VMAs of the page's own anon_vma, under its lock alone."""
    anon_vma = page.mapping
    result = SWAP_AGAIN
    if anon_vma is None:
        return result
    async with anon_vma.lock:
        for avc in anon_vma.head:
            address = await vma_address(page, avc.vma)
            if address is None:
                continue
            result = await rmap_one(k, page, avc.vma, address)
            if result != SWAP_AGAIN:
                break
    return result
