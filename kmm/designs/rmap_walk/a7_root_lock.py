"""A7, Linux 2.6.36: one lock for the whole family, and walks of the page's own list.

Rik van Riel's series "always lock the root anon_vma", posted on 12 May and merged on 9
August 2010 (bb4a340e075b to 76545066c852), after Linus Torvalds' advice: each anon_vma
knows the oldest of its family, and whoever locks an anon_vma locks that one's lock.  So
walks, changes of VMAs, forks and growing stacks of a family all agree on one lock, a
walk need visit no more than the VMAs that may have the page, and there is no order of
locks to get wrong.  vma_adjust takes the lock again that 2.6.34 had dropped
(`locked_adjust`).

A root must outlive its family: each anon_vma has a reference to it (76545066c852).  And
since an anon_vma that is freed may be given out again with another root, a walk that
came by way of a page looks once more whether the page is mapped, when it has the lock
(f18194275c39).

The price is that the family shares one lock.  That was felt when pages were moved
between nodes all day: since Linux 3.8 walks share it, for reading (4fc3f1d66b1e).
"""

from __future__ import annotations

from attrs import evolve

from ...mm.kernel import Kernel
from ...mm.mm_types import ANON_VMA, PAGE, VMA, AnonVma, AnonVmaChain, Page, VmArea
from ...mm.rmap import (
    anon_vma_chain_link,
    anon_vma_clone,
    find_mergeable_anon_vma,
    free_anon_vma,
    get_anon_vma,
    page_mapped,
)
from ...mm.slab import check_alive, kmem_cache_alloc
from ...sim.access import modify_plain, read_once, write_once, write_plain
from .a1_local_lock import LOCAL_LOCK
from .locked_adjust import vma_adjust


async def anon_vma_prepare(k: Kernel, vma: VmArea) -> None:
    """See to it that a VMA has an anon_vma before it gets its first page.

    A neighbour's, if the two may be merged one day, or a new one, its own root.
    Needs mmap_sem for reading.  Two faults may come here at once; page_table_lock
    decides.  Takes the root's lock, then page_table_lock.
    """
    if await read_once(vma, VMA.anon_vma) is not None:
        return
    found = await find_mergeable_anon_vma(vma)
    anon_vma = found or await kmem_cache_alloc(k.anon_vma_cachep)
    avc = AnonVmaChain(vma, anon_vma)
    async with anon_vma.lock, vma.mm.page_table_lock:
        if vma.anon_vma is None:
            await write_once(vma, VMA.anon_vma, anon_vma)
            (await modify_plain(vma, VMA.anon_vma_chain)).insert(0, avc)
            anon_vma.head.append(avc)
            return
    if found is None:
        await free_anon_vma(anon_vma)


async def anon_vma_fork(k: Kernel, vma: VmArea, parent: VmArea) -> None:
    """Tie a child's VMA to its parent's anon_vmas, and give it one of its own.

    Its root is the parent's, which it knows before anybody can find it.  Needs the
    parent's mmap_sem for writing.  Takes the root's lock.
    """
    if parent.anon_vma is None:
        return
    await anon_vma_clone(vma, parent)
    anon_vma = await kmem_cache_alloc(k.anon_vma_cachep)
    await write_once(anon_vma, ANON_VMA.root, parent.anon_vma.root)
    await get_anon_vma(anon_vma.root)
    await anon_vma_chain_link(vma, anon_vma)
    await write_plain(vma, VMA.anon_vma, anon_vma)


async def page_lock_anon_vma(k: Kernel, page: Page) -> AnonVma | None:
    """The page's anon_vma, locked, inside an RCU read section; None if unmapped.

    Until the page has been seen mapped under the lock, the anon_vma may be freed, and
    be another one by now, with another root.  Takes the root's lock.  The caller undoes
    this with page_unlock_anon_vma.
    """
    await k.rcu.read_lock()
    anon_vma = await read_once(page, PAGE.mapping)
    if not isinstance(anon_vma, AnonVma) or not await page_mapped(page):
        await k.rcu.read_unlock()
        return None
    root = await read_once(anon_vma, ANON_VMA.root)
    await root.own_lock.lock()
    await check_alive(root)
    if await page_mapped(page):
        return anon_vma
    await root.own_lock.unlock()
    await k.rcu.read_unlock()
    return None


ROOT_LOCK = evolve(
    LOCAL_LOCK,
    name="root-lock",
    title="every anon_vma lock is the root's",
    tag="A7",
    source="Rik van Riel, bb4a340e075b to 76545066c852; Linux 2.6.36",
    closes="vma-adjust, boundary-shift, boundary-shift-child, stack-growth, ksm-walk",
    costs="one lock for a whole family of processes; a reference to the root",
    story=__doc__,
    base=LOCAL_LOCK,
    vma_adjust=vma_adjust,
    anon_vma_prepare=anon_vma_prepare,
    anon_vma_fork=anon_vma_fork,
    page_lock_anon_vma=page_lock_anon_vma,
)
