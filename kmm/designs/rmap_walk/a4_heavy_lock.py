"""A4, versions 3 and 4 of the series: who changes a VMA locks all of its anon_vmas.

Rik van Riel's "heavy lock" of 28 April 2010, acked by Andrea Arcangeli.  Walks stay as
they are, under the one lock of the page's anon_vma; for whichever that is, it is among
those that the changing side holds.  So one lock covers the whole walk and both sides of
a boundary.

A new lock, mm->anon_vma_chain_lock, keeps a VMA's list of anon_vmas still for faults,
which have mmap_sem for reading only: it is taken where a VMA gets its first anon_vma,
and where a stack grows.

Each mmap, munmap and growth of a stack pays for the depth of the fork tree: one lock
after an exec, two in a server that forks.  Linus Torvalds called it insane to walk a
list and take every lock on it in a path that everybody takes all day.  The locks are
taken from the newest to the oldest, which lockdep is told not to look at.
"""

from __future__ import annotations

from attrs import evolve

from ...hw.memory import PAGE_MASK, PAGE_SHIFT, VirtAddr
from ...mm.kernel import Kernel
from ...mm.mm_types import VMA, AnonVmaChain, VmArea
from ...mm.mmap import MMAP_MIN_ADDR, RLIMIT_STACK
from ...mm.rmap import find_mergeable_anon_vma, free_anon_vma
from ...mm.slab import kmem_cache_alloc
from ...mm.vma import (
    AdjustedFile,
    drop_following,
    move_following,
    plan_adjustment,
    relink,
    share_anon_vma,
    store_bounds,
)
from ...sim.access import modify_plain, read_once, write_once, write_plain
from ...sim.locks import RwSem, SpinLock
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

    Needs mmap_sem for writing.  Takes i_mmap_lock, then the locks of all the VMA's
    anon_vmas.
    """
    while True:
        change = plan_adjustment(vma, start, end, pgoff, insert)
        await share_anon_vma(change)
        async with AdjustedFile(change):
            await anon_vma_lock(vma, vma.mm.mmap_sem)
            await store_bounds(change)
            await move_following(change)
            relink(change)
            await anon_vma_unlock(vma)
        await drop_following(change)
        if not change.again:
            return 0


async def expand_stack(k: Kernel, vma: VmArea, address: VirtAddr) -> bool:
    """Grow a stack down to `address`; False if it may not (-ENOMEM).

    expand_downwards.  Needs mmap_sem, and reading is enough.  Takes
    anon_vma_chain_lock, then the locks of all the VMA's anon_vmas.
    """
    await k.rmap_walk.anon_vma_prepare(k, vma)
    address = VirtAddr(address & PAGE_MASK)
    if address < MMAP_MIN_ADDR:
        return False
    async with vma.mm.anon_vma_chain_lock:
        await anon_vma_lock(vma, vma.mm.anon_vma_chain_lock)
        grown = vma.vm_end - address <= RLIMIT_STACK
        if grown and address < vma.vm_start:
            grow = (vma.vm_start - address) >> PAGE_SHIFT
            vma.mm.total_vm += grow
            await write_plain(vma, VMA.vm_start, address)
            await write_plain(vma, VMA.vm_pgoff, vma.vm_pgoff - grow)
        await anon_vma_unlock(vma)
    return grown


async def anon_vma_lock(vma: VmArea, nest_lock: RwSem | SpinLock) -> None:
    """Lock all anon_vmas of a VMA, the newest first.

    Needs `nest_lock`, which lets only one thread at a time have many of these locks.
    """
    for avc in vma.anon_vma_chain:
        await avc.anon_vma.lock.lock_nest_lock(nest_lock)


async def anon_vma_unlock(vma: VmArea) -> None:
    """Give back what anon_vma_lock took; the list is the same, by the same lock."""
    for avc in vma.anon_vma_chain:
        await avc.anon_vma.lock.unlock()


async def anon_vma_prepare(k: Kernel, vma: VmArea) -> None:
    """See to it that a VMA has an anon_vma before it gets its first page.

    A neighbour's, if the two may be merged one day, or a new one.  Needs mmap_sem for
    reading.  Two faults may come here at once; page_table_lock decides.  Takes
    anon_vma_chain_lock, anon_vma.lock and page_table_lock.
    """
    if await read_once(vma, VMA.anon_vma) is not None:
        return
    found = await find_mergeable_anon_vma(vma)
    anon_vma = found or await kmem_cache_alloc(k.anon_vma_cachep)
    avc = AnonVmaChain(vma, anon_vma)
    async with vma.mm.anon_vma_chain_lock, anon_vma.lock, vma.mm.page_table_lock:
        if vma.anon_vma is None:
            await write_once(vma, VMA.anon_vma, anon_vma)
            (await modify_plain(vma, VMA.anon_vma_chain)).insert(0, avc)
            anon_vma.head.insert(0, avc)
            return
    if found is None:
        await free_anon_vma(anon_vma)


HEAVY_LOCK = evolve(
    LOCAL_LOCK,
    name="heavy-lock",
    title="who changes a VMA locks all of its anon_vmas",
    tag="A4",
    source="Rik van Riel, 28 April 2010; patch 1 of versions 3 and 4",
    closes="vma-adjust, boundary-shift, boundary-shift-child, stack-growth, ksm-walk",
    costs="as many locks as forks lie behind, for each change of a VMA",
    story=__doc__,
    base=LOCAL_LOCK,
    vma_adjust=vma_adjust,
    expand_stack=expand_stack,
    anon_vma_prepare=anon_vma_prepare,
)
