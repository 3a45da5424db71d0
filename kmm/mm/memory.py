"""Faults, and everything that fills, copies and empties page tables.

Linux: mm/memory.c.

A program's pages come one fault at a time.  A first read of anonymous memory gets the
zero page, a first write a page of its own.  After fork two processes have the same page
read-only; whoever writes first gets a copy, and the last one keeps the page
(`do_wp_page`).  A page that was swapped out comes back (`do_swap_page`), a file's page
comes from its address_space.

What is seen of an entry without its lock is only a hint.  So each function that changes
one has the same shape: prepare what may sleep, lock, look again, change.

Faults hold mmap_sem for reading, fork and munmap for writing; MADV_DONTNEED for
reading, and exit not at all, as no task has the address space by then.  What all of
them change, migration and reclaim change too, which hold no mmap_sem; between them is
the page-table lock, and for what a page is, PG_locked.

Left out: huge pages, nonlinear mappings (do_nonlinear_fault), page_mkwrite, and what
Linux does of the batching: latency breaks in fork and munmap.
"""

from __future__ import annotations

from attrs import field, frozen

from ..hw.memory import EntryPointer, VirtAddr
from ..hw.modes import P
from ..sim.access import read_once
from ..sim.failure import ModelFailure, not_null
from .errno import ENOMEM
from .filemap import NotInFile, find_lock_page
from .gfp import GFP_HIGHUSER_MOVABLE, GFP_ZERO
from .kernel import Kernel
from .migrate import migration_entry_wait
from .mm_types import (
    MM_ANONPAGES,
    MM_FILEPAGES,
    MM_SWAPENTS,
    PAGE,
    VM_LOCKED,
    VM_PFNMAP,
    VM_SHARED,
    VM_WRITE,
    AnonVma,
    Mm,
    Page,
    PageAnon,
    PageKsm,
    PG_dirty,
    PG_swapbacked,
    PG_uptodate,
    VmArea,
    is_cow_mapping,
)
from .page_alloc import alloc_page, get_page
from .pgtable import (
    filled_entries,
    find_pte,
    free_pgd_range,
    maybe_mkwrite,
    mk_pte,
    pmd_addr_end,
    pte_alloc,
    pte_dirty,
    pte_lockptr,
    pte_mkclean,
    pte_mkdirty,
    pte_mkold,
    pte_mkspecial,
    pte_mkyoung,
    pte_none,
    pte_present,
    pte_write,
    pte_wrprotect,
    pte_young,
    vm_normal_page,
)
from .rmap import (
    linear_page_index,
    page_add_anon_rmap,
    page_add_file_rmap,
    page_add_new_anon_rmap,
    page_anon,
    page_dup_rmap,
    page_move_anon_rmap,
    page_remove_rmap,
    unlink_anon_vmas,
)
from .swap import lru_add_drain, lru_cache_add_active_anon, mark_page_accessed, put_page
from .swap_state import (
    free_swap_and_cache,
    lookup_swap_cache,
    read_swap_cache_async,
    reuse_swap_page,
    try_to_free_swap,
)
from .swapfile import swap_duplicate, swap_free, vm_swap_full
from .swapops import (
    is_migration_entry,
    is_swap_entry,
    is_write_migration_entry,
    make_migration_entry_read,
)
from .tlb import (
    MmuGather,
    ptep_clear_flush,
    ptep_set_access_flags,
    ptep_set_wrprotect,
)
from .vma import unlink_file_vma
from .vmstat import count_vm_events

# What a fault handler says; 0 is: done, or try again.
VM_FAULT_OOM = 0x1
VM_FAULT_SIGBUS = 0x2
VM_FAULT_MAJOR = 0x4
VM_FAULT_WRITE = 0x8  # a write was made possible, though perhaps not in the entry
VM_FAULT_ERROR = VM_FAULT_OOM | VM_FAULT_SIGBUS


class OutOfMemory(ModelFailure):
    """VM_FAULT_OOM, with no killer of processes: `kernel.process` has what it ends."""

    kind = "corruption"


# Faults.


@frozen
class Fault:
    """What somebody tried to touch, and the entry for it (struct vm_fault).

    2.6.34 hands these on one by one; its struct vm_fault is for pages of files only.
    """

    mm: Mm
    vma: VmArea
    address: VirtAddr
    ptep: EntryPointer
    write: bool = field(kw_only=True)


