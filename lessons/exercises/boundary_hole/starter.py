"""Version 6: who changes a VMA takes the lock of the VMA's own anon_vma."""

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
    of the VMA's own anon_vma.
    """
    while True:
        change = plan_adjustment(vma, start, end, pgoff, insert)
        await share_anon_vma(change)
        async with AdjustedFile(change):
            anon_vma = vma.anon_vma
            if anon_vma is not None:
                await anon_vma.lock.lock()
            await store_bounds(change)
            await move_following(change)
            relink(change)
            if anon_vma is not None:
                await anon_vma.lock.unlock()
        await drop_following(change)
        if not change.again:
            return 0


ANSWER = evolve(
    ROOT_ORDER,
    name="yours",
    title="what it does, in a line",
    vma_adjust=vma_adjust,
)
