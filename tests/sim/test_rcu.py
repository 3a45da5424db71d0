"""RCU: what a grace period waits for, and what it does not."""

from __future__ import annotations

import pytest
from attrs import define, field
from sim.programs import Cell, threads
from sim.traces import every_run

from kmm.sim.failure import Corruption
from kmm.sim.machine import Machine
from kmm.sim.rcu import Rcu
from kmm.sim.search import search
from kmm.sim.strategies import Enumeration, SourceDpor


@define(eq=False)
class List:
    """A list of one element that a reader may look at while it is being replaced."""

    grace: bool  # whether the updater waits before it frees what it took off
    rcu: Rcu = field(factory=Rcu)
    head: Cell = field(factory=lambda: Cell("head", 0))  # an element's number
    freed: list[bool] = field(factory=lambda: [False, False])
    touch: Cell = field(factory=lambda: Cell("element"))

    async def reader(self) -> None:
        async with self.rcu:
            element = await self.head.read()
            await self.touch.read()
            if self.freed[element]:
                raise Corruption(f"element {element} was freed under its reader")

    async def updater(self) -> None:
        await self.head.write(1)
        if self.grace:
            await self.rcu.synchronize()
        await self.touch.write(0)
        self.freed[0] = True

    def boot(self) -> Machine:
        fresh = List(self.grace)
        return Machine(threads(fresh.updater(), fresh.reader(), fresh.reader()))


@pytest.mark.parametrize("strategy", [Enumeration, SourceDpor])
def test_after_a_grace_period_no_reader_has_what_was_taken_off(
    strategy: type[Enumeration | SourceDpor],
) -> None:
    assert search(List(grace=True).boot, strategy()).verdict == "proved"


@pytest.mark.parametrize("strategy", [Enumeration, SourceDpor])
def test_without_a_grace_period_a_reader_may_have_it(
    strategy: type[Enumeration | SourceDpor],
) -> None:
    failure = search(List(grace=False).boot, strategy()).failure
    assert failure is not None
    assert failure.message == "element 0 was freed under its reader"


def rcu_machine() -> tuple[Machine, Rcu]:
    rcu = Rcu()

    async def reader() -> None:
        async with rcu:
            pass

    return Machine(threads(reader(), reader(), rcu.synchronize())), rcu


def test_a_grace_period_lasts_until_the_sections_that_had_begun_have_ended() -> None:
    machine, _ = rcu_machine()
    reader, late_reader, updater = machine.threads
    machine.step(reader)
    machine.step(updater)  # its grace period begins
    assert updater not in machine.enabled()
    machine.step(late_reader)
    machine.step(reader)
    assert updater in machine.enabled()  # although the late reader is still inside
    machine.close()


def test_a_reader_never_waits() -> None:
    for machine in every_run(lambda: rcu_machine()[0]):
        assert machine.failure is None
    machine, _ = rcu_machine()
    reader, late_reader, updater = machine.threads
    for thread in (reader, updater):
        machine.step(thread)
        assert late_reader in machine.enabled()
    machine.close()


def test_a_section_within_a_section_ends_with_the_outer_one() -> None:
    rcu = Rcu()

    async def reader() -> None:
        async with rcu, rcu:
            pass

    machine = Machine(threads(reader(), rcu.synchronize()))
    reader_thread, updater = machine.threads
    for thread in (reader_thread, reader_thread, updater, reader_thread):
        machine.step(thread)
    assert updater not in machine.enabled()
    machine.step(reader_thread)
    assert updater in machine.enabled()
    machine.close()