async def handle_mm_fault(
    k: Kernel, mm: Mm, vma: VmArea, address: VirtAddr, *, write: bool
) -> int:
    """Find or make the entry for `address`, and deal with what is in it.

    Returns VM_FAULT_ bits; 0 also if somebody was faster, and the access is to be tried
    again.  Needs mmap_sem for reading, and the VMA to cover the address.  May sleep;
    takes page_table_lock, and what those below it take.
    """
    count_vm_events(k, "pgfault")
    ptep = await pte_alloc(k, mm, address)
    if ptep is None:
        return VM_FAULT_OOM
    return await handle_pte_fault(k, Fault(mm, vma, address, ptep, write=write))


async def handle_pte_fault(k: Kernel, fault: Fault) -> int:
    """Decide by an unlocked look at the entry; whoever acts on it looks again."""
    pte = await fault.ptep.read()
    if pte_none(pte):
        if fault.vma.vm_file is not None:
            return await do_linear_fault(k, fault)
        return await do_anonymous_page(k, fault)
    if not pte_present(pte):
        return await do_swap_page(k, fault, pte)
    return await touch_pte(k, fault, pte)


async def touch_pte(k: Kernel, fault: Fault, pte: int) -> int:
    """The entry is present after all: note the access, and let the CPU try again.

    Takes the page-table lock; do_wp_page is called with it.  If there is nothing to
    note on a write, the CPU has faulted over a translation that is out of date, and is
    made to forget it.
    """
    vma, address, ptep, write = fault.vma, fault.address, fault.ptep, fault.write
    ptl = pte_lockptr(fault.mm)
    await ptl.lock()
    if await ptep.read() != pte:
        await ptl.unlock()
        return 0
    if write and not pte_write(pte):
        return await do_wp_page(k, fault, pte)
    entry = pte_mkyoung(pte_mkdirty(pte) if write else pte)
    changed = await ptep_set_access_flags(k, vma, address, ptep, entry, dirty=write)
    if not changed and write:
        await k.tlb_flush.flush_tlb_page(k, vma, address)
    await ptl.unlock()
    return 0


async def do_anonymous_page(k: Kernel, fault: Fault) -> int:
    """A first touch.  Takes the page-table lock.

    A read gets the zero page, which is not counted and needs no anon_vma.  A write gets
    a page with two references, the entry's and the pagevec's, tied to the VMA's own
    anon_vma; it can be isolated, and so migrate, when the pagevec has been drained.
    """
    mm, vma, ptep = fault.mm, fault.vma, fault.ptep
    if not fault.write:
        pte = pte_mkspecial(mk_pte(k.zero_page, vma.vm_page_prot))
        async with pte_lockptr(mm):
            if pte_none(await ptep.read()):
                await ptep.write(pte)
        return 0
    await k.rmap_walk.anon_vma_prepare(k, vma)
    page = await alloc_page(k, GFP_HIGHUSER_MOVABLE | GFP_ZERO)
    if page is None:
        return VM_FAULT_OOM
    page.flags |= PG_uptodate
    async with pte_lockptr(mm):
        if pte_none(await ptep.read()):
            mm.rss_stat[MM_ANONPAGES] += 1
            page_add_new_anon_rmap(page, vma, fault.address)
            await lru_cache_add_active_anon(k, page)
            pte = maybe_mkwrite(pte_mkdirty(mk_pte(page, vma.vm_page_prot)), vma)
            await ptep.write(pte)
            return 0
    await put_page(k, page)  # somebody was faster
    return 0


