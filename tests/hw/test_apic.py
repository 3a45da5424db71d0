"""Interrupts between CPUs: pending until taken, the highest vector first."""

from __future__ import annotations

from attrs import define, fields

from kmm.hw.apic import LocalApic, serve_interrupts
from kmm.hw.cpu import Cpu
from kmm.hw.memory import PhysicalMemory, VirtAddr
from kmm.sim.access import read_once, write_once
from kmm.sim.machine import Machine, run_alone
from kmm.sim.search import search
from kmm.sim.strategies import Enumeration, RoundRobin, SourceDpor
from kmm.sim.thread import KThread


def new_cpu() -> Cpu:
    async def page_fault(cpu: Cpu, at: VirtAddr, code: int, user: bool) -> None:
        raise AssertionError("nobody touches memory here")

    return Cpu(1, PhysicalMemory(16), page_fault)


def test_the_highest_vector_is_taken_first_and_each_once() -> None:
    apic = LocalApic(1)
    for vector in (0xF1, 0xF3, 0xF2, 0xF3):
        run_alone(apic.send(vector))
    assert str(apic) == "0xf1, 0xf2, 0xf3"
    taken = [run_alone(apic.take()) for _ in range(3)]
    assert taken == [0xF3, 0xF2, 0xF1]
    assert str(apic) == "none"


def test_a_cpu_waits_for_interrupts_and_is_no_deadlock() -> None:
    cpu, taken = new_cpu(), []

    async def handler(_: Cpu, vector: int) -> None:
        taken.append(vector)

    async def send() -> None:
        await cpu.apic.send(0xF0)

    threads = [
        KThread("sender", 1, 0, send()),
        KThread("irq", 1, 1, serve_interrupts(cpu, handler), daemon=True),
    ]
    machine = Machine(threads)
    assert machine.run(RoundRobin())
    assert machine.failure is None
    assert taken == [0xF0]
    machine.close()


def test_who_has_interrupts_off_is_not_interrupted() -> None:
    """Over all interleavings: the handler never runs between `off` and `on`."""
    orders = set()

    def boot() -> Machine:
        cpu, log = new_cpu(), []

        async def handler(_: Cpu, vector: int) -> None:
            log.append("handler")

        async def send() -> None:
            await cpu.apic.send(0xF0)

        async def work() -> None:
            async with cpu.interrupts:
                log.append("off")
                await cpu.apic.send(0xF1)  # a preemption point in the middle
                log.append("on")

        def check() -> None:
            orders.add(tuple(log))

        threads = [
            KThread("sender", 1, 0, send()),
            KThread("work", 2, 1, work()),
            KThread("irq", 1, 1, serve_interrupts(cpu, handler), daemon=True),
        ]
        return Machine(threads, check)

    assert search(boot, SourceDpor()).verdict == "proved"
    assert orders == {
        ("handler", "off", "on", "handler"),
        ("off", "on", "handler", "handler"),
    }


@define(eq=False)
class Shared:
    """A field that whoever is interrupted and others touch."""

    name: str = "shared"
    value: int = 0


VALUE = fields(Shared).value


def interrupted_program(ends: set[tuple[object, ...]]) -> Machine:
    """Two CPUs interrupt a third, which works; all of them touch one field."""
    cpu, shared = new_cpu(), Shared()
    log: list[object] = []

    async def handler(_: Cpu, vector: int) -> None:
        log.append((vector, await read_once(shared, VALUE)))

    async def send(vector: int) -> None:
        await write_once(shared, VALUE, vector)
        await cpu.apic.send(vector)

    async def work() -> None:
        async with cpu.interrupts:
            await write_once(shared, VALUE, 1)
        log.append("worked")

    threads = [
        KThread("one", 1, 0, send(0xF0)),
        KThread("other", 2, 2, send(0xF1)),
        KThread("work", 3, 1, work()),
        KThread("irq", 1, 1, serve_interrupts(cpu, handler), daemon=True),
    ]
    return Machine(threads, lambda: ends.add((*log, shared.value)))


def test_the_reduction_sees_every_outcome_that_plain_enumeration_sees() -> None:
    reduced: set[tuple[object, ...]] = set()
    every: set[tuple[object, ...]] = set()
    few = search(lambda: interrupted_program(reduced), SourceDpor())
    all_of_them = search(lambda: interrupted_program(every), Enumeration())
    assert few.verdict == all_of_them.verdict == "proved"
    assert few.coverage.executions < all_of_them.coverage.executions
    assert reduced <= every
    # What is logged in between is no step, so the reduction may keep one order of it.
    assert {order_of(end) for end in reduced} == {order_of(end) for end in every}


def order_of(end: tuple[object, ...]) -> tuple[object, ...]:
    """An outcome without the moment at which the work was done."""
    return tuple(entry for entry in end if entry != "worked")
