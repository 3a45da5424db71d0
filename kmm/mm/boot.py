"""A kernel with all of its memory free (Linux: init/main.c:start_kernel)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..hw.cpu import Cpu
from ..hw.memory import Pfn, PhysicalMemory, VirtAddr
from ..sim.locks import Mutex
from .fault import do_page_fault
from .kernel import Config, Kernel
from .mm_types import Page, Task

if TYPE_CHECKING:
    from ..designs.exec_stack import ExecStack
    from ..designs.pte_peek import PtePeek
    from ..designs.rmap_walk import RmapWalk


def start_kernel(
    config: Config, rmap_walk: RmapWalk, exec_stack: ExecStack, pte_peek: PtePeek
) -> Kernel:
    """Memory, its `struct page`s, and CPUs whose page faults come to Linux."""
    memory = PhysicalMemory(config.frames)
    mem_map = [
        Page(Pfn(pfn), Mutex(f"PG_locked of page {pfn:#x}"))
        for pfn in range(config.frames)
    ]
    k = Kernel(config, rmap_walk, exec_stack, pte_peek, memory, [], mem_map)

    async def page_fault(
        cpu: Cpu, address: VirtAddr, error_code: int, user: bool
    ) -> None:
        await do_page_fault(k, current(k, cpu), address, error_code, user=user)

    k.cpus = [Cpu(number, memory, page_fault) for number in range(config.cpus)]
    # Frame 0 is the firmware's, as on a PC; the lowest of the others goes first.
    k.zone.free = list(reversed(mem_map[1:]))
    return k


def current(k: Kernel, cpu: Cpu) -> Task:
    """The task that runs on a CPU."""
    return next(task for task in k.tasks if task.cpu is cpu)
