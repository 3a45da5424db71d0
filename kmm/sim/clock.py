"""What takes time, as a thread says it.

In an exploration time does not pass, and these are steps like others that meet nothing.
On a `TimedMachine` they are what its clocks go by, together with what every other step
costs.  Times are in cycles of a CPU.
"""

from __future__ import annotations

from .trap import READ, Op, Question, trap

KEY = "time"  # which nobody writes to: two of these never conflict


def not_negative(cycles: int) -> int:
    if cycles < 0:
        raise ValueError(f"time does not go back: {cycles} cycles")
    return cycles


class Spend(Op):
    """A program computes: its CPU is busy for so long, if nobody else needs it."""

    __slots__ = ("cycles",)

    takes_time = True

    def __init__(self, cycles: int) -> None:
        super().__init__(READ, KEY)
        self.cycles = not_negative(cycles)


class Sleep(Op):
    """A thread wants to go on after so long, and no CPU meanwhile."""

    __slots__ = ("cycles",)

    takes_time = True

    def __init__(self, cycles: int) -> None:
        super().__init__(READ, KEY)
        self.cycles = not_negative(cycles)


class Cross(Op):
    """A thread goes from its program into the kernel, or back.

    What it does from here on is system time or user time.
    """

    __slots__ = ("cycles", "to_user")

    def __init__(self, cycles: int, *, to_user: bool) -> None:
        super().__init__(READ, KEY)
        self.cycles = not_negative(cycles)
        self.to_user = to_user


class Work(Question):
    """The kernel is at something that takes longer than other code between two steps.

    It is not a preemption point, and in an exploration nothing at all.
    """

    __slots__ = ("amount",)

    def __init__(self, what: str, amount: int) -> None:
        super().__init__(what)
        self.amount = amount


async def work(what: str, amount: int) -> None:
    """Have done so much of something.  Not a preemption point."""
    await trap(Work(what, amount))


async def compute(cycles: int) -> None:
    """Keep the CPU busy for so many cycles of user time."""
    await trap(Spend(cycles))


async def sleep(cycles: int) -> None:
    """Go on after so many cycles, which pass whatever else happens."""
    await trap(Sleep(cycles))


async def enter_kernel(cycles: int) -> None:
    """An exception or a system call begins; getting there costs so many cycles."""
    await trap(Cross(cycles, to_user=False))


async def return_to_user(cycles: int) -> None:
    """It has ended; getting back costs so many cycles."""
    await trap(Cross(cycles, to_user=True))
