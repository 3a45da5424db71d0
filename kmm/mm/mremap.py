"""Moving page-table entries from one range of addresses to another.

Linux: mm/mremap.c.  Used by exec, which lowers a new stack to its final place.
"""

from __future__ import annotations

from ..hw.memory import PAGE_SIZE, EntryPointer, VirtAddr
from .kernel import Kernel
from .mm_types import VmArea
from .pgtable import PMD_SIZE, find_pte, pte_alloc, pte_lockptr, pte_none
from .tlb import ptep_clear_flush

LATENCY_LIMIT = 64 * PAGE_SIZE  # bytes moved under one hold of the lock


async def move_page_tables(
    k: Kernel,
    vma: VmArea,
    old: VirtAddr,
    new_vma: VmArea,
    new: VirtAddr,
    length: int,
) -> int:
    """Move the entries of [old, old + length) to `new`; return the bytes done.

    Needs mmap_sem for writing.  Fewer bytes than asked for means that there was no
    memory for a page table.  The caller keeps rmap walks away, or does not.
    """
    done = 0
    while done < length:
        extent = min(
            length - done,
            LATENCY_LIMIT,
            to_table_end(old + done),
            to_table_end(new + done),
        )
        if await find_pte(k, vma.mm, VirtAddr(old + done)) is not None:
            if await pte_alloc(k, new_vma.mm, VirtAddr(new + done)) is None:
                break
            await move_ptes(
                k, vma, VirtAddr(old + done), new_vma, VirtAddr(new + done), extent
            )
        done += extent
    return done


def to_table_end(address: int) -> int:
    """Bytes from `address` to the end of what its bottom table spans."""
    return PMD_SIZE - address % PMD_SIZE


async def move_ptes(
    k: Kernel,
    vma: VmArea,
    old: VirtAddr,
    new_vma: VmArea,
    new: VirtAddr,
    extent: int,
) -> None:
    """Move the entries that two bottom tables hold for `extent` bytes.

    Holds the page-table lock throughout.  An entry goes over as it is, be it present
    or a migration entry.  Between the two stores it is in neither place, and only
    those who take the page-table lock are kept from seeing that.
    """
    async with pte_lockptr(vma.mm):
        for offset in range(0, extent, PAGE_SIZE):
            address = VirtAddr(old + offset)
            source = await entry_at(k, vma, address)
            if pte_none(await source.read()):
                continue
            pte = await ptep_clear_flush(k, vma, address, source)
            destination = await entry_at(k, new_vma, VirtAddr(new + offset))
            await destination.write(pte)


async def entry_at(k: Kernel, vma: VmArea, address: VirtAddr) -> EntryPointer:
    """The entry for an address whose table is known to be there."""
    ptep = await find_pte(k, vma.mm, address)
    assert ptep is not None
    return ptep
