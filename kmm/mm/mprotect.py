"""Changing what a range of addresses may be used for.

Linux: mm/mprotect.c.  The rights are stored in the VMA first, for faults to come, and
in the entries then, for the CPUs; those that remember the old ones are made to forget.
Cutting VMAs for it is what most of the races are about (`vma.vma_adjust`).

Left out: huge pages, dirty tracking of shared files, the commit limit.
"""

from __future__ import annotations

from ..hw.memory import PAGE_MASK, VirtAddr
from ..sim.access import write_once
from .errno import EACCES, EINVAL, ENOMEM
from .kernel import Kernel
from .mm_types import (
    VM_ACCOUNT,
    VM_EXEC,
    VM_MAYEXEC,
    VM_MAYREAD,
    VM_MAYWRITE,
    VM_NORESERVE,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
    VMA,
    Mm,
    VmArea,
)
from .mmap import page_align
from .pgtable import (
    filled_entries,
    find_pte,
    pmd_addr_end,
    pte_lockptr,
    pte_modify,
    pte_present,
    vm_get_page_prot,
)
from .swapops import is_write_migration_entry, make_migration_entry_read
from .vma import Part, parts_of_range, vma_modify

VM_ACCESS = VM_READ | VM_WRITE | VM_EXEC


async def do_mprotect(k: Kernel, mm: Mm, start: int, length: int, prot: int) -> int:
    """Give a range other rights; 0 or an error.  Needs mmap_sem for writing.

    `length` in bytes, `prot` with PROT_ bits, which are the VM_ ones.  Where it meets a
    hole it stops with -ENOMEM, and with -EACCES where a right cannot be had; what comes
    before has changed.
    """
    if start & ~PAGE_MASK:
        return -EINVAL
    end = start + page_align(length)
    for part in parts_of_range(mm, start, end):
        if part is None:
            return -ENOMEM
        flags = part.vma.vm_flags
        newflags = prot & VM_ACCESS | flags & ~VM_ACCESS
        if newflags & ~may_become(flags) & VM_ACCESS:
            return -EACCES
        error = await mprotect_fixup(k, part, newflags)
        if error:
            return error
    return 0


def may_become(vm_flags: int) -> int:
    """The rights that a VMA can be given, from the VM_MAY bits beside them."""
    return (vm_flags & (VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)) >> 4


async def mprotect_fixup(k: Kernel, part: Part, newflags: int) -> int:
    """Change a part of one VMA; 0 or an error.  Needs mmap_sem for writing."""
    if newflags == part.vma.vm_flags:
        return 0
    newflags = k.call_rules.accounted_flags(part.vma, newflags)
    error, vma = await vma_modify(
        k, part.vma, part.prev, part.start, part.end, newflags
    )
    if error:
        return error
    await write_once(vma, VMA.vm_flags, newflags)
    await write_once(vma, VMA.vm_page_prot, vm_get_page_prot(newflags))
    await change_protection(k, vma, part.start, part.end)
    return 0


def accounted_flags(vma: VmArea, newflags: int) -> int:
    """The new flags, with VM_ACCOUNT if memory is promised to the VMA from now on.

    What may be written to, and is private, may need as many pages of its own.  A
    promise once made is kept, though the VMA may not be written to any more.
    """
    exempt = VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE
    if newflags & VM_WRITE and not vma.vm_flags & exempt:
        newflags |= VM_ACCOUNT
    return newflags


async def change_protection(
    k: Kernel, vma: VmArea, start: VirtAddr, end: VirtAddr
) -> None:
    """Bring the entries of a range in line with their VMA, then flush.

    In a private mapping a page that may be written to from now on stays read-only until
    a fault says whether it must be copied; a migration entry becomes a read-only one in
    any.  Needs mmap_sem for writing.  Takes the page-table lock.

    Without the flush, a CPU could go on writing to what may only be read by now.
    """
    address = start
    while address < end:
        upto = pmd_addr_end(address, end)
        ptep = await find_pte(k, vma.mm, address)
        if ptep is not None:
            async with pte_lockptr(vma.mm):
                for _, slot in filled_entries(k, ptep, address, upto):
                    pte = await slot.read()
                    if pte_present(pte):
                        # Emptied first, so that no CPU sets a flag in between.
                        pte = await slot.exchange(0)
                        await slot.write(pte_modify(pte, vma.vm_page_prot))
                    elif is_write_migration_entry(pte):
                        await slot.write(make_migration_entry_read(pte))
        address = upto
    await k.tlb_flush.flush_tlb_mm(k, vma.mm)
