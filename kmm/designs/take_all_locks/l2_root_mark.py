"""L2, Linux 2.6.36: the lock is the root's, so the mark must be on the root.

Where every anon_vma of a family is locked by the root's lock, the second anon_vma of
the same family would wait for the lock that this very thread has.  So the bit that
says "locked already" moves from the anon_vma to its root (012f18004da3).
"""

from __future__ import annotations

from attrs import evolve

from ...mm.mm_types import ANON_VMA, AnonVma, Mm
from ...sim.access import write_once
from ...sim.failure import bug_on
from .l0_newest_first import NEWEST_FIRST


async def vm_lock_anon_vma(mm: Mm, anon_vma: AnonVma) -> None:
    """Lock an anon_vma's root, unless it is marked as locked already.

    Needs mmap_sem of `mm` for writing, and mm_all_locks_mutex.
    """
    root = anon_vma.root
    if not root.taken:
        await root.lock.lock_nest_lock(mm.mmap_sem)
        bug_on(root.taken, "mm/mmap.c:BUG")
        await write_once(root, ANON_VMA.taken, True)


async def vm_unlock_anon_vma(anon_vma: AnonVma) -> None:
    """Unlock an anon_vma's root that is marked as locked; take the mark off first."""
    root = anon_vma.root
    if root.taken:
        await write_once(root, ANON_VMA.taken, False)
        await root.lock.unlock()


ROOT_MARK = evolve(
    NEWEST_FIRST,
    name="root-mark",
    title="each root once",
    tag="L2",
    source="Rik van Riel, 012f18004da3; Linux 2.6.36",
    closes="lock-order, where every anon_vma lock is the root's",
    costs="nothing",
    story=__doc__,
    base=NEWEST_FIRST,
    vm_lock_anon_vma=vm_lock_anon_vma,
    vm_unlock_anon_vma=vm_unlock_anon_vma,
)
