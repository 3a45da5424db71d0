"""Faults: what is done about an access that the page tables did not allow.

Linux: mm/memory.c.  mmap_sem is held for reading throughout.

Left out so far: the zero page (a first read gets a page of its own), copy on write,
file pages, swap.
"""

from __future__ import annotations

from ..hw.memory import EntryPointer, VirtAddr
from ..sim.failure import ModelFailure
from .kernel import Kernel
from .migrate import migration_entry_wait
from .mm_types import Mm, Page, VmArea
from .mmap import find_extend_vma
from .page_alloc import alloc_zeroed_page, get_page, put_page
from .pgtable import (
    find_pte,
    maybe_mkwrite,
    mk_pte,
    pte_alloc,
    pte_lockptr,
    pte_mkdirty,
    pte_mkyoung,
    pte_none,
    pte_pfn,
    pte_present,
    pte_write,
)
from .rmap import anon_vma_prepare, page_add_new_anon_rmap
from .swap import lru_cache_add
from .swapops import is_migration_entry


class OutOfMemory(ModelFailure):
    """VM_FAULT_OOM, with nobody left to kill."""

    kind = "corruption"


async def handle_mm_fault(
    k: Kernel, mm: Mm, vma: VmArea, address: VirtAddr, *, write: bool
) -> None:
    """Find or make the entry for `address`, and deal with what is in it."""
    ptep = await pte_alloc(k, mm, address)
    if ptep is None:
        raise OutOfMemory(f"Out of memory in a fault at {address:#x}")
    await handle_pte_fault(k, mm, vma, address, ptep, write=write)


async def handle_pte_fault(
    k: Kernel,
    mm: Mm,
    vma: VmArea,
    address: VirtAddr,
    ptep: EntryPointer,
    *,
    write: bool,
) -> None:
    """Decide by an unlocked look at the entry; whoever acts on it looks again."""
    pte = await ptep.read()
    if pte_none(pte):
        await do_anonymous_page(k, mm, vma, address, ptep)
    elif not pte_present(pte):
        await do_swap_page(k, mm, pte, ptep)
    else:
        await touch_pte(k, vma, address, ptep, pte, write=write)


async def do_anonymous_page(
    k: Kernel, mm: Mm, vma: VmArea, address: VirtAddr, ptep: EntryPointer
) -> None:
    """Give an address its first page, of zeros.  Takes the page-table lock."""
    await anon_vma_prepare(k, vma)
    page = await alloc_zeroed_page(k)
    if page is None:
        raise OutOfMemory(f"Out of memory in a fault at {address:#x}")
    async with pte_lockptr(mm):
        if not pte_none(await ptep.read()):
            await put_page(k, page)  # somebody was faster
            return
        page_add_new_anon_rmap(page, vma, address)
        await lru_cache_add(k, page)
        pte = maybe_mkwrite(pte_mkdirty(mk_pte(page, vma.vm_page_prot)), vma)
        await ptep.write(pte)


async def do_swap_page(k: Kernel, mm: Mm, pte: int, ptep: EntryPointer) -> None:
    """An entry that is neither empty nor present: here, always a migration entry."""
    if not is_migration_entry(pte):
        raise NotImplementedError(f"swap entry {pte:#x}")
    await migration_entry_wait(k, mm, ptep)


async def touch_pte(
    k: Kernel,
    vma: VmArea,
    address: VirtAddr,
    ptep: EntryPointer,
    pte: int,
    *,
    write: bool,
) -> None:
    """The entry is present after all: note the access, and let the CPU try again.

    Takes the page-table lock.  If there is nothing to note on a write, the CPU has
    faulted over a translation that is out of date, and is made to forget it.
    """
    async with pte_lockptr(vma.mm):
        if await ptep.read() != pte:
            return
        if not write:
            return  # the CPU sets A by itself
        if not pte_write(pte):
            raise NotImplementedError("copy on write")
        entry = pte_mkdirty(pte_mkyoung(pte))
        if entry != pte:
            await ptep.write(entry)
        await k.tlb_flush.flush_tlb_page(k, vma, address)


async def follow_page(
    k: Kernel, mm: Mm, address: VirtAddr, *, write: bool
) -> Page | None:
    """The page mapped at `address`, with a reference; None if a fault must come first.

    Takes the page-table lock.
    """
    ptep = await find_pte(k, mm, address)
    if ptep is None:
        return None
    async with pte_lockptr(mm):
        pte = await ptep.read()
        if not pte_present(pte) or (write and not pte_write(pte)):
            return None
        page = k.mem_map[pte_pfn(pte)]
        await get_page(page)
    return page


async def get_user_page(
    k: Kernel, mm: Mm, address: VirtAddr, *, write: bool
) -> Page | None:
    """get_user_pages for one page: faulted in if need be, with a reference.

    None if there is no VMA at `address`, not even a stack that could grow there.
    Needs mmap_sem for reading, or an address space that nobody else knows.
    """
    vma = await find_extend_vma(k, mm, address)
    if vma is None:
        return None
    while (page := await follow_page(k, mm, address, write=write)) is None:
        await handle_mm_fault(k, mm, vma, address, write=write)
    return page
