"""2.6.38: the reference is taken under the anon_vma's lock (1ce82b69e96c).

Whoever unmaps the last page and frees the anon_vma must take its lock in between.  So
migration takes that lock, sees whether the page is mapped still, and only then counts.
"""

from __future__ import annotations

from attrs import evolve

from ...mm.kernel import Kernel
from ...mm.mm_types import AnonVma, Page
from ...mm.rmap import (
    get_anon_vma,
    page_mapped,
    page_unlock_anon_vma,
)
from .n1_refcount import REFCOUNT


async def pin_anon_vma(k: Kernel, page: Page) -> AnonVma | None:
    """The page's anon_vma, with a reference; None if nothing maps the page.

    Takes anon_vma.lock.
    """
    anon_vma = await k.rmap_walk.page_lock_anon_vma(k, page)
    if anon_vma is None:
        return None
    found = await page_mapped(page)
    if found:
        await get_anon_vma(anon_vma)
    await page_unlock_anon_vma(k, anon_vma)
    return anon_vma if found else None


REFCOUNT_LOCKED = evolve(
    REFCOUNT,
    name="refcount-locked",
    title="a reference, taken under the anon_vma's lock",
    tag="N2",
    source="1ce82b69e96c; Linux 2.6.38",
    closes="anon-vma-lifetime",
    costs="the lock, once more for each page that is moved",
    story=__doc__,
    base=REFCOUNT,
    pin_anon_vma=pin_anon_vma,
)
