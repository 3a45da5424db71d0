"""Keeping pages in memory.

Linux: mm/mlock.c (do_mlock, mlock_fixup).  A VMA is marked VM_LOCKED, and its pages are
brought in.  They may migrate all the same.

Left out: moving pages to the unevictable list and back; reclaim finds out by the VMA
that a page must stay.  Limits, and mlockall.
"""

from __future__ import annotations

from ..hw.memory import PAGE_MASK, PAGE_SHIFT, VirtAddr
from ..sim.access import write_once
from .errno import EAGAIN, EFAULT, ENOMEM
from .gup import make_pages_present
from .kernel import Kernel
from .mm_types import VM_LOCKED, VMA, Mm
from .mmap import page_align
from .vma import Part, parts_of_range, vma_modify

# What POSIX has for what can go wrong (__mlock_posix_error_return).
POSIX_ERRORS = {-EFAULT: -ENOMEM, -ENOMEM: -EAGAIN}


async def do_mlock(k: Kernel, mm: Mm, start: int, length: int, *, on: bool) -> int:
    """Lock or unlock a range, in bytes; 0 or an error.  Needs mmap_sem for writing.

    Where it meets a hole it stops with -ENOMEM; what comes before has changed.  The
    pages are faulted in when all VMAs have been marked.  (2.6.34 does so VMA by VMA.)
    """
    length = page_align(length + (start & ~PAGE_MASK))
    start &= PAGE_MASK
    end = start + length
    for part in parts_of_range(mm, start, end):
        if part is None:
            return -ENOMEM
        flags = part.vma.vm_flags
        newflags = flags | VM_LOCKED if on else flags & ~VM_LOCKED
        error = await mlock_fixup(k, part, newflags)
        if error:
            return error
    if not on:
        return 0
    error = await make_pages_present(k, mm, VirtAddr(start), VirtAddr(end))
    return POSIX_ERRORS.get(error, error)


async def mlock_fixup(k: Kernel, part: Part, newflags: int) -> int:
    """Lock a part of one VMA, or unlock it; 0 or an error.

    Needs mmap_sem for writing.
    """
    if newflags == part.vma.vm_flags:
        return 0
    error, vma = await vma_modify(
        k, part.vma, part.prev, part.start, part.end, newflags
    )
    if error:
        return error
    pages = (part.end - part.start) >> PAGE_SHIFT
    vma.mm.locked_vm += pages if newflags & VM_LOCKED else -pages
    await write_once(vma, VMA.vm_flags, newflags)
    return 0
