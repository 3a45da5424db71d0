"""A2, Kamezawa, 23 April 2010: a counter in each VMA, and walks that read again.

vma_adjust makes the counter of a VMA odd while it stores the bounds, and a walk that
worked out an address from bounds that were being stored works it out again.  No lock is
taken that was not taken before.

That mends torn reads of one VMA.  It cannot mend a boundary that moves between two:
each of them is read in one piece, the one before the boundary moved and the other after
it, and both say that the page is not theirs.  Mel Gorman's variant, with one counter
for the address space, ran for 28 hours before it broke; most of what broke it is
thought to have been exec, whose moves a counter in vma_adjust does not see.

Kamezawa withdrew it himself: it would need walks that start again, as version 5 does.
"""

from __future__ import annotations

from attrs import evolve

from ...hw.memory import VirtAddr
from ...mm.kernel import Kernel
from ...mm.mm_types import AnonVma, Page, VmArea
from ...mm.rmap import SWAP_AGAIN, RmapOne, vma_address
from ...mm.slab import check_alive
from ...mm.vma import (
    AdjustedFile,
    drop_following,
    move_following,
    plan_adjustment,
    relink,
    share_anon_vma,
    store_bounds,
)
from .a1_local_lock import LOCAL_LOCK


async def vma_adjust(
    k: Kernel,
    vma: VmArea,
    start: VirtAddr,
    end: VirtAddr,
    pgoff: int,
    insert: VmArea | None = None,
) -> int:
    """Give a VMA new bounds, and its neighbours what that means for them; 0 or -ENOMEM.

    Needs mmap_sem for writing.  Takes i_mmap_lock.  While a VMA's bounds are stored its
    counter is odd.
    """
    while True:
        change = plan_adjustment(vma, start, end, pgoff, insert)
        await share_anon_vma(change)
        async with AdjustedFile(change):
            await vma.updating.write_begin()
            await store_bounds(change)
            await vma.updating.write_end()
            if change.following is not None:
                await change.following.updating.write_begin()
                await move_following(change)
                await change.following.updating.write_end()
            relink(change)
        await drop_following(change)
        if not change.again:
            return 0


async def rmap_walk_anon(k: Kernel, page: Page, rmap_one: RmapOne) -> int:
    """Walk the VMAs of the page's own anon_vma, under its lock alone.

    Needs the page locked.
    """
    anon_vma = page.mapping
    result = SWAP_AGAIN
    if not isinstance(anon_vma, AnonVma):
        return result
    async with anon_vma.lock:
        await check_alive(anon_vma)
        for avc in anon_vma.head:
            address = await vma_address_safe(page, avc.vma)
            if address is None:
                continue
            result = await rmap_one(k, page, avc.vma, address)
            if result != SWAP_AGAIN:
                break
    return result


async def vma_address_safe(page: Page, vma: VmArea) -> VirtAddr | None:
    """Where `page` would be in `vma`, by bounds that were all there at one moment.

    Needs the lock of the list by which the VMA was found.
    """
    while True:
        begun = await vma.updating.read_begin()
        address = await vma_address(page, vma)
        if not await vma.updating.read_retry(begun):
            return address


SEQCOUNT = evolve(
    LOCAL_LOCK,
    name="seqcount",
    title="walks read a VMA's bounds again if they changed meanwhile",
    tag="A2",
    source="KAMEZAWA Hiroyuki, 23 April 2010",
    closes="vma-adjust, but no boundary between two VMAs",
    costs="a counter in each VMA; walks that read again",
    story=__doc__,
    base=LOCAL_LOCK,
    vma_adjust=vma_adjust,
    rmap_walk_anon=rmap_walk_anon,
)
