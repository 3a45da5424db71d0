"""No kernel that ever was: entries are changed, and no CPU is told.

This is here to be broken.  A CPU that has used a page goes on using it by what its TLB
remembers, whatever the page tables say by now.  While a page migrates, its program
still writes to the old frame; what it writes after the copy is lost when the frame is
given back, and harms whoever gets it next.
"""

from __future__ import annotations

from ...hw.memory import VirtAddr
from ...mm.kernel import Kernel
from ...mm.mm_types import Mm, VmArea
from .question import TlbFlush


async def flush_tlb_page(k: Kernel, vma: VmArea, address: VirtAddr) -> None:
    """Tell nobody."""


async def flush_tlb_mm(k: Kernel, mm: Mm) -> None:
    """Tell nobody."""


OMIT = TlbFlush(
    name="omit",
    title="nobody is told",
    tag="T0",
    source="for teaching; no kernel did so",
    closes="nothing",
    costs="nothing",
    story=__doc__,
    flush_tlb_page=flush_tlb_page,
    flush_tlb_mm=flush_tlb_mm,
)
