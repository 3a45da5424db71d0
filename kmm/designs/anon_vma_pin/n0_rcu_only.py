"""2.6.34: RCU alone.

Migration is inside an RCU read section, so the memory of an anon_vma that is freed
meanwhile stays an anon_vma.  It may be another one by then: the slab gives it out again
at once.
"""

from __future__ import annotations

from ...mm.kernel import Kernel
from ...mm.mm_types import AnonVma, Page
from .question import AnonVmaPin


async def pin_anon_vma(k: Kernel, page: Page) -> AnonVma | None:
    """The page's anon_vma, whatever has become of it: nothing but RCU keeps it."""
    return page.mapping if isinstance(page.mapping, AnonVma) else None


async def unpin_anon_vma(anon_vma: AnonVma) -> None:
    """There is nothing to give back."""


RCU_ONLY = AnonVmaPin(
    name="rcu-only",
    title="an RCU read section, and no reference",
    tag="N0",
    source="mm/migrate.c:unmap_and_move; Linux 2.6.34",
    closes="nothing",
    costs="nothing",
    story=__doc__,
    pin_anon_vma=pin_anon_vma,
    unpin_anon_vma=unpin_anon_vma,
)
