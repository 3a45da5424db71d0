"""Turning a CPU's interrupts off and on again, one inside the other."""

from __future__ import annotations

import pytest

from kmm.hw.apic import InterruptFlag, serve_interrupts
from kmm.hw.cpu import Cpu
from kmm.hw.memory import PhysicalMemory, VirtAddr
from kmm.sim.failure import ModelFailure
from kmm.sim.machine import Machine, run_alone
from kmm.sim.search import search
from kmm.sim.strategies import RoundRobin, SourceDpor
from kmm.sim.thread import KThread
from kmm.sim.trap import READ, Op, trap


def new_cpu() -> Cpu:
    async def page_fault(cpu: Cpu, at: VirtAddr, code: int, user: bool) -> None:
        raise AssertionError("nobody touches memory here")

    return Cpu(1, PhysicalMemory(16), page_fault)


async def nothing() -> None:
    """Somewhere to be preempted."""
    await trap(Op(READ, "nothing"))


def test_interrupts_are_on_again_when_the_outermost_gives_them_back() -> None:
    flag = InterruptFlag(0)
    states = []

    async def body() -> None:
        for step in (flag.lock, flag.lock, flag.lock):
            await step()
            states.append((flag.owner is not None, flag.depth))
        for step in (flag.unlock, flag.unlock, flag.unlock):
            await step()
            states.append((flag.owner is not None, flag.depth))

    run_alone(body())
    off, on = True, False
    assert states == [(off, 0), (off, 1), (off, 2), (off, 1), (off, 0), (on, 0)]


def test_only_the_outermost_is_a_preemption_point() -> None:
    """Nobody can tell whether interrupts are turned off again where they are off."""
    flag = InterruptFlag(0)

    async def body() -> None:
        async with flag, flag, flag:
            await nothing()

    machine = Machine([KThread("t", 1, 0, body())])
    done = []
    thread = machine.threads[0]
    while thread.pending:
        done.append(repr(thread.pending))
        machine.step(thread)
    name = "interrupts of CPU 0"
    assert done == [f"acquire {name}", "read nothing", f"release {name}"]
    assert machine.failure is None


def test_whoever_runs_on_the_cpu_besides_must_wait_for_the_outermost() -> None:
    """Over all interleavings."""
    orders = set()

    def boot() -> Machine:
        flag = InterruptFlag(0)
        log: list[str] = []

        async def nested() -> None:
            async with flag:
                log.append("off")
                async with flag:
                    await nothing()
                await nothing()
                log.append("on")

        async def other() -> None:
            async with flag:
                log.append("other")

        threads = [KThread("a", 1, 0, nested()), KThread("b", 2, 0, other())]
        return Machine(threads, lambda: orders.add(tuple(log)))

    assert search(boot, SourceDpor()).verdict == "proved"
    assert orders == {("off", "on", "other"), ("other", "off", "on")}


def test_an_interrupt_waits_for_the_outermost() -> None:
    """Over all interleavings."""
    orders = set()

    def boot() -> Machine:
        cpu, log = new_cpu(), []

        async def handler(cpu: Cpu, vector: int) -> None:
            async with cpu.interrupts:  # they are off already
                log.append("handler")

        async def work() -> None:
            async with cpu.interrupts:
                log.append("off")
                async with cpu.interrupts:
                    await cpu.apic.send(0xF0)
                await nothing()
                log.append("on")

        threads = [
            KThread("work", 1, 1, work()),
            KThread("irq", 1, 1, serve_interrupts(cpu, handler), daemon=True),
        ]
        return Machine(threads, lambda: orders.add(tuple(log)))

    assert search(boot, SourceDpor()).verdict == "proved"
    assert orders == {("off", "on", "handler")}


def test_two_cpus_have_a_flag_each() -> None:
    one, other = InterruptFlag(0), InterruptFlag(1)

    async def body() -> None:
        async with one, other:
            assert one.depth == other.depth == 0

    run_alone(body())
    assert one.owner is other.owner is None


def test_interrupts_that_were_turned_off_twice_and_on_once_are_off_at_the_end() -> None:
    flag = InterruptFlag(0)

    async def body() -> None:
        await flag.lock()
        await flag.lock()
        await flag.unlock()

    machine = Machine([KThread("t", 1, 0, body())])
    strategy = RoundRobin()
    strategy.next_run()
    machine.run(strategy)
    assert machine.failure is not None
    assert "lock held at task exit: interrupts of CPU 0" in machine.failure.message
    machine.close()


def test_who_has_interrupts_on_cannot_turn_them_on() -> None:
    with pytest.raises(ModelFailure, match="bad unlock balance"):
        run_alone(InterruptFlag(0).unlock())


def test_who_has_interrupts_off_must_not_sleep() -> None:
    cpu = new_cpu()
    thread = KThread("t", 1, 1, cpu.interrupts.lock())
    machine = Machine([thread])
    machine.step(thread)
    assert thread.in_atomic
