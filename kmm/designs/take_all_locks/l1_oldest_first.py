"""L1, version 6 of the series: each VMA's list backwards, so the oldest first.

The letter's walks lock the root, which is the oldest of a family, and then a younger
anon_vma.  So that mm_take_all_locks agrees with them, it follows each VMA's list from
its tail.
"""

from __future__ import annotations

from attrs import evolve

from ...mm.kernel import Kernel
from ...mm.mm_types import Mm
from ...mm.mmu_notifier import mappings_of
from .l0_newest_first import NEWEST_FIRST


async def mm_take_all_locks(k: Kernel, mm: Mm) -> None:
    """Lock every file and every anon_vma of an address space.

    Needs mmap_sem for writing, so that they stay the same.  Takes mm_all_locks_mutex
    and all of those.  An anon_vma that several VMAs have is locked once.  Of each VMA's
    the oldest comes first, as in walks.
    """
    await k.mm_all_locks_mutex.lock()
    for mapping in mappings_of(mm):
        await mapping.i_mmap_lock.lock_nest_lock(mm.mmap_sem)
    for vma in mm.mmap:
        for avc in reversed(vma.anon_vma_chain):
            await k.take_all_locks.vm_lock_anon_vma(mm, avc.anon_vma)


OLDEST_FIRST = evolve(
    NEWEST_FIRST,
    name="oldest-first",
    title="the oldest anon_vma of each VMA first",
    tag="L1",
    source="Mel Gorman, patch 1 of version 6, 6 May 2010",
    closes="lock-order",
    costs="nothing",
    story=__doc__,
    base=NEWEST_FIRST,
    mm_take_all_locks=mm_take_all_locks,
)
