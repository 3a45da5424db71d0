"""Virtual memory areas: found, inserted, adjusted, grown.

Linux: mm/mmap.c.  Callers hold mmap_sem, for writing where something changes, but
for the growth of stacks.

Left out so far: mmap, munmap, merging and splitting.
"""

from __future__ import annotations

from ..hw.memory import PAGE_MASK, PAGE_SHIFT, VirtAddr
from ..sim.access import write_once
from ..sim.failure import bug_on
from .kernel import Kernel
from .mm_types import VM_GROWSDOWN, VMA, Mm, VmArea
from .pgtable import vm_get_page_prot
from .rmap import anon_vma_prepare

RLIMIT_STACK = 8 << 20  # bytes; the default


def find_vma(mm: Mm, address: int) -> VmArea | None:
    """The lowest VMA that ends above `address`; it may start above it too.

    Needs mmap_sem.
    """
    for vma in mm.mmap:
        if address < vma.vm_end:
            return vma
    return None


def vm_area_alloc(
    k: Kernel, mm: Mm, start: VirtAddr, end: VirtAddr, vm_flags: int
) -> VmArea:
    """A VMA that is on no list yet; its pages are numbered by their addresses."""
    return VmArea(
        k.next_name("vma"),
        mm,
        start,
        end,
        start >> PAGE_SHIFT,
        vm_flags,
        vm_get_page_prot(vm_flags),
    )


def insert_vm_struct(mm: Mm, vma: VmArea) -> None:
    """Put a new anonymous VMA among the others.  Needs mmap_sem for writing."""
    bug_on(vma.anon_vma is not None, "mm/mmap.c:2290")
    after = find_vma(mm, vma.vm_start)
    bug_on(after is not None and after.vm_start < vma.vm_end, "mm/mmap.c:479")
    mm.mmap.insert(mm.mmap.index(after) if after else len(mm.mmap), vma)


async def vma_adjust(
    k: Kernel, vma: VmArea, start: VirtAddr, end: VirtAddr, pgoff: int
) -> None:
    """Give a VMA new bounds, with no neighbour to adjust.

    Needs mmap_sem for writing.  2.6.34 takes no anon_vma lock here (2.6.33 did), so a
    walk on another CPU may read the three fields between any two of these stores.
    """
    await write_once(vma, VMA.vm_start, start)
    await write_once(vma, VMA.vm_end, end)
    await write_once(vma, VMA.vm_pgoff, pgoff)


async def expand_stack(k: Kernel, vma: VmArea, address: VirtAddr) -> bool:
    """Grow a stack down to `address`; False if it may not (-ENOMEM).

    expand_downwards.  mmap_sem may be held for reading only, so the anon_vma lock
    keeps other growers out, and some of the rmap walks.
    """
    await anon_vma_prepare(k, vma)
    address = VirtAddr(address & PAGE_MASK)
    assert vma.anon_vma is not None
    async with vma.anon_vma.lock:
        if address < vma.vm_start:
            if vma.vm_end - address > RLIMIT_STACK:
                return False
            grow = (vma.vm_start - address) >> PAGE_SHIFT
            await write_once(vma, VMA.vm_start, address)
            await write_once(vma, VMA.vm_pgoff, vma.vm_pgoff - grow)
    return True


async def find_extend_vma(k: Kernel, mm: Mm, address: VirtAddr) -> VmArea | None:
    """The VMA at `address`, grown to reach it if it is a stack; None if none does."""
    vma = find_vma(mm, address)
    if vma is None or vma.vm_start <= address:
        return vma
    if not vma.vm_flags & VM_GROWSDOWN:
        return None
    return vma if await expand_stack(k, vma, address) else None
