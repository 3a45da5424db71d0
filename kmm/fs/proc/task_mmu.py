"""A process's memory: its VMAs, what they hold, and where each page is.

Linux: fs/proc/task_mmu.c.  The files are maps, smaps and pagemap.  Left out: the names
of other special mappings ([vdso]), and swapped pages of shared memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define

from ...hw.memory import PAGE_SHIFT, PAGE_SIZE, VirtAddr
from ...mm.kernel import Kernel
from ...mm.mm_types import (
    VM_EXEC,
    VM_MAYSHARE,
    VM_READ,
    VM_WRITE,
    Mm,
    PG_referenced,
    Task,
    VmArea,
)
from ...mm.observe import entries_of
from ...mm.pgtable import (
    pte_dirty,
    pte_pfn,
    pte_present,
    pte_special,
    pte_write,
    pte_young,
    vm_normal_page,
)
from ...mm.swapops import (
    is_migration_entry,
    is_swap_pte,
    is_write_migration_entry,
    swp_offset,
    swp_type,
)

NAME_COLUMN = 73  # where the name of a mapping begins, on 64 bits
MEMORY_FILES = "00:04"  # the device of files that are in memory only

PAGE_KB = PAGE_SIZE >> 10

# maps.


def show_maps(k: Kernel, task: Task) -> str:
    """A line for each VMA; nothing for a kernel thread."""
    if task.mm is None:
        return ""
    return "".join(f"{show_map_vma(task.mm, vma)}\n" for vma in task.mm.mmap)


def show_map_vma(mm: Mm, vma: VmArea) -> str:
    """Range, rights, place in the file, device, inode and name."""
    flags = vma.vm_flags
    rights = "".join(
        letter if flags & bit else "-"
        for letter, bit in (("r", VM_READ), ("w", VM_WRITE), ("x", VM_EXEC))
    )
    rights += "s" if flags & VM_MAYSHARE else "p"
    device, inode, offset = "00:00", 0, 0
    if vma.vm_file is not None:
        device = MEMORY_FILES
        inode = inode_number(vma.vm_file.f_mapping.name)
        offset = vma.vm_pgoff << PAGE_SHIFT
    line = (
        f"{vma.vm_start:08x}-{vma.vm_end:08x} {rights} {offset:08x} {device} {inode} "
    )
    name = name_of(mm, vma)
    return line.ljust(NAME_COLUMN) + name if name else line


def inode_number(name: str) -> int:
    """A number for a file: the one in its address_space's name, `mapping#3`, else 0."""
    number = name.rpartition("#")[2]
    return int(number) if number.isdecimal() else 0


def name_of(mm: Mm, vma: VmArea) -> str:
    """The file, or what else it is for.

    In 2.6.34 only a VMA that has the whole heap is the heap: none, if that was split.
    """
    if vma.vm_file is not None:
        # Shared anonymous memory is a file that has no name in any folder.
        unlinked = vma.vm_file.name == "/dev/zero"
        return f"{vma.vm_file.name}{' (deleted)' if unlinked else ''}"
    if vma.vm_start <= mm.start_brk and vma.vm_end >= mm.brk:
        return "[heap]"
    if vma.vm_start <= mm.start_stack <= vma.vm_end:
        return "[stack]"
    return ""


# smaps.


@define
class MemSizeStats:
    """struct mem_size_stats: what one VMA holds, in bytes."""

    resident: int = 0
    pss: int = 0  # in 1/4096 of a byte: pages, each divided by how often it is mapped
    shared_clean: int = 0
    shared_dirty: int = 0
    private_clean: int = 0
    private_dirty: int = 0
    referenced: int = 0
    swap: int = 0


PSS_SHIFT = 12


def show_smaps(k: Kernel, task: Task) -> str:
    """The same line for each VMA, and below it what is in memory."""
    if task.mm is None:
        return ""
    return "".join(show_smap(k, task.mm, vma) for vma in task.mm.mmap)


def show_smap(k: Kernel, mm: Mm, vma: VmArea) -> str:
    """The line of one VMA, and sizes in kB."""
    stats = MemSizeStats()
    for _, pte in entries_in(k, vma):
        smaps_pte(k, stats, pte)
    sizes = {
        "Size": vma.vm_end - vma.vm_start,
        "Rss": stats.resident,
        "Pss": stats.pss >> PSS_SHIFT,
        "Shared_Clean": stats.shared_clean,
        "Shared_Dirty": stats.shared_dirty,
        "Private_Clean": stats.private_clean,
        "Private_Dirty": stats.private_dirty,
        "Referenced": stats.referenced,
        "Swap": stats.swap,
        "KernelPageSize": PAGE_SIZE,
        "MMUPageSize": PAGE_SIZE,
    }
    lines = [f"{name + ':':16}{size >> 10:8} kB" for name, size in sizes.items()]
    return "\n".join([show_map_vma(mm, vma), *lines, ""])


