"""The end of a process, and waiting for it.

Linux: kernel/exit.c.  Called by `syscalls`, by `process`, and by scenarios.  Left out:
threads, and orphans, which init adopts: here nobody waits for a child whose parent has
ended, and it stays among the tasks.

What is told from one process to another is under `tasklist_lock`: exit codes, and the
lists of children.
"""

from __future__ import annotations

from ..mm.errno import ECHILD
from ..mm.kernel import Kernel
from ..mm.mm_types import MM, Task
from ..mm.tlb import enter_lazy_tlb
from ..sim.access import atomic_add
from .files import exit_files
from .mm_end import mmput


async def do_exit(k: Kernel, task: Task, code: int) -> None:
    """End a process: its memory goes, its files are closed, its parent is told.

    May sleep; the caller holds no lock.  One after the other, not nested: what `mmput`
    takes (all that unmapping does), what `exit_files` takes, tasklist_lock, and the
    lock of the parent's queue.  `code` is what wait gives to the parent.  The CPU goes
    on in the dead address space until somebody else gets it.
    """
    await exit_mm(k, task)
    await exit_files(k, task)
    async with k.tasklist_lock:
        task.exit_code = code
    if task.parent is not None:
        await task.parent.wait_chldexit.wake_up()


async def exit_mm(k: Kernel, task: Task) -> None:
    """Leave the address space, though the CPU may keep it in CR3 (lazy TLB).

    If the task runs, its CPU goes on borrowing the address space, and holds it by
    mm_count.  If others have the CPU, there is nothing to borrow.
    """
    mm = task.mm
    if mm is None:
        return
    async with task.cpu.interrupts:
        task.mm = None
        if k.running[task.cpu.number] is task:
            await atomic_add(mm, MM.mm_count, +1)
            enter_lazy_tlb(k, task.cpu)
        else:
            task.active_mm = k.init_mm
    await mmput(k, mm)


async def do_wait(k: Kernel, task: Task) -> Task | int:
    """Sleep until a child has ended, and forget it; the child, or -ECHILD.

    Takes tasklist_lock.  The sleep is the queue's own: no signal ends it.
    """
    while task.children:
        sleeper = await task.wait_chldexit.prepare_to_wait()
        dead = await release_dead_child(k, task)
        if dead is None:
            await task.wait_chldexit.schedule(sleeper)
        await task.wait_chldexit.finish_wait(sleeper)
        if dead is not None:
            return dead
    return -ECHILD


async def release_dead_child(k: Kernel, task: Task) -> Task | None:
    """Forget a child that has ended, if there is one.  Takes tasklist_lock."""
    async with k.tasklist_lock:
        dead = next((c for c in task.children if c.exit_code is not None), None)
        if dead is not None:
            task.children.remove(dead)
            k.tasks.pop(dead.pid, None)
    return dead
