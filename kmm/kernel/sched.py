"""Switching a CPU from one task to another.

Linux: kernel/sched.c.  Left out so far: choosing the next task.
"""

from __future__ import annotations

from ..mm.kernel import Kernel
from ..mm.mm_types import Task
from ..mm.tlb import enter_lazy_tlb, switch_mm


async def context_switch(k: Kernel, prev: Task, following: Task) -> None:
    """Let `following` run on the CPU of `prev`.  Turns interrupts off meanwhile.

    A kernel thread borrows the address space of the task before it, and CR3 stays as
    it is; a process gets its own.
    """
    cpu, borrowed = prev.cpu, prev.active_mm
    async with cpu.interrupts:
        if following.mm is None:
            following.active_mm = borrowed
            enter_lazy_tlb(k, cpu)
        else:
            await switch_mm(k, cpu, borrowed, following.mm)
        k.running[cpu.number] = following