async def do_wp_page(k: Kernel, fault: Fault, pte: int) -> int:
    """A write to a page that is mapped read-only: take it, or copy it.

    An anonymous page is taken if no other entry has it, mapped or in swap; a file's, if
    the VMA shares it.  Needs the page-table lock, which is given back; sleeps for the
    page's lock without it.
    """
    vma = fault.vma
    ptl = pte_lockptr(fault.mm)
    old = vm_normal_page(k, pte)
    mapping = await read_once(old, PAGE.mapping) if old is not None else None
    if old is not None and isinstance(mapping, AnonVma):  # and not KSM's
        if not await old.locked.trylock():
            # Sleep for it without the lock, and see whether the entry is still there.
            await get_page(old)
            await ptl.unlock()
            await old.locked.lock()
            await ptl.lock()
            if await fault.ptep.read() != pte:
                await old.locked.unlock()
                await ptl.unlock()
                await put_page(k, old)
                return 0
            await put_page(k, old)
        reuse = await reuse_swap_page(k, old)
        if reuse:
            await page_move_anon_rmap(old, vma, fault.address)
        await old.locked.unlock()
        if reuse:
            return await reuse_page(k, fault, pte)
    elif old is not None and vma.vm_flags & (VM_WRITE | VM_SHARED) == (
        VM_WRITE | VM_SHARED
    ):
        return await reuse_page(k, fault, pte)
    if old is not None:
        await get_page(old)
    await ptl.unlock()
    return await wp_page_copy(k, fault, pte, old)


async def reuse_page(k: Kernel, fault: Fault, pte: int) -> int:
    """Let the program write to the page it has.

    Needs the page-table lock, which is given back.
    """
    vma = fault.vma
    entry = maybe_mkwrite(pte_mkdirty(pte_mkyoung(pte)), vma)
    await ptep_set_access_flags(k, vma, fault.address, fault.ptep, entry, dirty=True)
    await pte_lockptr(fault.mm).unlock()
    return VM_FAULT_WRITE


async def wp_page_copy(k: Kernel, fault: Fault, pte: int, old: Page | None) -> int:
    """Give the program a copy of `old`, or of the zero page (None).

    In 2.6.34 the end of do_wp_page.  Takes the page-table lock, and drops the caller's
    reference to `old`.  The order of the changes matters: no CPU of this process may
    see the old page any more (ptep_clear_flush) when its mapping is taken off, since it
    may then be somebody else's alone, to be written to without a copy.
    """
    mm, vma, address, ptep = fault.mm, fault.vma, fault.address, fault.ptep
    await k.rmap_walk.anon_vma_prepare(k, vma)
    gfp = GFP_HIGHUSER_MOVABLE | (0 if old else GFP_ZERO)
    new = await alloc_page(k, gfp)
    if new is None:
        if old is not None:
            await put_page(k, old)
        return VM_FAULT_OOM
    if old is not None:
        await k.memory.copy_frame(new.pfn, old.pfn)
    new.flags |= PG_uptodate
    ptl = pte_lockptr(mm)
    await ptl.lock()
    if await ptep.read() != pte:
        await ptl.unlock()
        await put_page(k, new)
        if old is not None:
            await put_page(k, old)
        return 0
    if old is None or not await page_anon(old):
        if old is not None:
            mm.rss_stat[MM_FILEPAGES] -= 1
        mm.rss_stat[MM_ANONPAGES] += 1
    await ptep_clear_flush(k, vma, address, ptep)
    page_add_new_anon_rmap(new, vma, address)
    await lru_cache_add_active_anon(k, new)
    await ptep.write(maybe_mkwrite(pte_mkdirty(mk_pte(new, vma.vm_page_prot)), vma))
    if old is not None:
        await page_remove_rmap(old)
    await ptl.unlock()
    if old is not None:
        await put_page(k, old)  # the entry's reference
        await put_page(k, old)  # and the caller's
    return VM_FAULT_WRITE


