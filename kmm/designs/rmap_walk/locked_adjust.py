"""vma_adjust under the lock of the VMA's own anon_vma, which several answers share.

No answer by itself.  Until 2.6.33 vma_adjust took that lock, 2.6.34 dropped it, and
2.6.36 has it back, on the same three conditions (`locked_anon_vma`).  Versions 5 to 7
of the series put it back too, so `trylock-retry`, `root-order` and `root-lock` have
this function; what they differ in is which locks a walk takes, and in `root-lock` the
lock is the root's (`AnonVma.lock`).
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext

from ...hw.memory import VirtAddr
from ...mm.kernel import Kernel
from ...mm.mm_types import VmArea
from ...mm.vma import (
    AdjustedFile,
    Adjustment,
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
    of the VMA's own anon_vma, unless an end moves alone.
    """
    while True:
        change = plan_adjustment(vma, start, end, pgoff, insert)
        await share_anon_vma(change)
        async with AdjustedFile(change), locked_anon_vma(change):
            await store_bounds(change)
            await move_following(change)
            relink(change)
        await drop_following(change)
        if not change.again:
            return 0


def locked_anon_vma(change: Adjustment) -> AbstractAsyncContextManager[object]:
    """Holds the lock of the VMA's own anon_vma, where 2.6.33 and 2.6.36 take it.

    They do if a VMA comes in, if the neighbour is concerned, or if the start moves.  An
    end that moves alone (brk) takes no lock, nor does a VMA that has no anon_vma.
    """
    vma = change.vma
    matters = change.insert or change.following or change.start != vma.vm_start
    if vma.anon_vma is None or not matters:
        return nullcontext()
    return vma.anon_vma.lock
