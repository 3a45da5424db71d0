"""Kernels and address spaces for tests, in one line each."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from attrs import define

from kmm.designs import KernelSpec, find_kernel
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.mm.boot import run_on, start_kernel
from kmm.mm.buddy import free_blocks
from kmm.mm.gfp import GFP_ATOMIC, GFP_HIGHUSER_MOVABLE
from kmm.mm.kernel import Config, Kernel
from kmm.mm.migrate import unmap_and_move
from kmm.mm.mm_types import VM_STACK_FLAGS, Mm, Page, Task, VmArea
from kmm.mm.page_alloc import alloc_page
from kmm.mm.pgtable import find_pte, pte_pfn
from kmm.mm.swap import lru_add_drain_all
from kmm.mm.vmscan import putback_lru_page
from kmm.scenarios.process import BASE as BASE
from kmm.scenarios.process import start_in_scene
from kmm.sim.machine import Machine, run_alone
from kmm.sim.thread import KThread
from kmm.sim.trap import Op

T = TypeVar("T")

GROWS = VM_STACK_FLAGS


def boot(kernel: str | KernelSpec = "2.6.34", **config: Any) -> Kernel:
    spec = find_kernel(kernel) if isinstance(kernel, str) else kernel
    return start_kernel(Config(**{"frames": 32, **config}), spec)


@define(eq=False)
class Process:
    """A task on CPU 1 with one VMA of a few pages at BASE."""

    k: Kernel
    task: Task
    mm: Mm
    vma: VmArea

    def write(self, page: int, data: bytes) -> None:
        """Let the program write at a page's start; leave no page in a pagevec."""
        alone(self.task.cpu.store(self.address(page), data, user=True), self.k, cpu=1)
        settle(self.k)

    def read(self, page: int, size: int) -> bytes:
        body = self.task.cpu.load(self.address(page), size, user=True)
        return alone(body, self.k, cpu=1)

    def address(self, page: int) -> VirtAddr:
        return VirtAddr(BASE + page * PAGE_SIZE)

    def pte(self, page: int) -> int:
        pointer = run_alone(find_pte(self.k, self.mm, self.address(page)))
        return pointer.value if pointer else 0

    def page(self, page: int) -> Page:
        return self.k.mem_map[pte_pfn(self.pte(page))]


def process(k: Kernel, pages: int = 4, flags: int = GROWS) -> Process:
    made = start_in_scene(k, "test", 7, 1, pages, flags)
    return Process(k, made.task, made.mm, made.vma)


def alone(body: Coroutine[Any, Any, T], k: Kernel | None = None, cpu: int = 0) -> T:
    """Run a kernel function to its end with no other thread about.

    With a kernel, the other CPUs answer when they are interrupted.
    """
    if k is None:
        return run_alone(body)
    return run_on(k, body, cpu)


def thread(index: int, body: Coroutine[Any, Any, object]) -> KThread:
    return KThread(f"t{index}", 100 + index, index, body)


def settle(k: Kernel) -> None:
    """Empty the pagevecs, so that pages are on the LRU, or free."""
    alone(lru_add_drain_all(k), k)


def is_free(page: Page) -> bool:
    """Whether a page is free: in a block of the buddy allocator, or kept by a CPU."""
    return page in free_pages_of_zone(page)


def free_pages_of_zone(page: Page) -> set[Page]:
    zone = page.zone
    kept = {p for pcp in zone.pageset for pages in pcp.lists for p in pages}
    for head, order, _ in free_blocks(zone):
        if head.pfn <= page.pfn < head.pfn + (1 << order):
            kept.add(page)
    return kept


def free_frames(k: Kernel) -> int:
    """How many frames nobody uses."""
    kept = sum(pcp.count for zone in k.zones for pcp in zone.pageset)
    return kept + sum(zone.nr_free_pages for zone in k.zones)


def lru_pages(k: Kernel) -> list[Page]:
    return [page for zone in k.zones for lru in zone.lru for page in lru]


def use_up_memory(k: Kernel) -> list[Page]:
    """Take every page there is."""
    taken = []
    while (page := alone(alloc_page(k, GFP_ATOMIC), k)) is not None:
        taken.append(page)
    return taken


async def new_frame(k: Kernel, _: Page) -> Page | None:
    """Where a migrating page may go."""
    return await alloc_page(k, GFP_HIGHUSER_MOVABLE)


async def move(k: Kernel, page: Page) -> None:
    """Migrate a page that is off the LRU; put it back there if it cannot be moved."""
    left = [page]
    await unmap_and_move(k, page, left, new_frame, force=True, offlining=False)
    for each in left:
        await putback_lru_page(k, each)


# Threads driven by hand.


def go_until(machine: Machine, index: int, stop: Callable[[KThread, Op], bool]) -> None:
    """Run one thread alone until `stop` says so of what it is about to do.

    Where it waits for another CPU to be interrupted, it is.
    """
    thread = machine.threads[index]
    while thread.pending and not machine.failure and not stop(thread, thread.pending):
        if not thread.pending.possible():
            answer_interrupts(machine)
        assert thread.pending.possible(), f"{thread.name} is stuck: {thread.pending}"
        machine.step(thread)


def answer_interrupts(machine: Machine) -> None:
    while busy := [thread for thread in machine.enabled() if thread.daemon]:
        machine.step(busy[0])


def go_while_possible(machine: Machine, index: int) -> None:
    """Run one thread alone until it has to wait, or has ended."""
    go_until(machine, index, lambda _thread, op: not op.possible())


def to_end(machine: Machine, index: int) -> None:
    go_until(machine, index, lambda _thread, _op: False)


def functions_of(thread: KThread) -> list[str]:
    """The model's functions that a suspended thread is in, innermost first."""
    return [place.function for place in thread.call_trace()]