async def do_swap_page(k: Kernel, fault: Fault, pte: int) -> int:
    """An entry that is neither empty nor present: a migration entry, or a swap entry.

    Takes the page's lock, then the page-table lock.  The unlocked `pte` is good enough
    to tell which of the two it is: a migration entry is looked at again under the lock,
    and so is the entry before the page is mapped.  But 2.6.34 does not ask again, when
    it has the page's lock, whether the page is in the swap cache still (4969c1192d1,
    2.6.36, does).

    Two things differ.  Linux holds the page-table lock from the look at the entry to
    the end of do_wp_page; here it is given back before swap_free, and for do_wp_page
    taken again, with another look.  A page that could not be read is VM_FAULT_SIGBUS
    there; here it is tried again, as no read fails.
    """
    mm, vma, ptep, write = fault.mm, fault.vma, fault.ptep, fault.write
    if is_migration_entry(pte):
        await migration_entry_wait(k, mm, ptep)
        return 0
    result = 0
    page = await lookup_swap_cache(k, pte)
    if page is None:
        page = await read_swap_cache_async(k, pte)
        if page is None:
            return VM_FAULT_OOM if await ptep.read() == pte else 0
        count_vm_events(k, "pgmajfault")
        result = VM_FAULT_MAJOR
    await page.locked.lock()
    cached = page
    page = await ksm_might_need_to_copy(k, cached, vma, fault.address)
    if page is None:
        await cached.locked.unlock()
        await put_page(k, cached)
        return VM_FAULT_OOM
    ptl = pte_lockptr(mm)
    await ptl.lock()
    if await ptep.read() != pte or not page.flags & PG_uptodate:
        await ptl.unlock()
        await page.locked.unlock()
        await put_page(k, page)
        return 0
    mm.rss_stat[MM_ANONPAGES] += 1
    mm.rss_stat[MM_SWAPENTS] -= 1
    entry = mk_pte(page, vma.vm_page_prot)
    if write and await reuse_swap_page(k, page):
        entry = maybe_mkwrite(pte_mkdirty(entry), vma)
        write = False
    await ptep.write(entry)
    await page_add_anon_rmap(page, vma, fault.address)
    await ptl.unlock()
    await swap_free(k, pte)
    if await vm_swap_full(k) or vma.vm_flags & VM_LOCKED:
        await try_to_free_swap(k, page)
    await page.locked.unlock()
    if write:
        await ptl.lock()
        now = await ptep.read()
        if now == entry:
            return result | await do_wp_page(k, fault, now)
        await ptl.unlock()
    return result


async def ksm_might_need_to_copy(
    k: Kernel, page: Page, vma: VmArea, address: VirtAddr
) -> Page | None:
    """A page that KSM shared before it was swapped out may not be this VMA's to map.

    The page itself, locked; or a copy, locked, in its place; None if there is no
    memory.  (mm/ksm.c.  Needs `page` locked; with the lock goes its reference.)

    The VMA's page is one of any anon_vma of its chain, which is the model's own rule.
    2.6.34 compares with vma->anon_vma alone, and so copies what is tied to an older one
    for nothing; later kernels compare the roots of the two.
    """
    if not PageAnon(page) or PageKsm(page):
        return page  # not mapped since it was read, or shared by KSM still
    is_mine = any(avc.anon_vma is page.mapping for avc in vma.anon_vma_chain)
    if is_mine and page.index == linear_page_index(vma, address):
        return page
    copy = await alloc_page(k, GFP_HIGHUSER_MOVABLE)
    if copy is None:
        return None
    await k.memory.copy_frame(copy.pfn, page.pfn)
    copy.flags |= PG_uptodate | PG_dirty | PG_swapbacked
    await copy.locked.lock()
    await lru_cache_add_active_anon(k, copy)
    await page.locked.unlock()
    await put_page(k, page)
    return copy


async def do_linear_fault(k: Kernel, fault: Fault) -> int:
    """A first touch of a file's page (__do_fault).

    A write to a private mapping gets a copy at once.  Beyond the end of the file it is
    VM_FAULT_SIGBUS.  Takes the page's lock, then the page-table lock.
    """
    vma = fault.vma
    assert vma.vm_file is not None
    index = linear_page_index(vma, fault.address)
    private_write = fault.write and not vma.vm_flags & VM_SHARED
    if private_write:
        await k.rmap_walk.anon_vma_prepare(k, vma)
    try:
        page = await find_lock_page(k, vma.vm_file.f_mapping, index)
    except NotInFile:
        return VM_FAULT_SIGBUS
    if page is None:
        return VM_FAULT_OOM
    mapped = page
    if private_write:
        copy = await alloc_page(k, GFP_HIGHUSER_MOVABLE)
        if copy is None:
            await page.locked.unlock()
            await put_page(k, page)
            return VM_FAULT_OOM
        await k.memory.copy_frame(copy.pfn, page.pfn)
        copy.flags |= PG_uptodate
        mapped = copy
    async with pte_lockptr(fault.mm):
        if pte_none(await fault.ptep.read()):
            await map_file_page(k, fault, mapped)
            unneeded = page if private_write else None
        else:
            unneeded = mapped
            if private_write:
                await put_page(k, page)
    await page.locked.unlock()
    if unneeded is not None:
        await put_page(k, unneeded)
    return 0


