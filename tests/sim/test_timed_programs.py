"""Timed runs of random programs, and those who look on, or run beside or after them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from sim.programs import Cell
from sim.timing import (
    DeviceOp,
    Rig,
    Trace,
    accounts,
    check_accounts,
    steps,
)

from kmm.sim.clock import compute, enter_kernel, return_to_user, sleep, work
from kmm.sim.locks import Mutex, RwSem, SpinLock
from kmm.sim.machine import Machine, run_alone
from kmm.sim.strategies import RoundRobin
from kmm.sim.thread import KThread
from kmm.sim.trap import (
    WRITE,
    let_go_ahead,
    trap,
)
from kmm.sim.wait import WaitQueue

# Time.


@frozen
class Doing:
    """One thing that a thread does, for so many cycles or to the object of a number."""

    verb: str
    amount: int


VERBS = "steps compute sleep device spin mutex read write wait wake ring cli call start"
doing = st.builds(
    Doing, st.sampled_from(VERBS.split()), st.integers(min_value=0, max_value=30_000)
)
programs = st.lists(
    st.tuples(st.integers(0, 2), st.lists(doing, max_size=8)), min_size=1, max_size=6
)


Program = Sequence[tuple[int, Sequence[Doing]]]  # of each thread, with its CPU


class Player:
    """Runs random programs on a rig."""

    def __init__(self, cpus: int = 3) -> None:
        self.rig = Rig(cpus)
        self.spins = [SpinLock("spin0"), SpinLock("spin1")]
        self.mutexes = [Mutex("mutex0"), Mutex("mutex1")]
        self.sems = [RwSem("sem0"), RwSem("sem1")]
        self.queue = WaitQueue("queue")
        self.ready = Cell("ready")

    def start(self, program: Program) -> None:
        for cpu, thread in program:
            self.rig.start(cpu, self.run(cpu, thread))
        self.rig.start(0, self.wake_all())

    async def run(self, cpu: int, program: Sequence[Doing]) -> None:
        await return_to_user(0)
        for it in program:
            await self.do(cpu, it.verb, it.amount)

    async def wake_all(self) -> None:
        """After everything else, so that nobody waits for ever."""
        await sleep(10**7)
        await self.do(0, "wake", 0)

    async def do(self, cpu: int, verb: str, amount: int) -> None:
        which = amount % 2
        if verb == "compute":
            await compute(amount)
            return
        await enter_kernel(5)
        if verb == "steps":
            await steps(amount % 50)
        elif verb == "sleep":
            await sleep(amount)
        elif verb == "device":
            await trap(DeviceOp(WRITE, "disk"))
        elif verb == "spin":
            async with self.spins[which]:
                await steps(amount % 7)
                await work("much", amount % 100)
        elif verb == "mutex":
            async with self.mutexes[which]:
                await sleep(amount) if amount % 3 else await steps(3)
        elif verb == "read":
            async with self.sems[which].for_read:
                await compute(amount)
        elif verb == "write":
            async with self.sems[which].for_write:
                await trap(DeviceOp(WRITE, "disk"))
        elif verb == "wait":
            sleeper = await self.queue.prepare_to_wait()
            if not await self.ready.read():
                await self.queue.schedule(sleeper)
            await self.queue.finish_wait(sleeper)
        elif verb == "wake":
            await self.ready.write(1)
            await self.queue.wake_up()
        elif verb == "ring":
            await self.rig.bells[amount % len(self.rig.bells)].ring()
        elif verb == "cli":
            async with self.rig.bells[cpu].interrupts:
                await compute(amount)
        elif verb == "start":
            self.rig.start(which, steps(amount % 20))
        await return_to_user(5)


def played(program: Program, stops: Sequence[int] = ()) -> Player:
    player = Player()
    trace = Trace()
    player.rig.machine.watchers.append(trace)
    player.start(program)
    for stop in sorted(stops):
        player.rig.run(stop)
        check_accounts(player.rig.machine)
    player.rig.run()
    return player


def trace_of(player: Player) -> list[tuple[int, str, str]]:
    (trace,) = player.rig.machine.watchers
    assert isinstance(trace, Trace)
    return trace.steps


@given(programs, st.lists(st.integers(0, 200_000), max_size=5))
@settings(max_examples=150, deadline=None)
def test_every_cycle_is_counted_once_and_where_a_run_stops_changes_nothing(
    program: list[tuple[int, list[Doing]]], stops: list[int]
) -> None:
    whole, parts = played(program), played(program, stops)
    machine = whole.rig.machine
    assert machine.failure is None
    assert all(t.pending is None or t.daemon for t in machine.threads)
    assert not machine.not_woken()
    moments = [at for at, _, _ in trace_of(whole)]
    assert moments == sorted(moments)
    check_accounts(machine)
    check_accounts(parts.rig.machine)
    assert trace_of(whole) == trace_of(parts)
    if max(stops, default=0) <= machine.at:
        assert accounts(machine) == accounts(parts.rig.machine)


@given(programs)
@settings(max_examples=40, deadline=None)
def test_who_looks_on_changes_nothing(program: list[tuple[int, list[Doing]]]) -> None:
    player = Player()
    player.start(program)
    player.rig.run()
    assert accounts(player.rig.machine) == accounts(played(program).rig.machine)


def some_program() -> Program:
    chance = Random(7)
    verbs = VERBS.split()
    return [
        (n % 3, [Doing(chance.choice(verbs), chance.randrange(9999))] * 20)
        for n in range(8)
    ]


def test_a_run_is_the_same_each_time() -> None:
    program = some_program()
    assert trace_of(played(program)) == trace_of(played(program))


def unwatched() -> list[tuple[int, ...]]:
    player = Player()
    player.start(some_program())
    player.rig.run()
    return accounts(player.rig.machine)


def test_runs_in_two_threads_of_python_do_not_meet() -> None:
    """Each lets its threads go ahead, and not the other's."""
    expected = unwatched()
    with ThreadPoolExecutor(2) as pool:
        switched = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            found = [pool.submit(unwatched) for _ in range(6)]
            assert [one.result() for one in found] == [expected] * 6
        finally:
            sys.setswitchinterval(switched)


