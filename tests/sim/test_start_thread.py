"""Threads that come into a run while it goes on."""

from __future__ import annotations

import pytest
from sim.programs import Body, Cell, run_in_turn, threads

from kmm.sim.failure import KernelBug, bug_on
from kmm.sim.locks import SpinLock
from kmm.sim.machine import Machine, run_alone
from kmm.sim.recording import record_choices
from kmm.sim.search import search
from kmm.sim.strategies import Enumeration, RandomWalk, RoundRobin
from kmm.sim.thread import KThread
from kmm.sim.trap import get_current, start_thread


def new(body: Body, name: str = "child", *, daemon: bool = False) -> KThread:
    return KThread(name, 9, 1, body, daemon=daemon)


def test_a_thread_that_is_started_goes_to_its_end_like_the_others() -> None:
    cell = Cell("cell")

    async def starter() -> None:
        await start_thread(new(cell.write(7)))

    machine = run_in_turn(starter())
    assert machine.failure is None
    assert cell.value == 7
    assert [(t.index, t.name) for t in machine.threads] == [(0, "a:1"), (1, "child:9")]


def test_a_start_is_no_preemption_point() -> None:
    cell = Cell("cell")

    async def starter() -> None:
        await cell.write(1)
        before = await get_current()
        await start_thread(new(cell.write(3)))
        assert await get_current() is before, "it goes on as itself"
        await cell.write(2)

    machine = Machine(threads(starter()))
    machine.step(machine.threads[0])
    assert machine.choices == [0]
    assert [repr(t.pending) for t in machine.threads] == ["write cell.value"] * 2
    machine.close()


def test_a_new_thread_does_nothing_visible_before_it_is_chosen() -> None:
    cell = Cell("cell")

    async def starter() -> None:
        await start_thread(new(cell.write(1)))
        await cell.read()

    machine = Machine(threads(starter()))
    starter_thread, child = machine.threads
    assert cell.value == 0
    assert machine.enabled() == [starter_thread, child]
    machine.step(child)
    assert cell.value == 1
    machine.close()


def test_starter_and_started_run_in_every_order() -> None:
    ends: set[int] = set()

    def boot() -> Machine:
        cell = Cell("cell")

        async def starter() -> None:
            await start_thread(new(cell.write(1)))
            await cell.write(2)

        return Machine(threads(starter()), lambda: ends.add(cell.value))

    assert search(boot, Enumeration()).verdict == "proved"
    assert ends == {1, 2}


def test_a_thread_that_is_started_may_start_others() -> None:
    cell = Cell("cell")

    async def generation(left: int) -> None:
        await cell.write(await cell.read() + 1)
        if left:
            await start_thread(new(generation(left - 1), f"g{left}"))

    machine = run_in_turn(generation(3))
    assert cell.value == 4
    assert [t.name for t in machine.threads] == ["a:1", "g3:9", "g2:9", "g1:9"]


def test_a_run_ends_only_when_what_was_started_has_ended_too() -> None:
    """The child waits for a lock that is never given back."""
    lock = SpinLock("lock")

    async def starter() -> None:
        await start_thread(new(lock.lock()))

    machine = Machine(threads(starter()))
    lock.owner = machine.threads[0]
    strategy = RoundRobin()
    strategy.next_run()
    machine.run(strategy)
    assert machine.failure is not None
    assert (machine.failure.kind, machine.failure.thread) == ("deadlock", "child:9")
    machine.close()


def test_a_daemon_that_is_started_need_not_end() -> None:
    cell = Cell("cell")
    lock = SpinLock("lock")

    async def starter() -> None:
        await start_thread(new(lock.lock(), daemon=True))
        await cell.write(1)

    machine = Machine(threads(starter()))
    lock.owner = machine.threads[0]
    strategy = RoundRobin()
    strategy.next_run()
    assert machine.run(strategy)
    assert machine.failure is None
    machine.close()


def test_a_bug_in_a_thread_that_was_started_is_that_threads() -> None:
    async def child() -> None:
        await Cell("cell").read()
        bug_on(True, "nowhere.c:1")

    async def starter() -> None:
        await start_thread(new(child()))

    failure = run_in_turn(starter()).failure
    assert failure is not None
    assert (failure.thread, failure.cpu) == ("child:9", 1)


def test_a_run_with_a_start_is_made_again_by_its_choices() -> None:
    def boot() -> Machine:
        cell = Cell("cell")

        async def child() -> None:
            bug_on(await cell.read() == 1, "nowhere.c:1")

        async def starter() -> None:
            await cell.write(2)
            await start_thread(new(child()))
            await cell.write(1)

        return Machine(threads(starter()))

    result = search(boot, RandomWalk(seed=1), budget=50)
    assert result.verdict == "bug"
    assert record_choices(boot, result.choices).failure == result.failure


# Alone.


def test_alone_a_thread_that_is_started_runs_by_the_end() -> None:
    cell = Cell("cell")

    async def starter() -> str:
        await start_thread(new(cell.write(1)))
        return "done"

    assert run_alone(starter()) == "done"
    assert cell.value == 1


def test_alone_a_thread_that_is_started_runs_while_its_starter_waits() -> None:
    lock = SpinLock("lock")
    current = KThread("starter", 1, 0, Cell("cell").read())
    current.body.close()
    seen = []

    async def child() -> None:
        seen.append("child")
        await lock.unlock()

    async def starter() -> None:
        started = new(child())
        lock.owner = started
        started.held.append(lock)
        await start_thread(started)
        async with lock:
            seen.append("starter")

    run_alone(starter(), current)
    assert seen == ["child", "starter"]


def test_alone_whoever_waits_for_nobody_is_told_so() -> None:
    lock = SpinLock("lock")
    lock.owner = KThread("holder", 1, 0, Cell("cell").read())
    lock.owner.body.close()

    async def starter() -> None:
        await start_thread(new(Cell("cell").write(1)))
        await lock.lock()

    with pytest.raises(RuntimeError, match="wait for ever"):
        run_alone(starter())


def test_the_first_failure_stays_the_one_that_is_told() -> None:
    lock = SpinLock("lock")

    async def child() -> None:
        raise KernelBug("first.c:1")

    async def parent() -> None:
        await lock.lock()
        await start_thread(KThread("child", 2, 1, child()))

    machine = Machine([KThread("parent", 1, 0, parent())])
    machine.step(machine.enabled()[0])
    assert machine.failure is not None
    assert machine.failure.message == "kernel BUG at first.c:1!"