async def map_file_page(k: Kernel, fault: Fault, page: Page) -> None:
    """Map a file's page, or a private copy of it.

    Needs the page-table lock, and the file's page locked.
    """
    mm, vma, write = fault.mm, fault.vma, fault.write
    pte = mk_pte(page, vma.vm_page_prot)
    if write:
        pte = maybe_mkwrite(pte_mkdirty(pte), vma)
    if PageAnon(page) or page.mapping is None:
        mm.rss_stat[MM_ANONPAGES] += 1
        page_add_new_anon_rmap(page, vma, fault.address)
        await lru_cache_add_active_anon(k, page)
    else:
        mm.rss_stat[MM_FILEPAGES] += 1
        await page_add_file_rmap(page)
        if write:
            page.flags |= PG_dirty
    await fault.ptep.write(pte)


# Looking a page up for the kernel's own use.


async def follow_page(
    k: Kernel, mm: Mm, address: VirtAddr, *, write: bool
) -> Page | None:
    """The page mapped at `address`, with a reference; None if a fault must come first.

    A migration entry and a swap entry are not a page, nor is one that may not be
    written to, if `write`.  The zero page is returned too, with a reference.  Needs
    mmap_sem; takes the page-table lock.
    """
    ptep = await find_pte(k, mm, address)
    if ptep is None:
        return None
    async with pte_lockptr(mm):
        pte = await ptep.read()
        if not pte & P or (write and not pte_write(pte)):
            return None
        page = vm_normal_page(k, pte) or k.zero_page
        await get_page(page)
    return page


# fork.


async def copy_page_range(k: Kernel, dst: Mm, src: Mm, vma: VmArea) -> int:
    """Give a child the parent's entries of one VMA; 0, or -ENOMEM.

    `vma` is the parent's.  What faults can bring back, that is a VMA without an
    anon_vma, is left to them.  Needs both mmap_sems for writing.
    """
    if not vma.vm_flags & VM_PFNMAP and vma.anon_vma is None:
        return 0
    address = vma.vm_start
    while address < vma.vm_end:
        end = pmd_addr_end(address, vma.vm_end)
        source = await find_pte(k, src, address)
        if source is not None:
            destination = await pte_alloc(k, dst, address)
            if destination is None:
                return -ENOMEM
            await copy_pte_range(k, dst, src, vma, source, address, end)
        address = end
    return 0


async def copy_pte_range(
    k: Kernel,
    dst: Mm,
    src: Mm,
    vma: VmArea,
    source: EntryPointer,
    start: VirtAddr,
    end: VirtAddr,
) -> None:
    """Copy what one bottom table holds.  Takes the child's lock, then the parent's.

    Both are held throughout: a walk that waits for one entry's lock finds the entry in
    the parent as it was before, or in both as it is after.
    """
    async with pte_lockptr(dst), pte_lockptr(src).nested(1):
        for address, src_pte in filled_entries(k, source, start, end):
            found = await find_pte(k, dst, address)
            dst_pte = not_null(found, f"no table at {address:#x}")
            await copy_one_pte(k, dst, src, vma, src_pte, dst_pte)


async def copy_one_pte(
    k: Kernel,
    dst: Mm,
    src: Mm,
    vma: VmArea,
    src_pte: EntryPointer,
    dst_pte: EntryPointer,
) -> None:
    """Copy one entry; what may be written by both is made read-only in both.

    A migration entry is copied as it is, or to be restored read-only in both; it is no
    mapping and no reference, so nothing is counted, and MM_ANONPAGES of the child will
    be one too low.  The parent's CPUs may write by their TLBs until the flush at the
    end of the fork.  Needs both page-table locks.
    """
    pte = await src_pte.read()
    if not pte_present(pte):
        if is_swap_entry(pte):
            await swap_duplicate(k, pte)
            dst.rss_stat[MM_SWAPENTS] += 1
        elif is_write_migration_entry(pte) and is_cow_mapping(vma.vm_flags):
            pte = make_migration_entry_read(pte)
            await src_pte.write(pte)
        await dst_pte.write(pte)
        return
    if is_cow_mapping(vma.vm_flags):
        await ptep_set_wrprotect(src_pte)
        pte = pte_wrprotect(await src_pte.read())
    if vma.vm_flags & VM_SHARED:
        pte = pte_mkclean(pte)
    pte = pte_mkold(pte)
    page = vm_normal_page(k, pte)
    if page is not None:
        await get_page(page)
        await page_dup_rmap(page)
        kind = MM_ANONPAGES if await page_anon(page) else MM_FILEPAGES
        dst.rss_stat[kind] += 1
    await dst_pte.write(pte)


