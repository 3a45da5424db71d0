"""Interrupts from one CPU to another: the part of the local APIC that sends them.

Intel SDM volume 3A, "Advanced Programmable Interrupt Controller (APIC)": "Issuing
Interprocessor Interrupts", "Interrupt Acceptance for Fixed Interrupts".

Whoever sends an interrupt goes on at once.  It is pending at the target until that CPU
takes it: after the instruction that it is in, and not while it has interrupts off.  If
more than one is pending, the highest vector goes first.

In a run, each CPU that can be interrupted has a thread of its own for that
(`serve_interrupts`).  It shares its CPU with whatever runs there, by `Cpu.interrupts`.

Used by `kmm.mm.smp` and `kmm.mm.tlb`, which have the vectors and the handlers.  Left
out: interrupts from devices, the classes of priority, handlers that are interrupted
by a higher vector, and NMIs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ..sim.locks import SpinLock
from ..sim.trap import ACQUIRE, WRITE, GateOp, Op, get_current, trap

if TYPE_CHECKING:
    from .cpu import Cpu

Handler = Callable[["Cpu", int], Awaitable[None]]  # the vector is from 0 to 255


class InterruptFlag(SpinLock):
    """EFLAGS.IF of a CPU, as those use it who must not be interrupted there.

    Whoever holds it has interrupts off.  Code that has may call code that turns them
    off again: they are on when the outermost gives it back (local_irq_save).
    """

    __slots__ = ("depth",)

    tracked = False  # it is no lock, to those who look at the order of locks
    irqs_off = True

    def __init__(self, cpu: int) -> None:
        super().__init__(f"interrupts of CPU {cpu}")
        self.depth = 0

    async def lock(self) -> None:
        """Turn interrupts off; waits for the end of whatever has them off here."""
        if self.owner is not None and self.owner is await get_current():
            self.depth += 1
        else:
            await super().lock()

    async def unlock(self) -> None:
        """Turn them on again, if this is the outermost who does."""
        if self.depth:
            self.depth -= 1
        else:
            await super().unlock()


class InterruptOp(GateOp):
    """An interrupt is sent, or taken."""

    __slots__ = ()


class LocalApic:
    """The interrupts that are pending at one CPU, by vector."""

    CACHES = ("to_send", "to_take")  # see `sim.checkpoint`

    def __init__(self, cpu: int) -> None:
        self.name = f"interrupts pending at CPU {cpu}"
        self.pending: set[int] = set()  # IRR: asking twice is asking once
        self.to_send = InterruptOp(WRITE, self.name, self, sleeps=False)
        self.to_take = InterruptOp(ACQUIRE, self.name, self, sleeps=False)

    def admits(self, op: Op) -> bool:
        """Whether a thread may go on: who takes has to wait until one is pending."""
        return op.kind is WRITE or bool(self.pending)

    async def send(self, vector: int) -> None:
        """Interrupt the CPU whose APIC this is; any CPU may call it."""
        await trap(self.to_send)
        self.pending.add(vector)

    async def take(self) -> int:
        """Wait for an interrupt, and take the one with the highest vector."""
        await trap(self.to_take)
        vector = max(self.pending)
        self.pending.remove(vector)
        return vector

    def __str__(self) -> str:
        return ", ".join(f"{vector:#x}" for vector in sorted(self.pending)) or "none"


async def serve_interrupts(cpu: Cpu, handler: Handler) -> None:
    """What a CPU does whenever it is interrupted, for ever: call `handler`."""
    while True:
        vector = await cpu.apic.take()
        async with cpu.interrupts:
            await handler(cpu, vector)
