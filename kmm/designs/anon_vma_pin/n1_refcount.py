"""2.6.35: a reference, if the page is mapped (3f6c82728f4e, 67b9509b2c68).

A mapped page keeps its anon_vma.  So migration asks whether it is mapped, and takes a
reference then.  Between the two the last process that has the page may exit, and free
the anon_vma: the window is small, and stayed open until 2.6.38.
"""

from __future__ import annotations

from attrs import evolve

from ...mm.kernel import Kernel
from ...mm.mm_types import AnonVma, Page
from ...mm.rmap import drop_anon_vma, get_anon_vma, page_mapped
from .n0_rcu_only import RCU_ONLY


async def pin_anon_vma(k: Kernel, page: Page) -> AnonVma | None:
    """The page's anon_vma, with a reference; None if nothing maps the page.

    Needs the page locked, and an RCU read section.
    """
    if not await page_mapped(page):
        return None
    anon_vma = page.mapping
    if not isinstance(anon_vma, AnonVma):
        return None
    await get_anon_vma(anon_vma)
    return anon_vma


async def unpin_anon_vma(anon_vma: AnonVma) -> None:
    """Drop the reference, and free the anon_vma if nobody else has it.

    Takes anon_vma.lock.
    """
    await drop_anon_vma(anon_vma)


REFCOUNT = evolve(
    RCU_ONLY,
    name="refcount",
    title="a reference, taken if the page is mapped",
    tag="N1",
    source="Mel Gorman, 3f6c82728f4e and 67b9509b2c68; Linux 2.6.35",
    closes="anon-vma-lifetime, but for the moment between the question and the count",
    costs="two atomic operations for each page that is moved",
    story=__doc__,
    base=RCU_ONLY,
    pin_anon_vma=pin_anon_vma,
    unpin_anon_vma=unpin_anon_vma,
)
