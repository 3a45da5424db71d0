"""Functions that every CPU is made to run."""

from __future__ import annotations

import pytest
from building import alone, boot, thread, to_end

from kmm.mm.boot import interrupt_threads
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import PAGE
from kmm.mm.smp import on_each_cpu
from kmm.sim.access import atomic_add
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import RandomWalk, SourceDpor
from kmm.sim.trap import get_current


class Ran:
    """A function to be run, and where it was."""

    def __init__(self) -> None:
        self.on: list[int] = []

    async def __call__(self, k: Kernel, cpu: int) -> None:
        current = await get_current()
        assert current.cpu == cpu
        assert k.cpus[cpu].interrupts.owner is current, "interrupts are off"
        self.on.append(cpu)


@pytest.mark.parametrize("cpus", [1, 2, 4])
@pytest.mark.parametrize("cpu", [0, -1])
def test_every_cpu_runs_the_function_once(cpus: int, cpu: int) -> None:
    k, ran = boot(cpus=cpus), Ran()
    alone(on_each_cpu(k, ran), k, cpu=cpu % cpus)
    assert sorted(ran.on) == list(range(cpus))


def test_nothing_is_left_of_a_call() -> None:
    k, ran = boot(cpus=3), Ran()
    for _ in range(2):
        alone(on_each_cpu(k, ran), k)
    assert sorted(ran.on) == [0, 0, 1, 1, 2, 2]
    assert k.call_function.queue == []
    assert all(not cpu.apic.pending for cpu in k.cpus)
    assert all(cpu.interrupts.owner is None for cpu in k.cpus)


def test_the_caller_waits_for_a_cpu_that_has_interrupts_off() -> None:
    k, ran = boot(cpus=2), Ran()
    caller, busy, *interrupts = (
        thread(0, on_each_cpu(k, ran)),
        thread(1, interrupts_off(k)),
        *interrupt_threads(k),
    )
    machine = Machine([caller, busy, *interrupts])
    while k.cpus[1].interrupts.owner is None:
        machine.step(busy)
    while machine.enabled() != [busy]:
        machine.step(next(t for t in machine.enabled() if t is not busy))
    assert ran.on == [0]
    assert "waits for CPU 1" in str(caller.pending.peek() if caller.pending else None)
    to_end(machine, 1)
    to_end(machine, 0)
    assert ran.on == [0, 1]


async def interrupts_off(k: Kernel) -> None:
    async with k.cpus[1].interrupts:
        await atomic_add(k.mem_map[5], PAGE.index, 1)


def test_two_callers_answer_each_other() -> None:
    """Over all interleavings: neither waits for ever, and nobody is left out."""

    def boot_race() -> Machine:
        k, first, second = boot(frames=4), Ran(), Ran()

        def check() -> None:
            assert sorted(first.on) == sorted(second.on) == [0, 1]
            assert k.call_function.queue == []

        callers = [
            thread(0, on_each_cpu(k, first)),
            thread(1, on_each_cpu(k, second)),
        ]
        return Machine([*callers, *interrupt_threads(k)], check)

    assert search(boot_race, SourceDpor()).verdict == "proved"


def test_a_cpu_that_two_others_call_at_once_answers_both_and_neither_twice() -> None:
    def boot_race() -> Machine:
        k, first, second = boot(frames=4, cpus=3), Ran(), Ran()

        def check() -> None:
            assert sorted(first.on) == sorted(second.on) == [0, 1, 2]

        callers = [
            thread(0, on_each_cpu(k, first)),
            thread(1, on_each_cpu(k, second)),
        ]
        return Machine([*callers, *interrupt_threads(k)], check)

    assert search(boot_race, RandomWalk(seed=1), budget=300).failure is None
