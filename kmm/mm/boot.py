"""A kernel with all of its memory free, and tasks on its CPUs.

Linux: init/main.c:start_kernel, arch/x86/kernel/traps.c.

This sets the scene for a run: nothing else goes on meanwhile, so that no lock is taken
here.  Frames are counted in pages, by pfn; the first two are the kernel's own.

Left out: everything of booting but memory and idle CPUs.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from ..hw.apic import serve_interrupts
from ..hw.cpu import Cpu
from ..hw.memory import PAGE_SHIFT, Pfn, PhysAddr, PhysicalMemory, VirtAddr
from ..sim.machine import run_alone
from ..sim.rcu import Rcu
from ..sim.thread import KThread
from ..sim.wait import WaitQueue
from .buddy import free_one_page
from .compaction import try_to_compact_pages
from .fault import do_page_fault
from .kernel import (
    Config,
    Designs,
    Kernel,
    Kswapd,
    Later,
    current_task,
    mm_init,
)
from .ksm import Ksm
from .mm_types import Mm, PG_reserved, Task, address_space
from .mmzone import (
    MAX_ORDER,
    MIGRATE_TYPES,
    MemMap,
    Zone,
    min_free_kbytes_of,
    nodes_of,
    setup_per_zone_lowmem_reserve,
    setup_per_zone_wmarks,
    setup_zone_migrate_reserve,
)
from .slab import anon_vma_cachep
from .smp import CALL_FUNCTION_VECTOR, CallFunction, call_function_interrupt
from .swap import PageVecs, put_page
from .swapfile import SwapInfo
from .tlb import (
    enter_lazy_tlb,
    set_up_shootdown,
    smp_invalidate_interrupt,
    switch_mm,
)
from .vmscan import try_to_free_pages, wakeup_kswapd

T = TypeVar("T")

SWAPPER_PG_DIR = PhysAddr(0)  # the kernel's own top table, in the kernel's own frame
ZERO_PAGE = Pfn(1)
RESERVED_FRAMES = 2


def start_kernel(
    config: Config, designs: Designs, usable: Sequence[range] | None = None
) -> Kernel:
    """Memory, its zones, and CPUs that are idle.

    `usable` are the frames that are free at first, in ascending order; all but the
    kernel's own, unless it is given.
    """
    memory = PhysicalMemory(config.frames)
    init_mm = mm_init("init_mm", SWAPPER_PG_DIR)
    nodes = nodes_of(config.frames, config.nodes, config.cpus, config.pageblock_order)
    mem_map = MemMap(nodes)
    rcu = Rcu()
    k = Kernel(
        config=config,
        rmap_walk=designs.rmap_walk,
        exec_stack=designs.exec_stack,
        take_all_locks=designs.take_all_locks,
        anon_vma_pin=designs.anon_vma_pin,
        pte_peek=designs.pte_peek,
        tlb_flush=designs.tlb_flush,
        call_rules=designs.call_rules,
        memory=memory,
        nodes=nodes,
        mem_map=mem_map,
        zero_page=mem_map[ZERO_PAGE],
        init_mm=init_mm,
        shootdown=set_up_shootdown(config.cpus, init_mm),
        call_function=CallFunction(),
        pagevecs=[PageVecs(number) for number in range(config.cpus)],
        swap=SwapInfo(config.swap_slots),
        swapper_space=address_space("swapper_space"),
        ksm=Ksm(),
        later=Later(wakeup_kswapd, try_to_compact_pages, try_to_free_pages),
        rcu=rcu,
        anon_vma_cachep=anon_vma_cachep(rcu),
        kswapds=[Kswapd(WaitQueue(f"kswapd{n}_wait")) for n in range(config.nodes)],
    )
    init_zones(k, usable or [range(RESERVED_FRAMES, config.frames)])
    start_cpus(k)
    return k


def init_zones(k: Kernel, usable: Sequence[range]) -> None:
    """Work out what is kept back, and give all free memory to the buddy allocator."""
    size = max(zone.pageblock_nr_pages for zone in k.zones)
    k.page_group_by_mobility_disabled = k.config.frames < size * MIGRATE_TYPES
    kept = k.config.min_free_kbytes
    if kept is None:
        kept = min_free_kbytes_of(k.config.frames << 2)
    setup_per_zone_wmarks(k.zones, kept)
    for node in k.nodes:
        setup_per_zone_lowmem_reserve(node)
    for pfn in range(RESERVED_FRAMES):
        page = k.mem_map[pfn]
        page.flags, page.count = PG_reserved, 1
    for zone in k.zones:
        setup_zone_migrate_reserve(zone)
        for frames in usable:
            free_all_bootmem(k, zone, frames)


def free_all_bootmem(k: Kernel, zone: Zone, frames: range) -> None:
    """Free those frames that are in a zone, in the largest blocks that fit.

    `frames` are pfns.
    """
    pfn = max(zone.zone_start_pfn, frames.start, RESERVED_FRAMES)
    end = min(zone.end_pfn, frames.stop)
    while pfn < end:
        order = MAX_ORDER - 1
        while pfn & ((1 << order) - 1) or pfn + (1 << order) > end:
            order -= 1
        free_one_page(k, zone, k.mem_map[pfn], order, zone.pageblock_type(pfn))
        pfn += 1 << order


def start_cpus(k: Kernel) -> None:
    """CPUs with nothing to do, in the kernel's own address space."""

    async def page_fault(
        cpu: Cpu, address: VirtAddr, error_code: int, user: bool
    ) -> None:
        task = await current_task(k)
        await do_page_fault(k, task, address, error_code, user=user)

    for number in range(k.config.cpus):
        cpu = Cpu(number, k.memory, page_fault, tlb_size=k.config.tlb_size)
        k.cpus.append(cpu)
        k.running.append(Task(f"swapper/{number}", 0, cpu, None, k.init_mm))
        k.init_mm.mm_count += 1


