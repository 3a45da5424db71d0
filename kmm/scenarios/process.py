"""A program for a scenario: an address space with some anonymous memory, on a CPU."""

from __future__ import annotations

from attrs import define

from ..hw.memory import PAGE_SHIFT, PAGE_SIZE, PhysAddr, VirtAddr
from ..mm.boot import run_on, run_task
from ..mm.kernel import Kernel, new_mm
from ..mm.mm_types import VM_STACK_FLAGS, Mm, Page, Task, VmArea
from ..mm.page_alloc import alloc_zeroed_page
from ..mm.pgtable import find_pte, pte_pfn, pte_present
from ..mm.vma import insert_vm_struct, vm_area_alloc
from ..sim.failure import Corruption
from ..sim.machine import run_alone

BASE = VirtAddr(0x7F00_0000_0000)


@define(eq=False)
class Process:
    """A task whose memory is one VMA of a few pages at BASE."""

    k: Kernel
    task: Task
    mm: Mm
    vma: VmArea

    def address(self, page: int) -> VirtAddr:
        return VirtAddr(BASE + page * PAGE_SIZE)

    def page(self, number: int) -> Page | None:
        """The page that is mapped at address(number); None if none is."""
        ptep = run_alone(find_pte(self.k, self.mm, self.address(number)))
        if ptep is None or not pte_present(ptep.value):
            return None
        return self.k.mem_map[pte_pfn(ptep.value)]

    async def write(self, page: int, data: bytes) -> None:
        """Let the program write at the start of a page."""
        await self.task.cpu.store(self.address(page), data, user=True)

    async def read(self, page: int, size: int) -> bytes:
        return await self.task.cpu.load(self.address(page), size, user=True)

    def expect(self, page: int, data: bytes) -> None:
        """What the program wrote last must be in memory, wherever its page is by now.

        Raises Corruption.
        """
        mapped = self.page(page)
        place = PhysAddr(mapped.pfn << PAGE_SHIFT) if mapped else PhysAddr(0)
        found = self.k.memory.read(place, len(data)) if mapped else b""
        if found != data:
            raise Corruption(
                f"{self.task.comm}[{self.task.pid}]: wrote {data!r} at "
                f"{self.address(page):#x}, memory holds {found!r}"
            )


def start_process(
    k: Kernel,
    comm: str,
    pid: int,
    cpu: int,
    pages: int = 1,
    flags: int = VM_STACK_FLAGS,
) -> Process:
    """Run a program with `pages` pages of memory, none of them touched yet."""
    pgd = run_on(k, alloc_zeroed_page(k), cpu)
    assert pgd is not None, "a scenario has memory enough to start with"
    mm = new_mm(k, PhysAddr(pgd.pfn << PAGE_SHIFT))
    end = VirtAddr(BASE + pages * PAGE_SIZE)
    vma = vm_area_alloc(k, mm, BASE, end, flags)
    insert_vm_struct(mm, vma)
    return Process(k, run_task(k, comm, pid, cpu, mm), mm, vma)
