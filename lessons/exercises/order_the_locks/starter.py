"""mm_take_all_locks as Linux 2.6.34 has it: of each VMA, the newest anon_vma first."""

from __future__ import annotations

from attrs import evolve

from kmm.designs.take_all_locks.l0_newest_first import NEWEST_FIRST
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Mm
from kmm.mm.mmu_notifier import mappings_of


async def mm_take_all_locks(k: Kernel, mm: Mm) -> None:
    """Lock every file and every anon_vma of an address space.

    Needs mmap_sem for writing, so that they stay the same.  Takes mm_all_locks_mutex
    and all of those.
    """
    await k.mm_all_locks_mutex.lock()
    for mapping in mappings_of(mm):
        await mapping.i_mmap_lock.lock_nest_lock(mm.mmap_sem)
    for vma in mm.mmap:
        for avc in vma.anon_vma_chain:
            await k.take_all_locks.vm_lock_anon_vma(mm, avc.anon_vma)


ANSWER = evolve(
    NEWEST_FIRST,
    name="yours",
    title="what it does, in a line",
    mm_take_all_locks=mm_take_all_locks,
)
