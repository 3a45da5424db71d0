"""A kernel with all of its memory free, and tasks on its CPUs.

Linux: init/main.c:start_kernel, arch/x86/kernel/traps.c.

This sets the scene for a run: nothing else goes on meanwhile.
"""

from __future__ import annotations

from ..hw.apic import serve_interrupts
from ..hw.cpu import Cpu
from ..hw.memory import Pfn, PhysAddr, PhysicalMemory, VirtAddr
from ..sim.locks import Mutex
from ..sim.machine import run_alone
from ..sim.thread import KThread
from .fault import do_page_fault
from .kernel import Config, Designs, Kernel, mm_init
from .mm_types import Mm, Page, Task
from .tlb import (
    enter_lazy_tlb,
    set_up_shootdown,
    smp_invalidate_interrupt,
    switch_mm,
)

SWAPPER_PG_DIR = PhysAddr(0)  # the kernel's own top table, in the kernel's own frame


def start_kernel(config: Config, designs: Designs) -> Kernel:
    """Memory, its `struct page`s, and CPUs that are idle."""
    memory = PhysicalMemory(config.frames)
    init_mm = mm_init("init_mm", SWAPPER_PG_DIR)
    k = Kernel(
        config=config,
        rmap_walk=designs.rmap_walk,
        exec_stack=designs.exec_stack,
        pte_peek=designs.pte_peek,
        tlb_flush=designs.tlb_flush,
        memory=memory,
        mem_map=[
            Page(Pfn(pfn), Mutex(f"PG_locked of page {pfn:#x}"))
            for pfn in range(config.frames)
        ],
        init_mm=init_mm,
        shootdown=set_up_shootdown(config.cpus, init_mm),
    )

    async def page_fault(
        cpu: Cpu, address: VirtAddr, error_code: int, user: bool
    ) -> None:
        task = k.running[cpu.number]
        await do_page_fault(k, task, address, error_code, user=user)

    for number in range(config.cpus):
        cpu = Cpu(number, memory, page_fault, tlb_size=config.tlb_size)
        k.cpus.append(cpu)
        k.running.append(Task(f"swapper/{number}", 0, cpu, None, init_mm))
    # Frame 0 is the kernel's; the lowest of the others goes first.
    k.zone.free = list(reversed(k.mem_map[1:]))
    return k


def run_task(k: Kernel, comm: str, pid: int, cpu: int, mm: Mm | None = None) -> Task:
    """Put a task on a CPU; without an `mm` it is a kernel thread, and borrows one."""
    borrowed = k.running[cpu].active_mm
    task = Task(comm, pid, k.cpus[cpu], mm, mm or borrowed)
    k.running[cpu] = task
    if mm is None:
        enter_lazy_tlb(k, task.cpu)
    else:
        run_alone(switch_mm(k, task.cpu, borrowed, mm))
    return task


def interrupt_threads(k: Kernel) -> list[KThread]:
    """For each CPU, the thread that answers when another CPU interrupts it."""

    async def handle(cpu: Cpu, vector: int) -> None:
        await smp_invalidate_interrupt(k, cpu, vector)

    return [
        KThread("irq", n, n, serve_interrupts(cpu, handle), daemon=True)
        for n, cpu in enumerate(k.cpus)
    ]
