"""Page tables: what an entry says, and how Linux finds and makes the tables.

Linux: arch/x86/include/asm/pgtable*.h, mm/memory.c (__pte_alloc and its kin,
free_pgd_range).  Used by everything that looks at or changes an entry.

A table has 512 entries of 8 bytes, on four levels: pgd, pud, pmd, pte.  An entry is an
`int` here, its place in RAM an `EntryPointer`, each access to which is a step of its
own: the CPU's walk may come in between.

Protection is done in the bottom entry alone: upper ones allow everything.  An entry
that is not present belongs to Linux, which keeps swap and migration entries there
(`swapops`).

Lock: one for a whole address space, mm.page_table_lock.  Under it the upper entries are
changed, and the bottom ones, for which it is called the page-table lock, as in Linux
each bottom table may have its own (`pte_lockptr`).  Walking down needs none
(`find_pmd`).

Left out: the kernel's half of the address space, large pages, cache attributes.
"""

from __future__ import annotations

from ..hw.memory import (
    PAGE_SHIFT,
    PAGE_SIZE,
    EntryPointer,
    Pfn,
    PhysAddr,
    VirtAddr,
)
from ..hw.modes import LONG, RW, US, USUAL_CPU, XD, A, D, Level, P, levels_of
from ..sim.locks import SpinLock
from .kernel import Kernel
from .mm_types import VM_EXEC, VM_READ, VM_SHARED, VM_WRITE, Mm, Page, VmArea
from .page_alloc import alloc_zeroed_page
from .swap import put_page
from .vmstat import add_page_state

# pgd, pud, pmd, pte.
LEVELS = levels_of(LONG, USUAL_CPU, pse=True, nxe=True)
ADDRESS = LEVELS[-1].page_address  # where an entry has the number of a frame

PAGE_TABLE_BITS = P | RW | US | A | D  # _PAGE_TABLE

# Bits that the CPU leaves to Linux.
PROTNONE = 1 << 8  # with P clear: there is a page, and nobody may touch it
SPECIAL = 1 << 9  # a page that is not counted: the zero page

# What pte_modify keeps of an entry.
PTE_CHG_MASK = ADDRESS | SPECIAL | A | D

PMD_SIZE = LEVELS[2].size


# What an entry says, and entries that say otherwise.  Each takes a value, not a place.


def pte_none(pte: int) -> bool:
    return pte == 0


def pte_present(pte: int) -> bool:
    """Whether there is a page; with PROT_NONE the CPU sees none all the same."""
    return bool(pte & (P | PROTNONE))


def pte_special(pte: int) -> bool:
    return bool(pte & SPECIAL)


def pte_write(pte: int) -> bool:
    return bool(pte & RW)


def pte_dirty(pte: int) -> bool:
    return bool(pte & D)


def pte_pfn(pte: int) -> Pfn:
    return Pfn((pte & ADDRESS) >> PAGE_SHIFT)


def pte_young(pte: int) -> bool:
    return bool(pte & A)


def pte_mkold(pte: int) -> int:
    return pte & ~A


def pte_mkyoung(pte: int) -> int:
    return pte | A


def pte_wrprotect(pte: int) -> int:
    return pte & ~RW


def pte_mkwrite(pte: int) -> int:
    return pte | RW


def pte_mkclean(pte: int) -> int:
    return pte & ~D


def pte_mkdirty(pte: int) -> int:
    return pte | D


def pte_modify(pte: int, prot: int) -> int:
    """The same page with other rights; accessed and dirty flags stay."""
    return (pte & PTE_CHG_MASK) | (prot & ~PTE_CHG_MASK)


def vm_get_page_prot(vm_flags: int) -> int:
    """The bits of an entry in a mapping with these flags (protection_map).

    Young from the start.  A private mapping is never writable by these: a fault that
    may write adds that bit itself, having made a copy if need be.  Whatever may be
    written or executed may be read, since x86 cannot say otherwise.
    """
    if not vm_flags & (VM_READ | VM_WRITE | VM_EXEC):
        return PROTNONE | A
    prot = P | US | A
    if not vm_flags & VM_EXEC:
        prot |= XD
    if vm_flags & VM_WRITE and vm_flags & VM_SHARED:
        prot |= RW
    return prot


def mk_pte(page: Page, prot: int) -> int:
    """An entry that maps `page` with the bits `prot`."""
    return (page.pfn << PAGE_SHIFT) | prot


def pte_mkspecial(pte: int) -> int:
    return pte | SPECIAL


def maybe_mkwrite(pte: int, vma: VmArea) -> int:
    """Writable if the VMA is."""
    return pte_mkwrite(pte) if vma.vm_flags & VM_WRITE else pte


def vm_normal_page(k: Kernel, pte: int) -> Page | None:
    """The page that a present entry maps; None for the zero page, which is special."""
    return None if pte_special(pte) else k.mem_map[pte_pfn(pte)]


# The way down.


async def find_pmd(k: Kernel, mm: Mm, address: VirtAddr) -> EntryPointer | None:
    """Where the entry for the bottom table of `address` is; None if there is no path.

    pgd_offset, pud_offset and pmd_offset.  Needs no lock of its own, but mmap_sem, or
    the lock of a list that the VMA is on: munmap takes a VMA off all lists before it
    frees its tables, and needs both locks for that.
    """
    return await find_slot(k, mm, address, 2)


