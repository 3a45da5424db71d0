"""Switching a CPU from one task to another.

Linux: context_switch and finish_task_switch in kernel/sched.c.  Called by scenarios,
and by any CPU that is shared (`share_cpus`).  Left out: whose turn it is.  In an
exploration that is the search's choice: any process may go on at any moment, and gets
its CPU when it does.
"""

from __future__ import annotations

from ..hw.cpu import Cpu
from ..mm.kernel import Kernel
from ..mm.mm_types import MM, Mm, Task
from ..mm.tlb import enter_lazy_tlb, switch_mm
from ..sim.access import atomic_add
from ..sim.trap import get_current
from .mm_end import mmdrop


async def context_switch(k: Kernel, prev: Task, following: Task) -> None:
    """Let `following` run on the CPU of `prev`.  Turns interrupts off meanwhile.

    `prev` must be what runs there.  An address space that it had borrowed is dropped
    with interrupts on again, as finish_task_switch does, if the caller has them on:
    scenarios call this from a thread.
    """
    async with prev.cpu.interrupts:
        dropped = await switch_to(k, prev, following)
    if dropped is not None:
        await mmdrop(k, dropped)


async def switch_to(k: Kernel, prev: Task, following: Task) -> Mm | None:
    """The switch itself.  Needs the CPU's interrupts off.

    A kernel thread borrows the address space of the task before it, and CR3 stays as
    it is; a process gets its own.  Returns the address space that `prev` had borrowed,
    which the caller must drop; None if it has its own.  (Linux's switch_to is only
    about registers and stacks, which a coroutine has for itself.)
    """
    cpu, borrowed = prev.cpu, prev.active_mm
    if following.mm is None:
        following.active_mm = borrowed
        await atomic_add(borrowed, MM.mm_count, +1)
        enter_lazy_tlb(k, cpu)
    else:
        await switch_mm(k, cpu, borrowed, following.mm)
    k.running[cpu.number] = following
    return borrowed if prev.mm is None else None


def share_cpus(k: Kernel) -> None:
    """From here on several processes may have the same CPU.

    Whenever one of them touches memory, its CPU switches to it first, unless it has
    the CPU already.  The CPU calls this with interrupts off (`Cpu.before_instruction`),
    so here a borrowed address space is dropped with them off.  That is harmless: mmdrop
    frees one page at most, never sleeps, and spins for zone.lock alone, whose holder
    waits for no answer from this CPU.
    """

    async def before_instruction(cpu: Cpu) -> None:
        task = (await get_current()).task
        prev = k.running[cpu.number]
        if task is not None and task is not prev:
            dropped = await switch_to(k, prev, task)
            if dropped is not None:
                await mmdrop(k, dropped)

    for cpu in k.cpus:
        cpu.before_instruction = before_instruction
