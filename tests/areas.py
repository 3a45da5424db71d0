"""Programs with one area of anonymous memory, which tests fill and look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import define

from kmm.hw.memory import PAGE_SHIFT, PAGE_SIZE, PhysAddr, VirtAddr
from kmm.kernel.process import Process, start_process
from kmm.kernel.syscalls import sys_madvise, sys_munmap
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Page, PG_uptodate, VmArea
from kmm.mm.pgtable import find_pte, mk_pte, pte_alloc, pte_mkwrite, pte_pfn
from kmm.mm.rmap import anon_vma_prepare, page_add_new_anon_rmap
from kmm.mm.swap import lru_cache_add_active_anon
from kmm.sim.machine import run_alone

AREA = VirtAddr(0x7F00_0000_0000)


@define(eq=False)
class Area:
    """A process, and its pages from AREA on."""

    process: Process
    pages: int

    @property
    def k(self) -> Kernel:
        return self.process.k

    @property
    def vma(self) -> VmArea:
        """The first VMA, which is the only one unless a test has changed that."""
        return self.process.mm.mmap[0]

    def address(self, page: int) -> VirtAddr:
        return VirtAddr(AREA + page * PAGE_SIZE)

    def fill(self, page: int, letter: str) -> None:
        """Write the same letter all over a page."""
        self.process.store(self.address(page), letter.encode() * PAGE_SIZE)

    def fill_all(self, letters: str) -> None:
        """A letter for each page."""
        for page, letter in enumerate(letters):
            self.fill(page, letter)

    def letter(self, page: int) -> str:
        """What a page begins with.  Reading it may fault it in."""
        return self.process.load(self.address(page), 1).decode()

    def letters(self) -> str:
        return "".join(self.letter(page) for page in range(self.pages))

    def pte(self, page: int) -> int:
        pointer = run_alone(find_pte(self.k, self.process.mm, self.address(page)))
        return pointer.value if pointer else 0

    def page(self, page: int) -> Page:
        """The page that is mapped there."""
        return self.k.mem_map[pte_pfn(self.pte(page))]

    def pfns(self) -> list[int]:
        return [int(self.page(page).pfn) for page in range(self.pages)]

    def advise(self, behaviour: int) -> int:
        """madvise for the whole area."""
        length = self.pages * PAGE_SIZE
        call = sys_madvise(self.k, self.process.task, AREA, length, behaviour)
        return self.process.run(call)

    def unmap(self, page: int, pages: int = 1) -> None:
        length = pages * PAGE_SIZE
        call = sys_munmap(self.k, self.process.task, self.address(page), length)
        assert self.process.run(call) == 0

    def fork(self, cpu: int | None = None) -> Area:
        """The same area in a child."""
        return Area(self.process.fork(cpu), self.pages)


def area(k: Kernel, pages: int, cpu: int = 0) -> Area:
    """A new process, none of whose pages has been touched."""
    process = start_process(k, "area", cpu)
    process.map_anonymous(AREA, pages)
    return Area(process, pages)


def area_in(k: Kernel, pfns: Sequence[int], letters: str, cpu: int = 0) -> Area:
    """A new process whose pages are in these frames, which the kernel must not have.

    The pages are as full of `letters`, in turn, as if it had written them in order.
    """
    made = area(k, len(pfns), cpu)
    made.process.run(place(made, pfns, letters))
    return made


async def place(made: Area, pfns: Sequence[int], letters: str) -> None:
    k, vma = made.k, made.vma
    await anon_vma_prepare(k, vma)
    for number, pfn in enumerate(pfns):
        address = made.address(number)
        ptep = await pte_alloc(k, made.process.mm, address)
        assert ptep is not None
        page = k.mem_map[pfn]
        page.count, page.flags = 1, PG_uptodate
        data = letters[number % len(letters)].encode() * PAGE_SIZE
        k.memory.write(PhysAddr(pfn << PAGE_SHIFT), data)
        page_add_new_anon_rmap(page, vma, address)
        await lru_cache_add_active_anon(k, page)
        await ptep.write(pte_mkwrite(mk_pte(page, vma.vm_page_prot)))


def all_but(frames: range, pfns: Iterable[int]) -> list[range]:
    """`frames` without some, as ranges: what a kernel may have at first."""
    bounds = sorted(pfn for pfn in pfns if pfn in frames)
    starts = [frames.start, *(pfn + 1 for pfn in bounds)]
    ends = [*bounds, frames.stop]
    return [range(a, b) for a, b in zip(starts, ends, strict=True) if a < b]
