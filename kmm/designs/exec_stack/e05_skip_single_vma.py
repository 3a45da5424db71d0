"""E5, version 3 of the series: migration leaves a stack alone that is a process's all.

Mel Gorman's patch 2 of 29 April 2010.  While exec sets a stack up, it is the only VMA
of its address space.  So the unmapping walk of a migration passes over a VMA that grows
like a stack and whose mm->map_count is 1.

It takes no lock.  But it is a guess: that nothing is mapped before the stack has moved
is true of the formats of 2010, and said nowhere.  Andrea Arcangeli wanted no magic
tests in the reverse map; Kamezawa asked about a.out; Linus Torvalds said to mark the
VMA explicitly, which became `skip-temporary`.
"""

from __future__ import annotations

from attrs import evolve

from ...mm.kernel import Kernel
from ...mm.mm_types import MM, VM_GROWSDOWN, VMA, Page, VmArea
from ...mm.rmap import (
    SWAP_AGAIN,
    TTU_ACTION_MASK,
    TTU_MIGRATION,
    page_mapped,
    page_unlock_anon_vma,
    try_to_unmap_one,
    vma_address,
)
from ...sim.access import read_once
from .e00_unprotected import UNPROTECTED


async def try_to_unmap_anon(k: Kernel, page: Page, flags: int) -> int:
    """Visit the VMAs of the page's anon_vma until nothing maps the page any more.

    Needs the page locked; takes anon_vma.lock, in an RCU read section.
    """
    anon_vma = await k.rmap_walk.page_lock_anon_vma(k, page)
    if anon_vma is None:
        return SWAP_AGAIN
    result = SWAP_AGAIN
    for avc in anon_vma.head:
        # A migration entry must not get into a stack that is about to be moved.
        migration = flags & TTU_ACTION_MASK == TTU_MIGRATION
        if migration and await is_only_a_stack(avc.vma):
            continue
        address = await vma_address(page, avc.vma)
        if address is None:
            continue
        result = await try_to_unmap_one(k, page, avc.vma, address, flags)
        if result != SWAP_AGAIN or not await page_mapped(page):
            break
    await page_unlock_anon_vma(k, anon_vma)
    return result


async def is_only_a_stack(vma: VmArea) -> bool:
    """Whether this is a stack, and its process has nothing else mapped.

    Needs anon_vma.lock, so that the VMA stays; reads its mm without mmap_sem.
    """
    vm_flags = await read_once(vma, VMA.vm_flags)
    if not vm_flags & VM_GROWSDOWN:
        return False
    mapped = await read_once(vma.mm, MM.mmap)
    return len(mapped) == 1


SKIP_SINGLE_VMA = evolve(
    UNPROTECTED,
    name="skip-single-vma",
    title="migration skips a stack that is a process's only VMA",
    tag="E5",
    source="Mel Gorman, patch 2 of version 3, 29 April 2010",
    closes="exec-stack, as long as exec maps nothing before it moves the stack",
    costs="a guess; pages of a process that is nothing but a stack cannot migrate",
    story=__doc__,
    base=UNPROTECTED,
    try_to_unmap_anon=try_to_unmap_anon,
)
