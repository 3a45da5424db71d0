"""A5, versions 6 and 7 (the letter's patch 1): root first, then each VMA's own lock.

Linus Torvalds' idea of 5 May 2010: all anon_vmas of a family of processes hang
together, and the oldest of them, the root, is found from any: the anon_vma's first VMA,
and the last entry of that VMA's list.  `rmap_walk` locks the root, follows the root's
list, and takes the lock of each VMA's own anon_vma in turn, so at most two at a time,
the older one always first.  try_to_unmap and page_referenced stay as they were: they
follow the list of the page's own anon_vma, under that lock alone.  Who changes a VMA
takes that VMA's own lock alone, as in version 5 (`locked_adjust`).

What the letters do not mention: the second lock is given back between two VMAs, so a
boundary that moves between two VMAs of a forked child is still missed
(`boundary-shift-child`).  The root is looked up by a list that the lock in hand does
not keep still; and where the anon_vma has no VMA left, there is no root, which the walk
of KSM's pages forgets to ask.

Rik van Riel on its cost: a page private to one child is looked for in the parent and
all the siblings, a thousand times the work for a thousand clients.  Linus Torvalds
would merge no loop over locks.  2.6.36 locks the root and nothing else (`root-lock`).
"""

from __future__ import annotations

from attrs import evolve

from ...mm.kernel import Kernel
from ...mm.mm_types import VMA, AnonVma, Page, RmapItem, VmArea
from ...mm.rmap import SWAP_AGAIN, RmapOne, page_stable_node, vma_address
from ...mm.slab import check_alive
from ...sim.access import read_once, read_plain
from ...sim.failure import NullPointer, not_null
from ...sim.locks import SpinLock
from .a1_local_lock import LOCAL_LOCK
from .locked_adjust import vma_adjust


async def rmap_walk_anon(k: Kernel, page: Page, rmap_one: RmapOne) -> int:
    """Walk all VMAs of the page's family, under the root's lock and each VMA's own.

    Needs the page locked, and an RCU read section.
    """
    root = await page_anon_vma_lock_root(page)
    if root is None:
        return SWAP_AGAIN
    result = SWAP_AGAIN
    for avc in root.head:
        nested = await lock_own(avc.vma, root)
        address = await vma_address(page, avc.vma)
        if address is not None:
            result = await rmap_one(k, page, avc.vma, address)
        if nested is not None:
            await nested.unlock()
        if result != SWAP_AGAIN:
            break
    await root.lock.unlock()
    return result


async def page_anon_vma_lock_root(page: Page) -> AnonVma | None:
    """The root of the page's anon_vma, locked; None if it has none.

    Needs the page locked, and an RCU read section.
    """
    anon_vma = page.mapping
    return await anon_vma_lock_root(anon_vma) if isinstance(anon_vma, AnonVma) else None


async def anon_vma_lock_root(anon_vma: AnonVma) -> AnonVma | None:
    """The oldest anon_vma of a family, locked; None if nobody is left in it.

    Needs an RCU read section: nothing else keeps the root between the two locks.
    """
    await anon_vma.lock.lock()
    await check_alive(anon_vma)
    if not anon_vma.head:
        await anon_vma.lock.unlock()
        return None
    first = anon_vma.head[0].vma
    chain = await read_plain(first, VMA.anon_vma_chain)
    root = chain[-1].anon_vma
    if root is not anon_vma:
        await anon_vma.lock.unlock()
        await root.lock.lock()
        await check_alive(root)
    return root


async def lock_own(vma: VmArea, root: AnonVma) -> SpinLock | None:
    """The lock of the VMA's own anon_vma, taken; None if that is the root.

    Needs the root's lock.  Raises NullPointer, as the series would.
    """
    own = await read_plain(vma, VMA.anon_vma)
    if own is root:
        return None
    if own is None:
        raise NullPointer(f"{vma.name} has no anon_vma yet")
    await own.lock.lock_nested(1)
    return own.lock


async def rmap_walk_ksm(k: Kernel, page: Page, rmap_one: RmapOne) -> int:
    """Walk the places that were merged into a KSM page, each at its own address.

    First the address spaces that KSM knows, then those that were forked from them
    since.  Needs the page locked.
    """
    node = page_stable_node(page)
    for search_new_forks in (False, True):
        for item in node.hlist:
            result = await walk_item(
                k, page, item, rmap_one, search_new_forks=search_new_forks
            )
            if result != SWAP_AGAIN:
                return result
    return SWAP_AGAIN


async def walk_item(
    k: Kernel,
    page: Page,
    item: RmapItem,
    rmap_one: RmapOne,
    *,
    search_new_forks: bool,
) -> int:
    """The VMAs at the address of one place, in its own address space or in others.

    Needs the page locked.  Raises NullPointer if the anon_vma has no VMA any more.
    """
    anon_vma = not_null(item.anon_vma, f"{page.name} has no anon_vma")
    root = await anon_vma_lock_root(anon_vma)
    if root is None:  # the series does not ask
        raise NullPointer(f"{anon_vma.name} has no VMA any more, so no root")
    result = SWAP_AGAIN
    for avc in root.head:
        vma = avc.vma
        nested = await lock_own(vma, root)
        start = await read_plain(vma, VMA.vm_start)
        inside = start <= item.address < await read_once(vma, VMA.vm_end)
        if inside and (vma.mm is not item.mm) == search_new_forks:
            result = await rmap_one(k, page, vma, item.address)
        if nested is not None:
            await nested.unlock()
        if result != SWAP_AGAIN:
            break
    await root.lock.unlock()
    return result


ROOT_ORDER = evolve(
    LOCAL_LOCK,
    name="root-order",
    title="walks lock the root, and then each VMA's own anon_vma",
    tag="A5",
    source="Mel Gorman after Linus Torvalds; patch 1 of version 6, 6 May 2010",
    closes="vma-adjust, boundary-shift, stack-growth, ksm-walk",
    costs="two locks, and a walk over the whole family of processes",
    story=__doc__,
    base=LOCAL_LOCK,
    vma_adjust=vma_adjust,
    rmap_walk_anon=rmap_walk_anon,
    rmap_walk_ksm=rmap_walk_ksm,
)