def smaps_pte(k: Kernel, stats: MemSizeStats, pte: int) -> None:
    """Account for one entry (smaps_pte_range).

    A migration entry counts as swapped, and the zero page not at all.  Dirty is what
    the entry says; what is known of the page besides does not matter in 2.6.34.
    """
    if is_swap_pte(pte):
        stats.swap += PAGE_SIZE
        return
    page = vm_normal_page(k, pte)
    if page is None:
        return
    stats.resident += PAGE_SIZE
    if pte_young(pte) or page.flags & PG_referenced:
        stats.referenced += PAGE_SIZE
    mapcount = page.mapcount + 1
    if mapcount >= 2:
        stats.shared_dirty += PAGE_SIZE * pte_dirty(pte)
        stats.shared_clean += PAGE_SIZE * (not pte_dirty(pte))
        stats.pss += (PAGE_SIZE << PSS_SHIFT) // mapcount
    else:
        stats.private_dirty += PAGE_SIZE * pte_dirty(pte)
        stats.private_clean += PAGE_SIZE * (not pte_dirty(pte))
        stats.pss += PAGE_SIZE << PSS_SHIFT


# pagemap.

PM_PRESENT = 1 << 63
PM_SWAP = 1 << 62
PM_PSHIFT = PAGE_SHIFT << 55  # bits 55 to 60: how large the page is
PM_NOT_PRESENT = PM_PSHIFT
PM_SWAP_TYPE_BITS = 5  # then comes the offset on the device


def pagemap_read(k: Kernel, task: Task) -> str:
    """A table of what the real file says in 8 bytes a page, which is no text.

    Address, those 8 bytes, and what they mean; in brackets what only the page table
    says.  Pages that are nowhere share a line.
    """
    if task.mm is None:
        return ""
    lines = ["page          8 bytes           what they say"]
    for vma in task.mm.mmap:
        lines += pagemap_of(k, vma)
    return "\n".join([*lines, ""])


def pagemap_of(k: Kernel, vma: VmArea) -> Iterator[str]:
    """The lines of one VMA: each entry, and each gap between two of them."""
    missing = vma.vm_start
    for address, pte in [*entries_in(k, vma), (vma.vm_end, 0)]:
        if address > missing:
            count = (address - missing) >> PAGE_SHIFT
            more = f" ({count} pages)" if count > 1 else ""
            yield f"{missing:012x}  {PM_NOT_PRESENT:016x}  not present{more}"
        if address < vma.vm_end:
            yield f"{address:012x}  {pte_to_pagemap_entry(pte):016x}  {meaning(pte)}"
        missing = VirtAddr(address + PAGE_SIZE)


def pte_to_pagemap_entry(pte: int) -> int:
    """The 8 bytes for an entry that is not empty; a migration entry counts as swap."""
    if is_swap_pte(pte):
        where = swp_type(pte) | swp_offset(pte) << PM_SWAP_TYPE_BITS
        return PM_SWAP | PM_PSHIFT | where
    return PM_PRESENT | PM_PSHIFT | pte_pfn(pte)


def meaning(pte: int) -> str:
    """An entry that is not empty, in words."""
    if pte_present(pte):
        flags = [
            "rw" if pte_write(pte) else "ro",
            *(["young"] if pte_young(pte) else []),
            *(["dirty"] if pte_dirty(pte) else []),
            *(["zero page"] if pte_special(pte) else []),
        ]
        return f"present, pfn {pte_pfn(pte):#x} ({', '.join(flags)})"
    where = f"swap, type {swp_type(pte)}, offset {swp_offset(pte):#x}"
    if not is_migration_entry(pte):
        return where
    rights = "rw" if is_write_migration_entry(pte) else "ro"
    return f"{where} (migration entry of pfn {swp_offset(pte):#x}, {rights})"


def entries_in(k: Kernel, vma: VmArea) -> Iterator[tuple[VirtAddr, int]]:
    """The entries of a VMA that are not empty, by address."""
    for address, pte in entries_of(k, vma.mm):
        if vma.vm_start <= address < vma.vm_end:
            yield address, pte
