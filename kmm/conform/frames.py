"""Which frames a program's pages are in, as recordings write it down.

No two machines use the same frames.  So a recording numbers them in the order in which
they are come across: what matters is which pages are in the same one.
"""

from __future__ import annotations

from ..hw.memory import PAGE_SHIFT, Pfn, VirtAddr
from ..kernel.process import Process
from ..mm.mm_types import Page
from ..mm.pgtable import find_pte, pte_pfn, pte_present
from ..sim.machine import run_alone


def frame_at(process: Process, address: VirtAddr) -> Pfn | None:
    """The frame that is mapped at an address; None if none is."""
    ptep = run_alone(find_pte(process.k, process.mm, address))
    if ptep is None or not pte_present(ptep.value):
        return None
    return pte_pfn(ptep.value)


def page_at(process: Process, address: VirtAddr) -> Page | None:
    """The page that is mapped at an address; None if none is."""
    pfn = frame_at(process, address)
    return None if pfn is None else process.k.mem_map[pfn]


class Classes(dict[Pfn, int]):
    """Numbers for frames, in the order in which they are asked for."""

    def __missing__(self, pfn: Pfn) -> int:
        number = self[pfn] = len(self)
        return number


def pages(start: VirtAddr, number: int) -> list[VirtAddr]:
    """The addresses of so many pages."""
    return [VirtAddr(start + (n << PAGE_SHIFT)) for n in range(number)]
