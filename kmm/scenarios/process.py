"""A program for a scenario: an address space with some anonymous memory, on a CPU.

What it does is a part of a run, step by step, and it knows what must be in its memory.
(Calls of `kernel.process.Process` are made from outside, each as a whole.)
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from attrs import define, field

from ..hw.memory import PAGE_SHIFT, PAGE_SIZE, PhysAddr, VirtAddr
from ..kernel.fork import copy_process
from ..kernel.sched import context_switch
from ..kernel.syscalls import sys_mprotect
from ..mm.boot import run_on, run_task
from ..mm.kernel import Kernel, new_mm
from ..mm.mm_types import (
    VM_ACCOUNT,
    VM_DATA_DEFAULT_FLAGS,
    VM_STACK_FLAGS,
    Mm,
    Page,
    Task,
    VmArea,
)
from ..mm.mmap import PROT_READ
from ..mm.observe import owners_of
from ..mm.page_alloc import alloc_zeroed_page
from ..mm.pgtable import find_pte, pte_pfn, pte_present
from ..mm.swap import lru_add_drain_all
from ..mm.vma import insert_vm_struct, vm_area_alloc
from ..sim.failure import Corruption
from ..sim.machine import run_alone

T = TypeVar("T")

BASE = VirtAddr(0x7F00_0000_0000)

STACK = VM_STACK_FLAGS
DATA = VM_DATA_DEFAULT_FLAGS | VM_ACCOUNT


@define(eq=False)
class SceneProcess:
    """A task whose memory is, at first, one VMA of a few pages at BASE."""

    k: Kernel
    task: Task
    mm: Mm
    vma: VmArea
    written: dict[VirtAddr, bytes] = field(factory=dict)  # what must be in memory

    def address(self, page: int) -> VirtAddr:
        return VirtAddr(BASE + page * PAGE_SIZE)

    def page(self, number: int) -> Page | None:
        """The page that is mapped at address(number); None if none is."""
        return self.page_at(self.address(number))

    def page_at(self, address: VirtAddr) -> Page | None:
        ptep = run_alone(find_pte(self.k, self.mm, address))
        if ptep is None or not pte_present(ptep.value):
            return None
        return self.k.mem_map[pte_pfn(ptep.value)]

    # What the program does in a run.

    async def write(self, page: int, data: bytes) -> None:
        """Write at the start of a page, in user mode."""
        self.written[self.address(page)] = data
        await self.task.cpu.store(self.address(page), data, user=True)

    async def read_back(self, page: int) -> None:
        """Read what was written to a page last.  Raises Corruption."""
        await self.read_back_at(self.address(page))

    async def read_back_at(self, address: VirtAddr) -> None:
        data = self.written[address]
        found = await self.task.cpu.load(address, len(data), user=True)
        self.compare(address, data, found)

    async def mprotect(self, page: int, pages: int, prot: int) -> None:
        length = pages * PAGE_SIZE
        await sys_mprotect(self.k, self.task, self.address(page), length, prot)

    # Before a run and after it, when nobody else is about.

    def store(self, page: int, data: bytes) -> Page:
        """Write to a page, which is on the LRU then, to be found."""
        self.run(self.write(page, data))
        self.run(lru_add_drain_all(self.k))
        found = self.page(page)
        assert found is not None
        return found

    def split(self, page: int) -> None:
        """Cut the VMA in two at a page: what is below it may only be read."""
        self.run(self.mprotect(0, page, PROT_READ))

    def fork(self, comm: str, pid: int) -> SceneProcess:
        """A child, which has the CPU from here on; the parent sleeps."""
        child = self.run(copy_process(self.k, self.task))
        assert isinstance(child, Task), "a scenario has memory enough to start with"
        assert child.mm is not None
        del self.k.tasks[child.pid]
        child.comm, child.pid = comm, pid
        self.k.tasks[pid] = child
        self.run(context_switch(self.k, self.task, child))
        vma = child.mm.mmap[0]
        return SceneProcess(self.k, child, child.mm, vma, dict(self.written))

    def run(self, body: Coroutine[Any, Any, T]) -> T:
        return run_on(self.k, body, self.task.cpu.number)

    def expect(self) -> None:
        """What the program wrote must be in memory, wherever its pages are by now.

        Raises Corruption.
        """
        for address, data in self.written.items():
            mapped = self.page_at(address)
            place = PhysAddr(mapped.pfn << PAGE_SHIFT) if mapped else PhysAddr(0)
            found = self.k.memory.read(place, len(data)) if mapped else b""
            self.compare(address, data, found)

    def compare(self, address: VirtAddr, data: bytes, found: bytes) -> None:
        if found != data:
            page = self.page_at(address)
            raise Corruption(
                f"{self.task.comm}[{self.task.pid}]: wrote {data!r} at {address:#x}, "
                f"memory holds {found!r}",
                *(owners_of(self.k, page) if page else ["no page is mapped there"]),
            )


def start_in_scene(
    k: Kernel,
    comm: str,
    pid: int,
    cpu: int,
    pages: int = 1,
    flags: int = STACK,
) -> SceneProcess:
    """Run a program with `pages` pages of memory, none of them touched yet."""
    pgd = run_on(k, alloc_zeroed_page(k), cpu)
    assert pgd is not None, "a scenario has memory enough to start with"
    mm = new_mm(k, PhysAddr(pgd.pfn << PAGE_SHIFT))
    end = VirtAddr(BASE + pages * PAGE_SIZE)
    vma = vm_area_alloc(k, mm, BASE, end, flags)
    insert_vm_struct(mm, vma)
    return SceneProcess(k, run_task(k, comm, pid, cpu, mm), mm, vma)
