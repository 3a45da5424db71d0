"""A reference, counted under the anon_vma's lock.

Who frees the anon_vma must have taken its lock after the last page was unmapped.  So
under that lock a page that is mapped has an anon_vma that is not freed, and the
reference is counted before the lock is given back.
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs.anon_vma_pin.n0_rcu_only import RCU_ONLY
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import AnonVma, Page
from kmm.mm.rmap import (
    drop_anon_vma,
    get_anon_vma,
    page_mapped,
    page_unlock_anon_vma,
)


async def pin_anon_vma(k: Kernel, page: Page) -> AnonVma | None:
    """The page's anon_vma, to be kept until unpin_anon_vma; None if nothing maps it.

    Needs the page locked, and an RCU read section.  Takes anon_vma.lock.
    """
    anon_vma = await k.rmap_walk.page_lock_anon_vma(k, page)
    if anon_vma is None:
        return None
    mapped = await page_mapped(page)
    if mapped:
        await get_anon_vma(anon_vma)
    await page_unlock_anon_vma(k, anon_vma)
    return anon_vma if mapped else None


async def unpin_anon_vma(anon_vma: AnonVma) -> None:
    """Let it go.  Takes anon_vma.lock."""
    await drop_anon_vma(anon_vma)


ANSWER = evolve(
    RCU_ONLY,
    name="yours",
    title="a reference, counted under the lock",
    pin_anon_vma=pin_anon_vma,
    unpin_anon_vma=unpin_anon_vma,
)