def test_what_runs_alone_within_a_step_takes_no_time_of_the_run() -> None:
    async def looks_at_the_model(cell: Cell) -> None:
        await steps(3)
        assert run_alone(cell.read()) == 0
        await steps(3)

    rig, plain = Rig(1), Rig(1)
    rig.start(0, looks_at_the_model(Cell("cell")))
    plain.start(0, steps(6))
    rig.run()
    plain.run()
    assert accounts(rig.machine) == accounts(plain.machine)


def suspensions(amount: int) -> int:
    """How often a thread of another run is suspended, which takes so many steps."""
    machine = Machine([KThread("t", 1, 0, steps(amount))])
    machine.run(RoundRobin())
    return len(machine.choices)


def test_who_comes_after_a_run_does_not_go_ahead_in_its_name() -> None:
    """Even if nobody was there any more to say that it is over."""

    async def interrupted() -> None:
        await steps(2)
        raise KeyboardInterrupt

    rig = Rig(1)
    rig.start(0, interrupted())
    with pytest.raises(KeyboardInterrupt):
        rig.run()
    assert suspensions(7) == 7
    let_go_ahead(rig.machine._go_ahead)
    assert suspensions(7) == 7
    let_go_ahead(None)


def test_what_runs_alone_meanwhile_leaves_nothing_of_the_run_behind() -> None:
    inside, alone_is_over = threading.Event(), threading.Event()

    async def waits_within_a_step() -> None:
        await steps(1)
        inside.set()
        alone_is_over.wait()
        await steps(1)

    def timed() -> None:
        rig = Rig(1)
        rig.start(0, waits_within_a_step())
        rig.run()

    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(timed)
        inside.wait()

        async def lets_it_end() -> None:
            await steps(1)
            alone_is_over.set()
            run.result()
            await steps(1)

        run_alone(lets_it_end())
        assert pool.submit(suspensions, 7).result() == 7
