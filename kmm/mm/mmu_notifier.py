"""Registering an mmu notifier, for which an address space must be held quite still.

Linux: mm/mmu_notifier.c, and mm_take_all_locks in mm/mmap.c.

Whoever has page tables of its own (a hypervisor's guests, a graphics card) wants to be
told when pages of an address space go away.  From the moment of its registration it
must miss nothing, so for that moment every lock is taken that anybody might hold while
unmapping a page of this address space: i_mmap_lock of each file, and the lock of each
anon_vma.  Nowhere else does a thread of 2.6.34 hold several locks of anon_vmas at once
(with some answers to `rmap-walk` it does); in which order they are taken here is the
question `take-all-locks`.

Locks: mmap_sem for writing, mm_all_locks_mutex, and then all of those.

Left out: what notifiers are told, and giving up on a signal.
"""

from __future__ import annotations

from ..sim.failure import bug_on
from .kernel import Kernel
from .mm_types import AddressSpace, AnonVma, Mm


async def mmu_notifier_register(k: Kernel, mm: Mm, name: str) -> None:
    """Add a notifier to an address space.  Takes mmap_sem for writing, and all else."""
    async with mm.mmap_sem.for_write:
        await k.take_all_locks.mm_take_all_locks(k, mm)
        mm.notifiers.append(name)
        await mm_drop_all_locks(k, mm)


async def mm_take_all_locks(k: Kernel, mm: Mm) -> None:
    """Lock every file and every anon_vma of an address space.

    Needs mmap_sem for writing, so that they stay the same.  Takes mm_all_locks_mutex
    and all of those.  An anon_vma that several VMAs have is locked once.  Of each VMA's
    the newest comes first; this kernel's comment says that the order is free, as nobody
    else holds two.
    """
    await k.mm_all_locks_mutex.lock()
    for mapping in mappings_of(mm):
        await mapping.i_mmap_lock.lock_nest_lock(mm.mmap_sem)
    for vma in mm.mmap:
        for avc in vma.anon_vma_chain:
            await k.take_all_locks.vm_lock_anon_vma(mm, avc.anon_vma)


async def mm_drop_all_locks(k: Kernel, mm: Mm) -> None:
    """Give back what mm_take_all_locks took, in any order.

    Needs mmap_sem for writing since then, so that they are the same.
    """
    for vma in mm.mmap:
        for avc in vma.anon_vma_chain:
            await k.take_all_locks.vm_unlock_anon_vma(avc.anon_vma)
    for mapping in mappings_of(mm):
        await mapping.i_mmap_lock.unlock()
    await k.mm_all_locks_mutex.unlock()


async def vm_lock_anon_vma(mm: Mm, anon_vma: AnonVma) -> None:
    """Lock an anon_vma, unless it is marked as locked already.

    Needs mmap_sem of `mm` for writing, and mm_all_locks_mutex.
    """
    if not anon_vma.taken:
        await anon_vma.lock.lock_nest_lock(mm.mmap_sem)
        bug_on(anon_vma.taken, "mm/mmap.c:2486")
        anon_vma.taken = True


async def vm_unlock_anon_vma(anon_vma: AnonVma) -> None:
    """Unlock an anon_vma that is marked as locked, and take the mark off first."""
    if anon_vma.taken:
        anon_vma.taken = False
        await anon_vma.lock.unlock()


def mappings_of(mm: Mm) -> list[AddressSpace]:
    """The files that are mapped, each once, in the order of their VMAs.

    Needs mmap_sem.
    """
    found = {
        v.vm_file.f_mapping.name: v.vm_file.f_mapping for v in mm.mmap if v.vm_file
    }
    return list(found.values())
