"""Wait queues: threads that sleep until somebody wakes them.

Linux: include/linux/wait.h, kernel/wait.c.
"""

from __future__ import annotations

from .trap import WAIT, WRITE, GateOp, Op, trap


class Sleeper:
    """One thread's place on a wait queue."""

    def __init__(self) -> None:
        self.woken = False

    def admits(self, op: Op) -> bool:
        return self.woken

    def __str__(self) -> str:
        return "woken" if self.woken else "asleep"


class WaitQueue:
    """wait_queue_head_t: threads that sleep until somebody calls `wake_up`.

    The protocol that loses no wake-up: get on the queue, look at the condition, and
    only then sleep.  A wake-up between the look and the sleep ends the sleep at once.

        while True:
            sleeper = await queue.prepare_to_wait()
            if await condition():
                break
            await queue.schedule(sleeper)
        await queue.finish_wait(sleeper)
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.sleepers: list[Sleeper] = []

    async def prepare_to_wait(self) -> Sleeper:
        """Get on the queue; from here on a wake-up is not lost."""
        await trap(Op(WRITE, self.name))
        sleeper = Sleeper()
        self.sleepers.append(sleeper)
        return sleeper

    async def schedule(self, sleeper: Sleeper) -> None:
        """Sleep until woken."""
        await trap(GateOp(WAIT, self.name, sleeper, sleeps=True))

    async def finish_wait(self, sleeper: Sleeper) -> None:
        """Get off the queue, if a wake-up has not taken us off already."""
        await trap(Op(WRITE, self.name))
        if sleeper in self.sleepers:
            self.sleepers.remove(sleeper)

    async def wake_up(self) -> None:
        """Wake every thread on the queue; each then looks at its condition again."""
        await trap(Op(WRITE, self.name))
        for sleeper in self.sleepers:
            sleeper.woken = True
        self.sleepers.clear()

    async def wake_one(self, sleeper: Sleeper) -> None:
        """Wake one thread for a reason of its own, such as a signal (wake_up_state)."""
        await trap(Op(WRITE, self.name))
        sleeper.woken = True
