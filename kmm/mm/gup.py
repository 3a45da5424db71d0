"""Getting at a program's pages from the kernel, faulted in if need be.

Linux: mm/memory.c (__get_user_pages), mm/mlock.c (__mlock_vma_pages_range).  Used by
exec to build a new program's stack, and by mlock and mremap for memory that is locked.

The reference is what keeps a page in its frame: a migration that finds one more than it
expects gives up.

Left out: get_user_pages_fast, which takes no lock; pages of special mappings.
"""

from __future__ import annotations

from ..hw.memory import PAGE_SIZE, VirtAddr
from .errno import EFAULT, ENOMEM
from .kernel import Kernel
from .memory import VM_FAULT_ERROR, VM_FAULT_WRITE, follow_page, handle_mm_fault
from .mm_types import VM_EXEC, VM_READ, VM_SHARED, VM_WRITE, Mm, Page
from .mmap import find_extend_vma
from .swap import put_page

VM_ACCESS = VM_READ | VM_WRITE | VM_EXEC


async def get_user_page(
    k: Kernel, mm: Mm, address: VirtAddr, *, write: bool
) -> Page | None:
    """get_user_pages for one page: faulted in if need be, with a reference.

    None if there is no VMA at `address`, not even a stack that could grow there, if it
    may not be used so, or if there is no memory.  Needs mmap_sem for reading, or an
    address space that nobody else knows.
    """
    vma = await find_extend_vma(k, mm, address)
    if vma is None or not vma.vm_flags & (VM_WRITE if write else VM_ACCESS):
        return None
    insist = write
    while (page := await follow_page(k, mm, address, write=insist)) is None:
        result = await handle_mm_fault(k, mm, vma, address, write=write)
        if result & VM_FAULT_ERROR:
            return None
        if result & VM_FAULT_WRITE and not vma.vm_flags & VM_WRITE:
            insist = False  # it was copied, and stays read-only all the same
    return page


async def make_pages_present(k: Kernel, mm: Mm, start: VirtAddr, end: VirtAddr) -> int:
    """Fault a range in, as mlock does; 0, -ENOMEM, or -EFAULT.  Needs mmap_sem.

    Both ends are at a page.  Where nothing may be touched at all, it ends (-EFAULT).
    """
    for address in range(start, end, PAGE_SIZE):
        vma = await find_extend_vma(k, mm, VirtAddr(address))
        if vma is None or not vma.vm_flags & VM_ACCESS:
            return -EFAULT
        write = vma.vm_flags & (VM_WRITE | VM_SHARED) == VM_WRITE
        page = await get_user_page(k, mm, VirtAddr(address), write=write)
        if page is None:
            return -ENOMEM
        await put_page(k, page)
    return 0
