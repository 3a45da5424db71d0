"""Having every CPU run a function, and waiting until all have.

Linux: kernel/smp.c (on_each_cpu), mm/swap.c:lru_add_drain_all for what it is used for.

Some lists belong to one CPU each, which touches them without a lock.  Who wants them
all emptied must have each CPU do it.  Linux interrupts the CPUs to empty the lists of
free pages, and has a kernel thread of each do it for the pagevecs; here both are done
by an interrupt.

Left out: asking only some CPUs, and not waiting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from attrs import define, field, fields

from ..hw.cpu import Cpu
from ..sim.access import clear_bit, read_once
from ..sim.locks import SpinLock
from ..sim.trap import WAIT, GateOp, Op, get_current, trap

if TYPE_CHECKING:
    from .kernel import Kernel

CALL_FUNCTION_VECTOR = 0xFC

OnCpu = Callable[["Kernel", int], Awaitable[None]]  # runs with interrupts off


@define(eq=False)
class Call:
    """One function, and the CPUs that have not run it yet."""

    name: str
    function: OnCpu
    cpumask: int  # atomic; a bit for each CPU

    def admits(self, op: Op) -> bool:
        """Whether who waits may go on (a gate, see `sim.trap`)."""
        return self.cpumask == 0

    async def wait(self) -> None:
        """Spin until every CPU has run it."""
        key = f"{self.name}.{CALL.cpumask.name}"
        await trap(GateOp(WAIT, key, self, sleeps=False))

    def __str__(self) -> str:
        waits = [str(n) for n in range(64) if self.cpumask >> n & 1]
        return f"waits for CPU {', '.join(waits)}" if waits else "all have run it"


CALL = fields(Call)


@define(eq=False)
class CallFunction:
    """call_function: the functions that CPUs are asked to run."""

    lock: SpinLock = field(factory=lambda: SpinLock("call_function.lock"))
    queue: list[Call] = field(factory=list)  # under lock


async def on_each_cpu(k: Kernel, function: OnCpu) -> None:
    """Run a function on every CPU, with interrupts off; spins until all have.

    The caller has interrupts on, and holds no lock that another CPU may wait for with
    its interrupts off: that one would never answer.  Takes call_function.lock.
    """
    cpu = k.cpus[(await get_current()).cpu]
    others = [other for other in k.cpus if other is not cpu]
    call = Call(k.next_name("call"), function, sum(1 << o.number for o in others))
    if others:
        async with k.call_function.lock:
            k.call_function.queue.append(call)
        for other in others:
            await other.apic.send(CALL_FUNCTION_VECTOR)
    async with cpu.interrupts:
        await function(k, cpu.number)
    if others:
        await call.wait()
        async with k.call_function.lock:
            k.call_function.queue.remove(call)


async def call_function_interrupt(k: Kernel, cpu: Cpu) -> None:
    """On a CPU that was asked: run what is asked of it.  Interrupts are off.

    Takes call_function.lock.
    """
    async with k.call_function.lock:
        asked = [
            call
            for call in k.call_function.queue
            if await read_once(call, CALL.cpumask) >> cpu.number & 1
        ]
    for call in asked:
        await call.function(k, cpu.number)
        await clear_bit(call, CALL.cpumask, cpu.number)
