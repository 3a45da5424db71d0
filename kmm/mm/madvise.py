"""What a program says of its own use of memory.

Linux: mm/madvise.c.  Most advice is a flag of a VMA, which is cut out for it, as for
mprotect.  MADV_DONTNEED is no advice: it empties the range at once.

Left out: MADV_WILLNEED, MADV_REMOVE, and what is for poisoned pages.
"""

from __future__ import annotations

from ..hw.memory import PAGE_MASK, VirtAddr
from ..sim.access import write_once
from .errno import EAGAIN, EINVAL, ENOMEM
from .kernel import Kernel
from .ksm import ksm_madvise
from .memory import zap_page_range
from .mm_types import (
    VM_DONTCOPY,
    VM_IO,
    VM_LOCKED,
    VM_PFNMAP,
    VM_RAND_READ,
    VM_SEQ_READ,
    VMA,
    Mm,
    VmArea,
)
from .mmap import page_align
from .vma import Part, parts_of_range, vma_modify

MADV_NORMAL = 0
MADV_RANDOM = 1
MADV_SEQUENTIAL = 2
MADV_DONTNEED = 4
MADV_DONTFORK = 10
MADV_DOFORK = 11
MADV_MERGEABLE = 12
MADV_UNMERGEABLE = 13

BEHAVIOURS = (
    MADV_NORMAL,
    MADV_RANDOM,
    MADV_SEQUENTIAL,
    MADV_DONTNEED,
    MADV_DONTFORK,
    MADV_DOFORK,
    MADV_MERGEABLE,
    MADV_UNMERGEABLE,
)


def madvise_need_mmap_write(behaviour: int) -> bool:
    """Whether mmap_sem must be held for writing: the VMAs themselves may change."""
    return behaviour != MADV_DONTNEED


async def do_madvise(k: Kernel, mm: Mm, start: int, length: int, behaviour: int) -> int:
    """Advise about a range; 0 or an error.  Holes make it -ENOMEM in the end.

    `start` and `length` in bytes; `behaviour` is a MADV_ number.  Needs mmap_sem, for
    writing if `madvise_need_mmap_write` says so.
    """
    if behaviour not in BEHAVIOURS or start & ~PAGE_MASK:
        return -EINVAL
    end = start + page_align(length)
    unmapped = 0
    for part in parts_of_range(mm, start, end):
        if part is None:
            unmapped = -ENOMEM
            continue
        error = await madvise_vma(k, part, behaviour)
        if error:
            return error
    return unmapped


async def madvise_vma(k: Kernel, part: Part, behaviour: int) -> int:
    """Advise about a part of one VMA; 0 or an error.  Needs mmap_sem as do_madvise."""
    vma, start, end = part.vma, part.start, part.end
    if behaviour == MADV_DONTNEED:
        if vma.vm_flags & (VM_LOCKED | VM_PFNMAP):
            return -EINVAL
        await zap_page_range(k, vma, start, end)
        return 0
    error, vm_flags = await advised_flags(k, vma, start, end, behaviour)
    if error or vm_flags == vma.vm_flags:
        return error
    error, vma = await vma_modify(k, vma, part.prev, start, end, vm_flags)
    if error:
        return -EAGAIN if error == -ENOMEM else error
    await write_once(vma, VMA.vm_flags, vm_flags)
    return 0


async def advised_flags(
    k: Kernel, vma: VmArea, start: VirtAddr, end: VirtAddr, behaviour: int
) -> tuple[int, int]:
    """0 or an error, and what the flags are to be.  Needs mmap_sem for writing."""
    flags = vma.vm_flags
    if behaviour == MADV_NORMAL:
        return 0, flags & ~(VM_RAND_READ | VM_SEQ_READ)
    if behaviour == MADV_RANDOM:
        return 0, flags & ~VM_SEQ_READ | VM_RAND_READ
    if behaviour == MADV_SEQUENTIAL:
        return 0, flags & ~VM_RAND_READ | VM_SEQ_READ
    if behaviour == MADV_DONTFORK:
        return 0, flags | VM_DONTCOPY
    if behaviour == MADV_DOFORK:
        return (-EINVAL, flags) if flags & VM_IO else (0, flags & ~VM_DONTCOPY)
    return await ksm_madvise(k, vma, start, end, mergeable=behaviour == MADV_MERGEABLE)
