"""Sleeping that a signal ends.

Linux: kernel/wait.c (the parts of wait_event_interruptible), and try_to_wake_up in
kernel/sched.c.  The protocol is that of `WaitQueue`, with one more who may wake.
Whoever sends a signal first says that there is one, and then looks where the task
sleeps; the task first says where it will sleep, and then looks whether there is a
signal.  One of the two sees the other.
"""

from __future__ import annotations

from ..mm.mm_types import SIGHAND, Sighand, Sleep, Task
from ..sim.access import read_once, write_once
from ..sim.wait import WaitQueue


async def signal_pending(task: Task) -> bool:
    """Whether a signal is to be delivered (TIF_SIGPENDING)."""
    return await read_once(task.sighand, SIGHAND.sigpending)


async def prepare_to_wait_interruptible(task: Task, queue: WaitQueue) -> Sleep:
    """Get on a queue, and be TASK_INTERRUPTIBLE; from here on no wake-up is lost."""
    sleep = Sleep(queue, await queue.prepare_to_wait())
    await write_once(task.sighand, SIGHAND.sleeps_on, sleep)
    return sleep


async def schedule_interruptible(task: Task, sleep: Sleep) -> None:
    """Sleep until somebody wakes the queue, or there is a signal."""
    if not await signal_pending(task):
        await sleep.queue.schedule(sleep.sleeper)


async def finish_wait_interruptible(task: Task, sleep: Sleep) -> None:
    """Be TASK_RUNNING, and off the queue."""
    await write_once(task.sighand, SIGHAND.sleeps_on, None)
    await sleep.queue.finish_wait(sleep.sleeper)


async def signal_wake_up(sighand: Sighand) -> None:
    """Tell a task of a signal: it goes on if it sleeps so.  Needs siglock."""
    await write_once(sighand, SIGHAND.sigpending, True)
    sleep = await read_once(sighand, SIGHAND.sleeps_on)
    if sleep is not None:
        await sleep.queue.wake_one(sleep.sleeper)
