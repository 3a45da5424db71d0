"""vma_adjust as Linux 2.6.34 and 2.6.35 have it: no walk is kept away."""

from __future__ import annotations

from attrs import evolve

from kmm.designs.rmap_walk.a1_local_lock import LOCAL_LOCK
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

    Needs mmap_sem for writing.  Takes i_mmap_lock of the VMA's file.
    """
    while True:
        change = plan_adjustment(vma, start, end, pgoff, insert)
        await share_anon_vma(change)
        async with AdjustedFile(change):
            await store_bounds(change)
            await move_following(change)
            relink(change)
        await drop_following(change)
        if not change.again:
            return 0


ANSWER = evolve(
    LOCAL_LOCK,
    name="yours",
    title="what it does, in a line",
    vma_adjust=vma_adjust,
)
