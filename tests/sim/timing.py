"""Threads on clocks, for tests of timed runs: with prices that are easy to reckon."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field
from sim.programs import Body, Cell

from kmm.sim.access import FieldOp
from kmm.sim.clock import Sleep, Spend, Work
from kmm.sim.locks import SpinLock
from kmm.sim.machine import Machine, no_check
from kmm.sim.thread import KThread
from kmm.sim.timed import TimedMachine
from kmm.sim.trap import ACQUIRE, WRITE, GateOp, Kind, Op, trap

STEP, SLICE, SWITCH, DEVICE = 10, 10_000, 100, 5000


class DeviceOp(Op):
    """Takes a while, and no CPU."""

    __slots__ = ()

    takes_time = True


class PlainCosts:
    """Each step costs STEP, and each unit of work 1."""

    slice = SLICE
    switch = SWITCH
    prices: Mapping[type[Op], Sequence[int]] = {
        FieldOp: [STEP] * len(Kind),
        Spend: [0] * len(Kind),
        Sleep: [0] * len(Kind),
    }

    def __init__(self, delays: Sequence[int] = (0,)) -> None:
        self.delays = delays

    def cycles(self, op: Op) -> int:
        return op.amount if isinstance(op, Work) else STEP

    def until(self, op: Op, now: int) -> int:
        return now + DEVICE


@define(eq=False)
class Bell:
    """An interrupt: rung by anybody, and answered by a thread of its CPU."""

    cpu: int
    rung: int = 0
    answers: list[int] = field(factory=list)  # when
    interrupts: InterruptsOff = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.interrupts = InterruptsOff(f"interrupts of {self.cpu}")

    def admits(self, op: Op) -> bool:
        return op.kind is WRITE or self.rung > 0

    async def ring(self) -> None:
        await trap(GateOp(WRITE, f"bell {self.cpu}", self, sleeps=False))
        self.rung += 1

    async def answer(self, machine: Callable[[], TimedMachine]) -> None:
        while True:
            await trap(GateOp(ACQUIRE, f"bell {self.cpu}", self, sleeps=False))
            self.rung -= 1
            async with self.interrupts:
                self.answers.append(machine().at)


class InterruptsOff(SpinLock):
    __slots__ = ()

    irqs_off = True


class Rig:
    """CPUs, a bell on each, and the threads that a test puts there."""

    def __init__(
        self,
        cpus: int,
        check: Callable[[], None] = no_check,
        *,
        delays: Sequence[int] = (0,),
    ) -> None:
        self.bells = [Bell(n) for n in range(cpus)]
        irqs = [
            KThread("irq", n, n, bell.answer(lambda: self.machine), daemon=True)
            for n, bell in enumerate(self.bells)
        ]
        self.machine = TimedMachine([], irqs, PlainCosts(delays), check)

    def start(self, cpu: int, body: Body, name: str = "t", **how: Any) -> KThread:
        number = len(self.machine.threads)
        thread = KThread(name, number, cpu, body, **how)
        self.machine.add(thread)
        return thread

    def run(self, end: int = 1 << 40) -> bool:
        return self.machine.run_until(end)


@define(eq=False)
class Trace:
    """What happened, and when (a watcher)."""

    steps: list[tuple[int, str, str]] = field(factory=list)

    def before(self, machine: Machine, thread: KThread) -> None:
        pass

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        assert isinstance(machine, TimedMachine)
        self.steps.append((machine.at, thread.name, repr(op)))


def accounts(machine: TimedMachine) -> list[tuple[int, ...]]:
    """All that is counted, of CPUs and then of threads."""
    cpus = [
        (rq.now, rq.user, rq.system, rq.in_irq, rq.idle, rq.switches)
        for rq in machine.rqs
    ]
    threads = [
        (e.user, e.system, e.vruntime, e.started, e.ended or 0, e.nvcsw, e.nivcsw)
        for e in machine.entities
    ]
    return [*cpus, *threads]


def check_accounts(machine: TimedMachine) -> None:
    """Each cycle of each CPU is somebody's, and counted once."""
    for rq in machine.rqs:
        mine = [e for e in machine.entities if e.rq is rq]
        assert rq.user + rq.system + rq.in_irq + rq.idle == rq.now
        assert sum(e.user for e in mine) == rq.user
        assert sum(e.system for e in mine) == rq.system + rq.in_irq
        assert min(rq.user, rq.system, rq.in_irq, rq.idle) >= 0
        assert rq.now >= machine.at or machine.failure is not None


async def steps(count: int) -> None:
    """So many that each cost STEP."""
    cell = Cell("cell")
    for _ in range(count):
        await cell.read()