async def find_pte(k: Kernel, mm: Mm, address: VirtAddr) -> EntryPointer | None:
    """Where the bottom entry for `address` is; None if there is no table for it.

    To be called as find_pmd is.
    """
    pmd = await find_pmd(k, mm, address)
    if pmd is None:
        return None
    entry = await pmd.read()
    if not entry & P:
        return None
    return LEVELS[3].slot(k.memory, PhysAddr(entry & ADDRESS), address)


async def pte_alloc(k: Kernel, mm: Mm, address: VirtAddr) -> EntryPointer | None:
    """Where the bottom entry for `address` is, with missing tables made.

    None if memory ran out.  Needs mmap_sem.  May sleep; takes mm.page_table_lock.
    """
    table = mm.pgd
    for level in LEVELS[:3]:
        slot = level.slot(k.memory, table, address)
        entry = await slot.read()
        if not entry & P:
            made = await populate(k, mm, level, slot)
            if made is None:
                return None
            entry = made
        table = PhysAddr(entry & ADDRESS)
    return LEVELS[3].slot(k.memory, table, address)


async def populate(k: Kernel, mm: Mm, level: Level, slot: EntryPointer) -> int | None:
    """Hang a new table into `slot` (__pud_alloc, __pmd_alloc, __pte_alloc).

    Returns the entry; None if memory ran out.  The frame is taken before the lock,
    since taking one may sleep; whoever comes second finds the slot filled and gives its
    frame back.
    """
    page = await alloc_zeroed_page(k)
    if page is None:
        return None
    async with mm.page_table_lock:
        entry = await slot.read()
        if not entry & P:
            entry = (page.pfn << PAGE_SHIFT) | PAGE_TABLE_BITS
            await slot.write(entry)
            if level is LEVELS[2]:
                mm.nr_ptes += 1
                add_page_state(page, "nr_page_table_pages", +1)
            return entry
    await put_page(k, page)
    return entry


def pte_lockptr(mm: Mm) -> SpinLock:
    """The lock of the bottom tables: one for all of them.

    So it is in Linux if built for fewer than 4 CPUs; else each table has its own.
    """
    return mm.page_table_lock


def filled_entries(
    k: Kernel, ptep: EntryPointer, start: VirtAddr, end: VirtAddr
) -> list[tuple[VirtAddr, EntryPointer]]:
    """The entries of one bottom table that are not empty, for [start, end).

    `ptep` is the entry for `start`; `end` is in the same table, or its end.  Needs the
    page-table lock, under which nobody fills an entry that is empty.
    """
    first = LEVELS[3].index(start)
    base = start - (first << PAGE_SHIFT)
    table = PhysAddr(ptep.address & -PAGE_SIZE)
    last = first + ((end - start) >> PAGE_SHIFT)
    return [
        (
            VirtAddr(base + (index << PAGE_SHIFT)),
            k.memory.pointer(PhysAddr(table + index * LEVELS[3].entry_bytes)),
        )
        for index, _ in k.memory.entries(Pfn(table >> PAGE_SHIFT))
        if first <= index < last
    ]


def pmd_addr_end(address: int, end: int) -> VirtAddr:
    """Where the bottom table of `address` ends, or `end` if that comes first."""
    return VirtAddr(min((address & -PMD_SIZE) + PMD_SIZE, end))


async def free_pgd_range(
    k: Kernel, mm: Mm, start: VirtAddr, end: VirtAddr, floor: int, ceiling: int
) -> None:
    """Free the tables that [start, end) needed, if they reach into no neighbour.

    Nothing below `floor`, or from `ceiling` on (0: no limit), may lose its table.  The
    range has nothing mapped in it any more.  Needs mmap_sem for writing, or that no
    task has the mm; takes mm.page_table_lock.

    No walk can find the VMA any more, if munmap calls.  exec frees the tables of its
    stack's old place while the VMA is on its lists still; what a walk that has worked
    out an old address finds by then is left to chance, here as in Linux.

    A CPU may be walking a table, or remember that it was there.  So the frames are
    gathered, and given back only when every CPU has flushed (tlb_finish_mmu).
    """
    gathered: list[Page] = []
    for number in (2, 1, 0):
        size = LEVELS[number].size
        for address in range(start & -size, end, size):
            if floor <= address and (not ceiling or address + size <= ceiling):
                slot = await find_slot(k, mm, VirtAddr(address), number)
                if slot is not None:
                    await unhang(k, mm, slot, number, gathered)
    if gathered:
        await k.tlb_flush.flush_tlb_mm(k, mm)
    for table in gathered:
        await put_page(k, table)


async def find_slot(
    k: Kernel, mm: Mm, address: VirtAddr, number: int
) -> EntryPointer | None:
    """The entry for `address` in the table of level `number`; 0 is the top one.

    None if there is no such table.
    """
    table = mm.pgd
    for level in LEVELS[:number]:
        entry = await level.slot(k.memory, table, address).read()
        if not entry & P:
            return None
        table = PhysAddr(entry & ADDRESS)
    return LEVELS[number].slot(k.memory, table, address)


async def unhang(
    k: Kernel, mm: Mm, slot: EntryPointer, number: int, gathered: list[Page]
) -> None:
    """Take a table out of the one above it, to be freed: it goes to `gathered`.

    `number` is the level of `slot`.  Takes mm.page_table_lock.
    """
    async with mm.page_table_lock:
        entry = await slot.exchange(0)
    if not entry & P:
        return
    page = k.mem_map[pte_pfn(entry)]
    gathered.append(page)
    if number == 2:
        mm.nr_ptes -= 1
        add_page_state(page, "nr_page_table_pages", -1)
