"""A3, versions 2 and 5 of the series: walks try for a second lock, and start again.

vma_adjust takes the lock of the VMA's own anon_vma again, as it did until 2.6.33: in
version 2 always, in version 5, and here, where 2.6.33 did (`locked_adjust`).  A walk
holds the lock of the page's anon_vma, and for each VMA whose own is another one it
tries to take that as well.  It must not wait for it, since nobody could say in which
order others take the two; so it gives up what it has, and starts again.

Andrea Arcangeli would rather have had all locks taken on the side that changes, as in
versions 3 and 4.  Linus Torvalds found the retry needless, as two locks deadlock only
if somebody takes them the other way round, and dangerous: a long list, and faults that
keep taking the locks on it, may send a walk back for ever (`retry-livelock`).

The second lock is given back between two VMAs.  So a boundary that moves between them
is missed as before, if the page's anon_vma is not theirs (`boundary-shift-child`).
"""

from __future__ import annotations

from attrs import evolve

from ...mm.kernel import Kernel
from ...mm.mm_types import VMA, AnonVma, Page, RmapItem, StableNode, VmArea
from ...mm.rmap import SWAP_AGAIN, RmapOne, page_stable_node, vma_address
from ...mm.slab import check_alive
from ...sim.access import read_once, read_plain
from ...sim.failure import Livelock, not_null
from ...sim.locks import SpinLock
from .a1_local_lock import LOCAL_LOCK
from .locked_adjust import vma_adjust

# A walk that has been sent back so often, with everything else going on as usual, is
# not going to end.
MOST_RETRIES = 3


async def rmap_walk_anon(k: Kernel, page: Page, rmap_one: RmapOne) -> int:
    """Walk the VMAs of the page's own anon_vma, under its lock and each VMA's own.

    Needs the page locked.  Raises Livelock.
    """
    anon_vma = page.mapping
    if not isinstance(anon_vma, AnonVma):
        return SWAP_AGAIN
    for _ in range(MOST_RETRIES):
        result, busy = await walk_once(k, page, anon_vma, rmap_one)
        if busy is None:
            return result
        # To go round before that lock is free would only fail again.
        await busy.wait_free()
    raise Livelock(f"rmap_walk_anon has started {MOST_RETRIES} times, and goes on")


async def walk_once(
    k: Kernel, page: Page, anon_vma: AnonVma, rmap_one: RmapOne
) -> tuple[int, SpinLock | None]:
    """One walk: what came of it, and the lock that it could not get, if it gave up.

    Takes anon_vma.lock.  What it has visited before it gave up it will visit again.
    """
    result = SWAP_AGAIN
    async with anon_vma.lock:
        await check_alive(anon_vma)
        for avc in anon_vma.head:
            nested, busy = await trylock_own(avc.vma, anon_vma)
            if busy is not None:
                return SWAP_AGAIN, busy
            address = await vma_address(page, avc.vma)
            if address is not None:
                result = await rmap_one(k, page, avc.vma, address)
            if nested is not None:
                await nested.unlock()
            if result != SWAP_AGAIN:
                break
    return result, None


async def trylock_own(
    vma: VmArea, anon_vma: AnonVma
) -> tuple[SpinLock | None, SpinLock | None]:
    """The lock of a VMA's own anon_vma, taken, if it is another; or that it is busy.

    Needs anon_vma.lock.
    """
    own = await read_plain(vma, VMA.anon_vma)
    if own is None or own.lock is anon_vma.lock:
        return None, None
    lock = own.lock
    return (lock, None) if await lock.trylock() else (None, lock)


async def rmap_walk_ksm(k: Kernel, page: Page, rmap_one: RmapOne) -> int:
    """Walk the places that were merged into a KSM page, each at its own address.

    First the address spaces that KSM knows, then those that were forked from them
    since.  Needs the page locked.  Raises Livelock.
    """
    node = page_stable_node(page)
    for _ in range(MOST_RETRIES):
        result, busy = await walk_items_once(k, page, node, rmap_one)
        if busy is None:
            return result
        await busy.wait_free()
    raise Livelock(f"rmap_walk_ksm has started {MOST_RETRIES} times, and goes on")


async def walk_items_once(
    k: Kernel, page: Page, node: StableNode, rmap_one: RmapOne
) -> tuple[int, SpinLock | None]:
    """One walk over all places: what came of it, and the lock that was busy."""
    for search_new_forks in (False, True):
        for item in node.hlist:
            result, busy = await walk_item_once(
                k, page, item, rmap_one, search_new_forks=search_new_forks
            )
            if busy is not None or result != SWAP_AGAIN:
                return result, busy
    return SWAP_AGAIN, None


async def walk_item_once(
    k: Kernel,
    page: Page,
    item: RmapItem,
    rmap_one: RmapOne,
    *,
    search_new_forks: bool,
) -> tuple[int, SpinLock | None]:
    """The VMAs at the address of one place, in its own address space or in others."""
    anon_vma = not_null(item.anon_vma, f"{page.name} has no anon_vma")
    result = SWAP_AGAIN
    async with anon_vma.lock:
        for avc in anon_vma.head:
            vma = avc.vma
            nested, busy = await trylock_own(vma, anon_vma)
            if busy is not None:
                return SWAP_AGAIN, busy
            start = await read_plain(vma, VMA.vm_start)
            inside = start <= item.address < await read_once(vma, VMA.vm_end)
            if inside and (vma.mm is not item.mm) == search_new_forks:
                result = await rmap_one(k, page, vma, item.address)
            if nested is not None:
                await nested.unlock()
            if result != SWAP_AGAIN:
                break
    return result, None


TRYLOCK_RETRY = evolve(
    LOCAL_LOCK,
    name="trylock-retry",
    title="walks try for each VMA's own lock too, and start again",
    tag="A3",
    source="Mel Gorman, patch 2 of version 2, 27 April, and 1 of version 5, 5 May 2010",
    closes="vma-adjust, boundary-shift, stack-growth, ksm-walk",
    costs="a lock for each VMA visited; a walk may have to start again, without end",
    story=__doc__,
    base=LOCAL_LOCK,
    vma_adjust=vma_adjust,
    rmap_walk_anon=rmap_walk_anon,
    rmap_walk_ksm=rmap_walk_ksm,
)
