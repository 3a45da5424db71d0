"""What keeps a page's anon_vma in Linux 2.6.34, while it migrates: nothing does."""

from __future__ import annotations

from attrs import evolve

from kmm.designs.anon_vma_pin.n0_rcu_only import RCU_ONLY
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import AnonVma, Page


async def pin_anon_vma(k: Kernel, page: Page) -> AnonVma | None:
    """The page's anon_vma, to be kept until unpin_anon_vma; None if nothing maps it.

    Needs the page locked, and an RCU read section.
    """
    return page.mapping if isinstance(page.mapping, AnonVma) else None


async def unpin_anon_vma(anon_vma: AnonVma) -> None:
    """Let it go."""


ANSWER = evolve(
    RCU_ONLY,
    name="yours",
    title="what it does, in a line",
    pin_anon_vma=pin_anon_vma,
    unpin_anon_vma=unpin_anon_vma,
)
