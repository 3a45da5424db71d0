"""tlb-stale, tlb-flushed, tlb-lazy: a program writes to a page while it migrates.

CPU 1 runs the program, which has written to the page before, so its TLB knows where
the page is and that it may be written to.  CPU 0 compacts memory and moves the page.
Nothing that the program does needs the kernel: it neither faults nor takes a lock.

In tlb-lazy a kernel thread runs on CPU 1 in between.  It borrows the program's address
space, and CR3 with it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from attrs import evolve

from ..kernel.sched import context_switch
from ..mm.boot import run_on, run_task, start_kernel
from ..mm.kernel import Config, Designs, Kernel
from ..mm.mm_types import Task
from ..mm.swap import lru_add_drain
from ..sim.scene import Scene
from ..sim.thread import KThread
from .migrating import compact
from .process import DATA, SceneProcess, start_in_scene
from .race import Race
from .running import race_scene

Program = Callable[[Kernel, SceneProcess], Coroutine[Any, Any, None]]


def set_up(program: Program, designs: Designs, config: Config) -> Scene:
    """The program has written once; nobody has done anything else yet."""
    k = start_kernel(config, designs)
    run_task(k, "compact", 3977, cpu=0)
    process = start_in_scene(k, "writer", 4022, cpu=1, flags=DATA)
    run_on(k, write_first(k, process), cpu=1)
    page = process.page(0)
    assert page is not None

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("writer", 4022, 1, program(k, process)),
        ]

    return race_scene(k, threads, [process])


async def write_first(k: Kernel, process: SceneProcess) -> None:
    """The program's page is made, and is on the LRU, to be found."""
    await process.write(0, b"one")
    await lru_add_drain(k)


async def write_again(k: Kernel, process: SceneProcess) -> None:
    await process.write(0, b"two")


async def sleep_and_write_again(k: Kernel, process: SceneProcess) -> None:
    """The program sleeps, and a kernel thread has the CPU meanwhile."""
    thread = Task("events/1", 10, process.task.cpu, None, k.init_mm)
    await context_switch(k, process.task, thread)
    await context_switch(k, thread, process.task)
    await process.write(0, b"two")


TLB_FLUSHED = Race(
    name="tlb-flushed",
    title="a program writes to a page that is migrating",
    asks="Can a write be lost that a program makes while its page migrates?",
    story=(
        "A CPU that knows a page from its TLB does not look at the page table.  So a "
        "migration entry in the table does not stop a program that is writing already; "
        "what stops it is that the migration interrupts its CPU, and waits until that "
        "CPU has forgotten the page.  Only then is the page copied."
    ),
    watch=(
        "the TLB of CPU 1, and what is in the two frames: is the old one written to "
        "after it was copied?"
    ),
    threads=(
        "compaction migrates the page that the program is writing to",
        "the program writes once more, without any help of the kernel",
    ),
    set_up=partial(set_up, write_again),
    config=Config(cpus=2, frames=16, migrate_passes=1),
)

TLB_STALE = evolve(
    TLB_FLUSHED,
    name="tlb-stale",
    title="the same, and nobody tells the program's CPU",
    asks="What is lost if a migration does not flush the TLBs of other CPUs?",
    sets={"tlb-flush": "omit"},
)

TLB_LAZY = evolve(
    TLB_FLUSHED,
    name="tlb-lazy",
    title="the same, with a kernel thread on the program's CPU in between",
    asks=(
        "Does a program come back to a stale translation after a kernel thread has "
        "borrowed its address space?"
    ),
    story=(
        "A kernel thread leaves CR3 and the TLB alone, and with them what they know of "
        "the program's pages.  A flush that comes meanwhile takes the CPU out of the "
        "address space's cpu_vm_mask, so that no other flush need interrupt it.  When "
        "the program comes back, the CPU is not in the mask: CR3 must be loaded again."
    ),
    watch="cpu_vm_mask, and whether CPU 1 loads CR3 when the program comes back",
    threads=(
        "compaction migrates the page that the program has written to",
        "the program makes way for a kernel thread, comes back, and writes once more",
    ),
    set_up=partial(set_up, sleep_and_write_again),
)
