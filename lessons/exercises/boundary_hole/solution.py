"""Version 6, but who changes a VMA locks all of its anon_vmas, the oldest first.

The last on the VMA's list is the root, whose lock a walk holds from its first VMA to
its last.  So a walk sees the bounds of all VMAs as they were before the change, or as
they were after it.  And a walk that has the lock of one anon_vma only, whichever that
is, has one of those that are taken here.

The oldest comes first, as in walks: who waits for the root's lock has no other, so no
circle closes.  Versions 3 and 4 had the same idea, in the other order; that was safe
with their walks, which take one lock.
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs.rmap_walk.a5_root_order import ROOT_ORDER
from kmm.hw.memory import VirtAddr
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import VmArea
from kmm.mm.vma import (
    AdjustedFile,
    drop_following,
    move_following,
    plan_adjustment,
    relink,
    share_anon_vma,
    store_bounds,
)


async def vma_adjust(
    k: Kernel,
    vma: VmArea,
    start: VirtAddr,
    end: VirtAddr,
    pgoff: int,
    insert: VmArea | None = None,
) -> int:
    """Give a VMA new bounds, and its neighbours what that means for them; 0 or -ENOMEM.

    Needs mmap_sem for writing.  Takes i_mmap_lock of the VMA's file, then anon_vma.lock
    of all of the VMA's anon_vmas.
    """
    while True:
        change = plan_adjustment(vma, start, end, pgoff, insert)
        await share_anon_vma(change)
        async with AdjustedFile(change):
            for avc in reversed(vma.anon_vma_chain):
                await avc.anon_vma.lock.lock_nest_lock(vma.mm.mmap_sem)
            await store_bounds(change)
            await move_following(change)
            relink(change)
            for avc in vma.anon_vma_chain:
                await avc.anon_vma.lock.unlock()
        await drop_following(change)
        if not change.again:
            return 0


ANSWER = evolve(
    ROOT_ORDER,
    name="yours",
    title="all anon_vmas of the VMA, the oldest first",
    vma_adjust=vma_adjust,
)
