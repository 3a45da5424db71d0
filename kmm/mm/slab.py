"""The slab cache that anon_vmas come from, and go back to.

Linux: mm/slab.c, and SLAB_DESTROY_BY_RCU in include/linux/slab.h.

An anon_vma that is freed can be given out again at once, as another anon_vma.  What
SLAB_DESTROY_BY_RCU promises is only that the memory does not become anything else
before a grace period has passed: who looks at it inside an RCU read section that began
before it was freed finds *an* anon_vma, though perhaps not the one it was after.  Who
comes later may find anything, which `check_alive` reports as a use after free.

Called by `rmap` alone, and by designs for it.  A rule for its callers: free an anon_vma
only when its list is empty and nobody has counted a reference, both seen under its
lock.

Left out: per-CPU free lists, what slabs are made of, and running out of memory.
"""

from __future__ import annotations

from attrs import define, field, fields

from ..sim.access import modify_once, read_once, write_once
from ..sim.failure import UseAfterFree
from ..sim.locks import SpinLock
from ..sim.rcu import Rcu
from ..sim.trap import get_current
from .mm_types import ANON_VMA, AnonVma


@define(eq=False)
class KmemCache:
    """struct kmem_cache, of objects that readers may follow stale pointers to."""

    name: str
    rcu: Rcu
    made: int = 0  # objects so far, for their names
    # Kept by a lock of its own.  The last one freed is the first to be used again.
    free: list[AnonVma] = field(factory=list)


CACHE = fields(KmemCache)


def anon_vma_cachep(rcu: Rcu) -> KmemCache:
    """A cache with nothing in it."""
    return KmemCache("anon_vma_cachep", rcu)


async def kmem_cache_alloc(cache: KmemCache) -> AnonVma:
    """An anon_vma with nothing on its list: one that was freed, if there is any.

    Its root is itself.  Somebody may have its lock, by a stale pointer.
    """
    free = await modify_once(cache, CACHE.free)
    if not free:
        return new_object(cache)
    anon_vma = free.pop()
    await write_once(anon_vma, ANON_VMA.freed, False)
    await write_once(anon_vma, ANON_VMA.root, anon_vma)
    return anon_vma


def new_object(cache: KmemCache) -> AnonVma:
    """One that has never been used.  Its lock is made once, and outlives its owners."""
    cache.made += 1
    name = f"anon_vma#{cache.made}"
    return AnonVma(name, SpinLock(f"{name}.lock"), cache)


async def kmem_cache_free(anon_vma: AnonVma) -> None:
    """Give one back to its cache.  Raises UseAfterFree if somebody has done so already.

    Nobody may find it any more but by a stale pointer.  Takes no lock.
    """
    cache = anon_vma.cache
    if anon_vma.freed:
        raise UseAfterFree(f"BUG: KASAN: double-free of {anon_vma.name}")
    anon_vma.freed_after = await cache.rcu.sections_so_far()
    await write_once(anon_vma, ANON_VMA.freed, True)
    (await modify_once(cache, CACHE.free)).append(anon_vma)


async def check_alive(anon_vma: AnonVma) -> None:
    """Somebody touches an anon_vma that nothing but RCU may keep.

    Raises UseAfterFree if it is free, and was before this thread's read section began.
    (The model's own; Linux would go on with whatever it finds.)
    """
    if not await read_once(anon_vma, ANON_VMA.freed):
        return
    current = await get_current()
    known = anon_vma.cache.rcu.sections
    sections = [number for number, who in known if who is current]
    if not sections or min(sections) > anon_vma.freed_after:
        raise UseAfterFree(
            f"BUG: KASAN: use-after-free of {anon_vma.name}",
            "it was freed before this RCU read section began"
            if sections
            else "this is no RCU read section",
        )
