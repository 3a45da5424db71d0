"""Keeping pages in memory.

Linux: mm/mlock.c.  Left out: moving pages to the unevictable list and back; reclaim
finds out by the VMA (VM_LOCKED) that a page must stay.
"""

from __future__ import annotations

from ..hw.memory import PAGE_MASK, PAGE_SHIFT, VirtAddr
from ..sim.access import write_once
from .errno import ENOMEM
from .gup import make_pages_present
from .kernel import Kernel
from .mm_types import VM_LOCKED, VMA, Mm, VmArea
from .mmap import page_align
from .vma import find_vma_prev, next_vma, vma_modify


async def do_mlock(k: Kernel, mm: Mm, start: int, length: int, *, on: bool) -> int:
    """Lock or unlock a range; 0 or an error.  Needs mmap_sem for writing.

    Where it meets a hole it stops with -ENOMEM; what comes before has changed.  The
    pages are faulted in when all VMAs have been marked.  (2.6.34 does so VMA by VMA.)
    """
    end = start + page_align(length + (start & ~PAGE_MASK))
    start &= PAGE_MASK
    if end == start:
        return 0
    vma, prev = find_vma_prev(mm, start)
    if vma is None or vma.vm_start > start:
        return -ENOMEM
    if start > vma.vm_start:
        prev = vma
    place = start
    while True:
        newflags = vma.vm_flags | VM_LOCKED if on else vma.vm_flags & ~VM_LOCKED
        upto = min(vma.vm_end, end)
        error, prev = await mlock_fixup(
            k, vma, prev, VirtAddr(place), VirtAddr(upto), newflags
        )
        if error:
            return error
        assert prev is not None
        place = max(upto, prev.vm_end)
        if place >= end:
            break
        following = next_vma(prev)
        if following is None or following.vm_start != place:
            return -ENOMEM
        vma = following
    if not on:
        return 0
    return await make_pages_present(k, mm, VirtAddr(start), VirtAddr(end))


async def mlock_fixup(
    k: Kernel,
    vma: VmArea,
    prev: VmArea | None,
    start: VirtAddr,
    end: VirtAddr,
    newflags: int,
) -> tuple[int, VmArea | None]:
    """Lock a part of one VMA: 0 or an error, and the VMA that covers it now."""
    if newflags == vma.vm_flags:
        return 0, vma
    mm = vma.mm
    error, vma = await vma_modify(k, vma, prev, start, end, newflags)
    if error:
        return error, vma
    pages = (end - start) >> PAGE_SHIFT
    mm.locked_vm += pages if newflags & VM_LOCKED else -pages
    await write_once(vma, VMA.vm_flags, newflags)
    return 0, vma
