"""mm_take_all_locks in the order of version 6's walks: the older anon_vma first.

A walk has the root's lock when it waits for a younger one, and never the other way
round.  Who has a lock here may wait for younger ones only, so no circle closes.
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs.take_all_locks.l0_newest_first import NEWEST_FIRST
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Mm
from kmm.mm.mmu_notifier import mappings_of


async def mm_take_all_locks(k: Kernel, mm: Mm) -> None:
    """Lock every file and every anon_vma of an address space.

    Needs mmap_sem for writing, so that they stay the same.  Takes mm_all_locks_mutex
    and all of those, of each VMA's anon_vmas the oldest first.
    """
    await k.mm_all_locks_mutex.lock()
    for mapping in mappings_of(mm):
        await mapping.i_mmap_lock.lock_nest_lock(mm.mmap_sem)
    for vma in mm.mmap:
        for avc in reversed(vma.anon_vma_chain):
            await k.take_all_locks.vm_lock_anon_vma(mm, avc.anon_vma)


ANSWER = evolve(
    NEWEST_FIRST,
    name="yours",
    title="the oldest first, as walks do",
    mm_take_all_locks=mm_take_all_locks,
)
