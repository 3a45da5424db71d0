"""Page tables: what an entry says, and how Linux finds and makes the tables.

Linux: arch/x86/include/asm/pgtable*.h, mm/memory.c (__pte_alloc and its kin).

Protection is done in the bottom entry alone: upper ones allow everything.  An entry
that is not present belongs to Linux, which keeps swap and migration entries there
(`swapops`).
"""

from __future__ import annotations

from ..hw.memory import (
    PAGE_SHIFT,
    EntryPointer,
    Pfn,
    PhysAddr,
    VirtAddr,
)
from ..hw.modes import LONG, RW, US, USUAL_CPU, XD, A, D, Level, P, levels_of
from ..sim.locks import SpinLock
from .kernel import Kernel
from .mm_types import VM_EXEC, VM_WRITE, Mm, Page, VmArea
from .page_alloc import alloc_zeroed_page, put_page

# pgd, pud, pmd, pte.
LEVELS = levels_of(LONG, USUAL_CPU, pse=True, nxe=True)
ADDRESS = LEVELS[-1].page_address  # where an entry has the number of a frame

PAGE_TABLE_BITS = P | RW | US | A | D  # _PAGE_TABLE

PMD_SIZE = LEVELS[2].size


def pte_none(pte: int) -> bool:
    return pte == 0


def pte_present(pte: int) -> bool:
    return bool(pte & P)


def pte_write(pte: int) -> bool:
    return bool(pte & RW)


def pte_dirty(pte: int) -> bool:
    return bool(pte & D)


def pte_pfn(pte: int) -> Pfn:
    return Pfn((pte & ADDRESS) >> PAGE_SHIFT)


def pte_mkold(pte: int) -> int:
    return pte & ~A


def pte_mkyoung(pte: int) -> int:
    return pte | A


def pte_mkwrite(pte: int) -> int:
    return pte | RW


def pte_mkdirty(pte: int) -> int:
    return pte | D


def vm_get_page_prot(vm_flags: int) -> int:
    """The bits of an entry in a private mapping with these flags.

    Never writable: a fault that may write adds that bit itself.  Young from the start.
    """
    prot = P | US | A
    if not vm_flags & VM_EXEC:
        prot |= XD
    return prot


def mk_pte(page: Page, prot: int) -> int:
    """An entry that maps `page` with the bits `prot`."""
    return (page.pfn << PAGE_SHIFT) | prot


def maybe_mkwrite(pte: int, vma: VmArea) -> int:
    """Writable if the VMA is."""
    return pte_mkwrite(pte) if vma.vm_flags & VM_WRITE else pte


async def find_pmd(k: Kernel, mm: Mm, address: VirtAddr) -> EntryPointer | None:
    """Where the entry for the bottom table of `address` is; None if there is no path.

    pgd_offset, pud_offset and pmd_offset.  Needs no lock: a table is freed only when
    its VMA cannot be found any more.
    """
    table = mm.pgd
    for level in LEVELS[:2]:
        entry = await level.slot(k.memory, table, address).read()
        if not entry & P:
            return None
        table = PhysAddr(entry & ADDRESS)
    return LEVELS[2].slot(k.memory, table, address)


async def find_pte(k: Kernel, mm: Mm, address: VirtAddr) -> EntryPointer | None:
    """Where the bottom entry for `address` is; None if there is no table for it."""
    pmd = await find_pmd(k, mm, address)
    if pmd is None:
        return None
    entry = await pmd.read()
    if not entry & P:
        return None
    return LEVELS[3].slot(k.memory, PhysAddr(entry & ADDRESS), address)


async def pte_alloc(k: Kernel, mm: Mm, address: VirtAddr) -> EntryPointer | None:
    """Where the bottom entry for `address` is, with missing tables made.

    None if memory ran out.  Takes mm.page_table_lock.
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

    The frame is taken before the lock, since taking one may sleep; whoever comes
    second finds the slot filled and gives its frame back.
    """
    page = await alloc_zeroed_page(k)
    if page is None:
        return None
    async with mm.page_table_lock:
        entry = await slot.read()
        if not entry & P:
            entry = (page.pfn << PAGE_SHIFT) | PAGE_TABLE_BITS
            await slot.write(entry)
            mm.nr_ptes += level is LEVELS[2]
            return entry
    await put_page(k, page)
    return entry


def pte_lockptr(mm: Mm) -> SpinLock:
    """The lock of the bottom tables: one for all of them, on fewer than 4 CPUs."""
    return mm.page_table_lock


async def free_pgd_range(
    k: Kernel, mm: Mm, start: VirtAddr, end: VirtAddr, floor: VirtAddr, ceiling: int
) -> None:
    """Free the bottom tables of [start, end), if they reach into no neighbour.

    Nothing below `floor`, or from `ceiling` on (0: no limit), may lose its table.
    Upper tables stay until exit.  The range has nothing mapped in it any more.
    Takes mm.page_table_lock.

    A CPU may be walking a table, or remember that it was there.  So the frames are
    gathered, and given back only when every CPU has flushed (tlb_finish_mmu).
    """
    gathered: list[Page] = []
    first = start & -PMD_SIZE
    if first < floor:
        first += PMD_SIZE
    if ceiling and end > ceiling & -PMD_SIZE:
        end = VirtAddr(end - PMD_SIZE)
    for address in range(first, end, PMD_SIZE):
        pmd = await find_pmd(k, mm, VirtAddr(address))
        if pmd is None:
            continue
        async with mm.page_table_lock:
            entry = await pmd.exchange(0)
            mm.nr_ptes -= entry & P
        if entry & P:
            gathered.append(k.mem_map[pte_pfn(entry)])
    if gathered:
        await k.tlb_flush.flush_tlb_mm(k, mm)
    for table in gathered:
        await put_page(k, table)