# Unmapping.


async def unmap_vmas(
    k: Kernel, tlb: MmuGather, vmas: list[VmArea], start: int, end: int
) -> None:
    """Empty the entries of [start, end) in these VMAs.

    Each page is given back when CPUs have forgotten it (`tlb`, which the caller
    flushes).  The VMAs are on their rmap lists still, so walks may come by.  Needs
    mmap_sem, or that no task has the mm.
    """
    for vma in vmas:
        first, last = max(start, vma.vm_start), min(end, vma.vm_end)
        address = VirtAddr(first)
        while address < last:
            upto = pmd_addr_end(address, last)
            ptep = await find_pte(k, vma.mm, address)
            if ptep is not None:
                await zap_pte_range(k, tlb, vma, ptep, address, upto)
            address = upto


async def zap_pte_range(
    k: Kernel,
    tlb: MmuGather,
    vma: VmArea,
    ptep: EntryPointer,
    start: VirtAddr,
    end: VirtAddr,
) -> None:
    """Empty what one bottom table holds.  Takes the page-table lock."""
    mm = vma.mm
    async with pte_lockptr(mm):
        for _, slot in filled_entries(k, ptep, start, end):
            pte = await slot.exchange(0)
            if pte_present(pte):
                tlb.need_flush = True
                page = vm_normal_page(k, pte)
                if page is None:
                    continue
                await zap_page(k, mm, page, pte)
                await tlb.remove_page(k, page)
            elif is_swap_entry(pte):
                mm.rss_stat[MM_SWAPENTS] -= 1
                await free_swap_and_cache(k, pte)
            # A migration entry is simply gone: it is no mapping and holds nothing.
            # MM_ANONPAGES still counts it, as in 2.6.34.


async def zap_page(k: Kernel, mm: Mm, page: Page, pte: int) -> None:
    """Account for the end of a present entry, whose flags may matter to a file.

    Needs the page-table lock.  The entry's reference is left to the caller.
    """
    if await page_anon(page):
        mm.rss_stat[MM_ANONPAGES] -= 1
    else:
        mm.rss_stat[MM_FILEPAGES] -= 1
        if pte_dirty(pte):
            page.flags |= PG_dirty
        if pte_young(pte):
            await mark_page_accessed(k, page)
    await page_remove_rmap(page)


async def zap_page_range(
    k: Kernel, vma: VmArea, start: VirtAddr, end: VirtAddr
) -> None:
    """Give up the pages of a range within a VMA, which stays (MADV_DONTNEED).

    Needs mmap_sem for reading.
    """
    await lru_add_drain(k)
    tlb = MmuGather(vma.mm)
    await unmap_vmas(k, tlb, [vma], start, end)
    await tlb.flush(k)


async def free_pgtables(
    k: Kernel, mm: Mm, vmas: list[VmArea], floor: int, ceiling: int
) -> None:
    """Take VMAs off all rmap lists, and then free the tables that only they needed.

    In this order: a walk that still finds the VMA may be looking at its tables.  What
    several of the VMAs needed goes with the last of them.  `floor` and `ceiling` are
    where the neighbours end and begin; a ceiling of 0 is none.  Needs mmap_sem for
    writing, or that no task has the mm.
    """
    for place, vma in enumerate(vmas):
        above = vmas[place + 1].vm_start if place + 1 < len(vmas) else ceiling
        await unlink_anon_vmas(vma)
        await unlink_file_vma(vma)
        await free_pgd_range(k, mm, vma.vm_start, vma.vm_end, floor, above)