def run_task(k: Kernel, comm: str, pid: int, cpu: int, mm: Mm | None = None) -> Task:
    """Put a task on a CPU; without an `mm` it is a kernel thread, and borrows one.

    Whoever had the CPU is forgotten.
    """
    before = k.running[cpu]
    borrowed = before.active_mm
    task = Task(comm, pid, k.cpus[cpu], mm, mm or borrowed)
    k.running[cpu] = k.tasks[pid] = task
    if mm is None:
        borrowed.mm_count += 1
        enter_lazy_tlb(k, task.cpu)
    else:
        run_alone(switch_mm(k, task.cpu, borrowed, mm))
    if before.mm is None:
        borrowed.mm_count -= 1
        if borrowed.mm_count == 0:  # its process had ended; only this CPU still knew it
            del k.mms[borrowed.name]
            run_alone(put_page(k, k.mem_map[borrowed.pgd >> PAGE_SHIFT]))
    return task


def interrupt_threads(k: Kernel) -> list[KThread]:
    """For each CPU, the thread that answers when another CPU interrupts it."""

    async def handle(cpu: Cpu, vector: int) -> None:
        if vector == CALL_FUNCTION_VECTOR:
            await call_function_interrupt(k, cpu)
        else:
            await smp_invalidate_interrupt(k, cpu, vector)

    return [
        KThread("irq", n, n, serve_interrupts(cpu, handle), daemon=True)
        for n, cpu in enumerate(k.cpus)
    ]


def run_on(
    k: Kernel,
    body: Coroutine[Any, Any, T],
    cpu: int = 0,
    task: Task | None = None,
) -> T:
    """Run a coroutine on a CPU to its end, with nobody else about.

    It runs as `task`, or as whatever has the CPU.
    The other CPUs answer when they are interrupted.  Raises what `body` raises, and
    RuntimeError if it comes to wait for something that nobody will do.
    """
    alone = KThread("alone", 1, cpu, body, task=task)
    return run_alone(body, alone, interrupt_threads(k))
