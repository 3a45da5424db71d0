"""L0, Linux 2.6.34: each VMA's list of anon_vmas from its head, so the newest first.

Nobody else held two such locks at once, so any order would do, and a comment said so.
A walk that locks the root first and a younger anon_vma then (`rmap-walk=root-order`)
holds two, in the other order: each side may get one and wait for the other for ever.
"""

from __future__ import annotations

from ...mm.mmu_notifier import mm_take_all_locks, vm_lock_anon_vma, vm_unlock_anon_vma
from .question import TakeAllLocks

NEWEST_FIRST = TakeAllLocks(
    name="newest-first",
    title="the newest anon_vma of each VMA first",
    tag="L0",
    source="Andrea Arcangeli, 7906d00cd1f6 (2.6.27); chains since 2.6.34",
    closes="nothing",
    costs="nothing",
    story=__doc__,
    mm_take_all_locks=mm_take_all_locks,
    vm_lock_anon_vma=vm_lock_anon_vma,
    vm_unlock_anon_vma=vm_unlock_anon_vma,
)
