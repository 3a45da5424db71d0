"""Kernels and address spaces for tests, in one line each."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from attrs import define

from kmm.designs import KernelSpec, find_kernel
from kmm.hw.memory import PAGE_SHIFT, PAGE_SIZE, PhysAddr, VirtAddr
from kmm.mm.boot import start_kernel
from kmm.mm.kernel import Config, Kernel, new_mm
from kmm.mm.mm_types import VM_STACK_FLAGS, Mm, Page, Task, VmArea
from kmm.mm.mmap import insert_vm_struct, vm_area_alloc
from kmm.mm.page_alloc import alloc_page, alloc_zeroed_page
from kmm.mm.pgtable import find_pte, pte_pfn
from kmm.sim.machine import Machine, run_alone
from kmm.sim.thread import KThread
from kmm.sim.trap import Op

T = TypeVar("T")

BASE = VirtAddr(0x7F00_0000_0000)
GROWS = VM_STACK_FLAGS


def boot(kernel: str | KernelSpec = "2.6.34", **config: int) -> Kernel:
    spec = find_kernel(kernel) if isinstance(kernel, str) else kernel
    return start_kernel(
        Config(**{"frames": 32, **config}),
        spec.rmap_walk,
        spec.exec_stack,
        spec.pte_peek,
    )


@define(eq=False)
class Process:
    """A task on CPU 1 with one VMA of a few pages at BASE."""

    k: Kernel
    task: Task
    mm: Mm
    vma: VmArea

    def write(self, page: int, data: bytes) -> None:
        """Let the program write at the start of a page."""
        run_alone(self.task.cpu.store(self.address(page), data, user=True))

    def read(self, page: int, size: int) -> bytes:
        return run_alone(self.task.cpu.load(self.address(page), size, user=True))

    def address(self, page: int) -> VirtAddr:
        return VirtAddr(BASE + page * PAGE_SIZE)

    def pte(self, page: int) -> int:
        pointer = run_alone(find_pte(self.k, self.mm, self.address(page)))
        return run_alone(pointer.read()) if pointer else 0

    def page(self, page: int) -> Page:
        return self.k.mem_map[pte_pfn(self.pte(page))]


def process(k: Kernel, pages: int = 4, flags: int = GROWS) -> Process:
    pgd = alone(alloc_zeroed_page(k))
    assert pgd is not None
    mm = new_mm(k, PhysAddr(pgd.pfn << PAGE_SHIFT))
    end = VirtAddr(BASE + pages * PAGE_SIZE)
    vma = vm_area_alloc(k, mm, BASE, end, flags)
    insert_vm_struct(mm, vma)
    task = Task("test", 7, k.cpus[1], mm)
    task.cpu.cr3 = mm.pgd
    k.tasks.append(task)
    return Process(k, task, mm, vma)


def alone(body: Coroutine[Any, Any, T]) -> T:
    """Run a kernel function to its end with no other CPU about."""
    return run_alone(body)


def thread(index: int, body: Coroutine[Any, Any, object]) -> KThread:
    return KThread(f"t{index}", 100 + index, index, body)


async def new_frame(k: Kernel, _: Page) -> Page | None:
    """Where a migrating page may go."""
    return await alloc_page(k)


# Threads driven by hand.


def go_until(machine: Machine, index: int, stop: Callable[[KThread, Op], bool]) -> None:
    """Run one thread alone until `stop` says so of what it is about to do."""
    thread = machine.threads[index]
    while thread.pending and not machine.failure and not stop(thread, thread.pending):
        assert thread.pending.possible(), f"{thread.name} is stuck: {thread.pending}"
        machine.step(thread)


def go_while_possible(machine: Machine, index: int) -> None:
    """Run one thread alone until it has to wait, or has ended."""
    go_until(machine, index, lambda _thread, op: not op.possible())


def to_end(machine: Machine, index: int) -> None:
    go_until(machine, index, lambda _thread, _op: False)


def functions_of(thread: KThread) -> list[str]:
    """The model's functions that a suspended thread is in, innermost first."""
    return [place.function for place in thread.call_trace()]
