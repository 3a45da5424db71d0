"""Interrupts between CPUs: pending until taken, the highest vector first."""

from __future__ import annotations

from kmm.hw.apic import LocalApic, serve_interrupts
from kmm.hw.cpu import Cpu
from kmm.hw.memory import PhysicalMemory, VirtAddr
from kmm.sim.machine import Machine, run_alone
from kmm.sim.search import search
from kmm.sim.strategies import RoundRobin, SourceDpor
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
