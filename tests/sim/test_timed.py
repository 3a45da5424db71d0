"""Timed runs: whose every cycle is, who waits how, and whose turn it is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from sim.programs import Cell, Flag
from sim.timing import (
    DEVICE,
    SLICE,
    STEP,
    SWITCH,
    DeviceOp,
    Rig,
    Trace,
    accounts,
    check_accounts,
)

from kmm.sim.clock import compute, enter_kernel, return_to_user, sleep, work
from kmm.sim.failure import Corruption
from kmm.sim.locks import Mutex, RwSem, SpinLock
from kmm.sim.machine import Machine, run_alone
from kmm.sim.strategies import RoundRobin
from kmm.sim.thread import KThread
from kmm.sim.trap import (
    WAIT,
    WRITE,
    GateOp,
    Op,
    get_current,
    let_go_ahead,
    start_thread,
    trap,
)
from kmm.sim.wait import WaitQueue

# Time.


async def hog(cycles: int) -> None:
    await return_to_user(0)
    await compute(cycles)


async def steps(count: int) -> None:
    cell = Cell("cell")
    for _ in range(count):
        await cell.read()


def test_a_step_costs_its_price_and_computing_what_it_says() -> None:
    rig = Rig(1)

    async def body() -> None:
        await steps(3)
        await compute(500)
        await steps(1)

    thread = rig.start(0, body())
    assert not rig.run()
    entity = rig.machine.entity(thread)
    assert entity.ended == SWITCH + 3 * STEP + 500 + STEP
    assert (entity.system, entity.user) == (entity.ended, 0)


def test_a_step_may_take_longer_by_chance_but_computing_does_not() -> None:
    rig = Rig(1, delays=(0, 7, 0))

    async def body() -> None:
        await compute(500)
        await steps(5)

    entity = rig.machine.entity(rig.start(0, body()))
    rig.run()
    assert entity.ended == SWITCH + 500 + 5 * STEP + 2 * 7


def test_a_run_stops_at_the_moment_that_was_said() -> None:
    rig = Rig(2)
    rig.start(0, hog(1_000_000))  # whose CPU has nothing to do for long
    rig.start(1, steps(60))
    for end in range(SWITCH, SWITCH + 40 * STEP, STEP + 3):
        assert rig.machine.run_until(end)
        assert rig.machine.at == end


def test_the_way_into_the_kernel_and_back_is_system_time() -> None:
    rig = Rig(1)

    async def body() -> None:
        await return_to_user(7)
        await compute(500)
        await enter_kernel(30)
        await steps(2)

    entity = rig.machine.entity(rig.start(0, body()))
    rig.run()
    assert entity.user == 500
    assert entity.system == SWITCH + 7 + 30 + 2 * STEP


def test_who_sleeps_needs_no_cpu() -> None:
    rig = Rig(1)

    async def sleeper() -> None:
        await sleep(3000)
        await steps(1)

    entity = rig.machine.entity(rig.start(0, sleeper()))
    rig.run()
    rq = rig.machine.rqs[0]
    assert rq.idle == 3000
    assert entity.ended == 3000 + SWITCH + STEP + 0


def test_a_device_takes_its_time_and_no_cpu() -> None:
    rig = Rig(1)

    async def reader() -> None:
        await steps(1)
        await trap(DeviceOp(WRITE, "disk"))

    entity = rig.machine.entity(rig.start(0, reader()))
    rig.run()
    assert entity.ended == SWITCH + STEP + DEVICE + STEP
    assert rig.machine.rqs[0].idle == DEVICE


def test_work_without_a_step_is_charged_to_who_does_it() -> None:
    rig = Rig(2)

    async def worker() -> None:
        await steps(1)
        current = await get_current()  # nor do other questions get in the way
        await work("a list", 777)
        assert current is await get_current()
        await steps(1)

    one = rig.machine.entity(rig.start(0, worker()))
    other = rig.machine.entity(rig.start(1, steps(2)))
    rig.run()
    assert one.system == other.system + 777


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="-1"):
        compute(-1).send(None)
    with pytest.raises(ValueError, match="-5"):
        sleep(-5).send(None)


def test_a_run_stops_at_its_end_exactly() -> None:
    rig = Rig(1)
    thread = rig.start(0, steps(100))
    assert rig.run(SWITCH + 3 * STEP)  # steps at +0, +10, +20 and +30
    assert rig.machine.steps == 4
    assert rig.machine.at == SWITCH + 3 * STEP
    assert thread.pending is not None
    assert not rig.run(SWITCH + 200 * STEP)
    assert rig.machine.steps == 100


def test_clocks_come_to_the_end_that_was_asked_for() -> None:
    rig = Rig(3)
    hogging = rig.machine.entity(rig.start(0, hog(10**6)))
    lock = SpinLock("lock")

    async def holder() -> None:
        async with lock:
            await compute(10**6)

    async def spinner() -> None:
        await steps(2)
        async with lock:
            pass

    rig.start(1, holder())
    spinning = rig.machine.entity(rig.start(2, spinner()))
    rig.run(5000)
    assert [rq.now for rq in rig.machine.rqs] == [5000] * 3
    assert hogging.user == 5000 - SWITCH
    assert spinning.system == 5000
    check_accounts(rig.machine)


# Waiting.


def test_who_spins_keeps_its_cpu_busy() -> None:
    rig = Rig(2)
    lock = SpinLock("lock")

    async def holder() -> None:
        async with lock:
            await compute(4000)

    async def spinner() -> None:
        await compute(1)
        async with lock:
            pass

    rig.start(0, holder())
    other = rig.start(1, steps(1))
    spinning = rig.machine.entity(rig.start(1, spinner()))
    rig.run()
    assert rig.machine.rqs[1].idle == 0
    assert spinning.system > 3000
    assert rig.machine.entity(other).ended is not None


def test_who_waits_for_what_sleeps_gives_its_cpu_away() -> None:
    rig = Rig(2)
    lock = Mutex("lock")

    async def holder() -> None:
        async with lock:
            await compute(50_000)

    async def waiter() -> None:
        await compute(1)
        async with lock:
            pass

    rig.start(0, holder())
    waiting = rig.machine.entity(rig.start(1, waiter()))
    other = rig.machine.entity(rig.start(1, steps(10)))
    rig.run()
    assert waiting.nvcsw == 2  # for the lock, and at its end
    assert waiting.system < 1000
    assert other.ended is not None
    assert waiting.ended is not None
    assert other.ended < 1000 < 50_000 < waiting.ended


def test_those_who_spin_for_a_lock_have_it_in_turn() -> None:
    rig = Rig(4)
    lock = SpinLock("lock")
    had = [0] * 4

    async def body(number: int) -> None:
        while True:
            async with lock:
                had[number] += 1
                await compute(100)

    for number in range(4):
        rig.start(number, body(number))
    rig.run(100_000)
    assert min(had) > 100
    assert max(had) - min(had) <= 1


def test_one_is_woken_for_a_lock_that_only_one_can_have() -> None:
    rig = Rig(4)
    lock = Mutex("lock")

    async def body() -> None:
        async with lock:
            await compute(1000)

    entities = [rig.machine.entity(rig.start(n, body())) for n in range(4)]
    rig.run()
    # Nobody was woken in vain: all have slept at most once, and ended.
    assert [e.nvcsw for e in entities] == [1, 2, 2, 2]


def test_readers_are_woken_together_and_a_writer_by_itself() -> None:
    rig = Rig(4)
    sem = RwSem("sem")
    inside: list[int] = []
    most: list[int] = []

    async def writer(delay: int) -> None:
        await compute(delay)
        async with sem.for_write:
            inside.append(2)
            most.append(sum(inside))
            await compute(5000)
            inside.remove(2)

    async def reader(delay: int) -> None:
        await compute(delay)
        async with sem.for_read:
            inside.append(1)
            await compute(5000)
            most.append(sum(inside))
            inside.remove(1)

    rig.start(0, writer(0))
    rig.start(1, reader(100))
    rig.start(2, reader(200))
    last = rig.machine.entity(rig.start(3, writer(300)))
    assert not rig.run()
    assert rig.machine.failure is None
    assert max(most) == 2
    assert last.ended is not None
    assert 15_000 < last.ended < 16_500  # one turn each, the readers' at once


def test_what_may_become_possible_by_two_things_is_seen_by_either() -> None:
    class Either(GateOp):
        __slots__ = ("also",)

        def __init__(self, flag: Flag) -> None:
            super().__init__(WAIT, "one", flag, sleeps=True)
            self.also = ((WAIT, "other"),)

    def ended(key: str) -> int:
        rig = Rig(2)
        flag = Flag("flag")

        async def waiter() -> None:
            await trap(Either(flag))
            await steps(1)

        async def waker() -> None:
            await compute(1000)
            await trap(Op(WRITE, key))
            flag.up = True
            await compute(50_000)

        waiting = rig.machine.entity(rig.start(0, waiter()))
        rig.start(1, waker())
        rig.run()
        assert not rig.machine.waiting.get("one", [])
        assert not rig.machine.waiting.get("other", [])
        assert waiting.ended is not None
        return waiting.ended

    assert ended("one") == ended("other") < 2000


def test_a_gate_that_nobody_says_has_opened_is_an_error_of_the_model() -> None:
    rig = Rig(1)
    flag = Flag("flag")

    async def opener() -> None:
        await trap(Op(WRITE, "something else"))
        flag.up = True

    rig.start(0, flag.wait(), "waiter")
    rig.start(0, opener())
    with pytest.raises(AssertionError, match="nobody has woken waiter:1"):
        rig.run()


# Interrupts.


async def ringing(rig: Rig, cpu: int, moment: int) -> None:
    await compute(moment)
    await rig.bells[cpu].ring()


def test_a_cpu_that_computes_answers_at_once_and_computes_as_long() -> None:
    rig = Rig(2)
    computing = rig.machine.entity(rig.start(0, hog(100_000)))
    rig.start(1, ringing(rig, 0, 5000))
    rig.run()
    (answer,) = rig.bells[0].answers
    assert answer - (SWITCH + 5000) <= 3 * STEP
    assert computing.user == 100_000
    rq = rig.machine.rqs[0]
    assert rq.in_irq == 3 * STEP  # taken, interrupts off, and on again
    assert computing.ended == rq.now - rq.idle == SWITCH + 100_000 + rq.in_irq


def test_a_cpu_that_spins_answers_at_once() -> None:
    rig = Rig(3)
    lock = SpinLock("lock")

    async def holder() -> None:
        async with lock:
            await compute(100_000)

    async def spinner() -> None:
        await compute(50)
        async with lock:
            pass

    rig.start(0, holder())
    rig.start(1, spinner())
    rig.start(2, ringing(rig, 1, 5000))
    rig.run()
    (answer,) = rig.bells[1].answers
    assert answer - (SWITCH + 5000) <= 3 * STEP


def test_a_cpu_that_is_idle_answers_at_once() -> None:
    rig = Rig(2)
    rig.start(1, ringing(rig, 0, 5000))
    rig.run()
    assert len(rig.bells[0].answers) == 1
    assert rig.machine.rqs[0].in_irq == 3 * STEP


def test_with_interrupts_off_a_cpu_answers_when_they_are_on_again() -> None:
    rig = Rig(2)

    async def cli() -> None:
        async with rig.bells[0].interrupts:
            await compute(20_000)
        await compute(20_000)

    rig.start(0, cli())
    rig.start(1, ringing(rig, 0, 5000))
    rig.run()
    (answer,) = rig.bells[0].answers
    assert 20_000 < answer < 20_000 + SWITCH + 5 * STEP


# Whose turn it is.


def test_two_hogs_share_a_cpu_within_a_slice() -> None:
    rig = Rig(1)
    one, other = (rig.machine.entity(rig.start(0, hog(10**6))) for _ in range(2))
    rig.run(50 * SLICE)
    assert abs(one.user - other.user) <= SLICE + SWITCH
    assert rig.machine.rqs[0].idle == 0
    assert one.nivcsw + other.nivcsw >= 48


def test_each_of_many_has_its_share() -> None:
    rig = Rig(1)
    hogs = [rig.machine.entity(rig.start(0, hog(10**7))) for _ in range(7)]
    rig.run(70 * SLICE)
    had = [entity.user for entity in hogs]
    assert max(had) - min(had) <= SLICE + 2 * SWITCH


def test_who_has_slept_has_a_cpu_soon() -> None:
    rig = Rig(1)
    woken: list[int] = []

    async def sleeper() -> None:
        await return_to_user(0)
        for _ in range(5):
            await enter_kernel(0)
            before = rig.machine.at
            await sleep(10 * SLICE)
            woken.append(rig.machine.at - before - 10 * SLICE)
            await return_to_user(0)
            await compute(100)

    for _ in range(3):
        rig.start(0, hog(10**7))
    rig.start(0, sleeper())
    rig.run(500 * SLICE)
    assert len(woken) == 5
    assert max(woken) <= 2 * SWITCH


def test_a_newcomer_does_not_keep_others_from_their_cpu() -> None:
    rig = Rig(1)
    old_had = 0

    async def old() -> None:
        nonlocal old_had
        await return_to_user(0)
        await compute(1000 * SLICE)
        await enter_kernel(0)
        await sleep(SLICE)
        await return_to_user(0)
        await compute(100 * SLICE)

    async def parent() -> None:
        await sleep(1000 * SLICE + SLICE // 2)
        rig.machine.add(new)

    new = KThread("new", 99, 0, hog(10**9))
    veteran = rig.machine.entity(rig.start(0, old()))
    rig.start(0, parent())
    rig.run(1020 * SLICE)
    before = veteran.user
    rig.run(1060 * SLICE)
    assert veteran.user - before >= 19 * SLICE


def test_a_thread_in_the_kernel_keeps_its_cpu() -> None:
    rig = Rig(1)
    first = rig.machine.entity(rig.start(0, compute(5 * SLICE)))
    second = rig.machine.entity(rig.start(0, compute(5 * SLICE)))
    rig.run()
    assert first.ended == SWITCH + 5 * SLICE
    assert second.ended == 2 * (SWITCH + 5 * SLICE)


def test_an_idle_cpu_that_comes_back_to_a_thread_does_not_switch() -> None:
    rig = Rig(1)

    async def body() -> None:
        for _ in range(5):
            await sleep(1000)

    rig.start(0, body())
    rig.run()
    assert rig.machine.rqs[0].switches == 1


# Threads.


def test_a_thread_starts_when_it_is_started_on_the_cpu_that_it_names() -> None:
    rig = Rig(2)
    children = []

    async def parent() -> None:
        await compute(3000)
        child = KThread("child", 50, 1, steps(4))
        await start_thread(child)
        children.append(child)
        await compute(3000)

    rig.start(0, parent())
    rig.run()
    child = rig.machine.entity(children[0])
    assert child.rq.number == 1
    assert child.started == SWITCH + 3000
    assert child.ended == child.started + SWITCH + 4 * STEP


def test_the_least_loaded_cpu_is_the_first_of_those() -> None:
    rig = Rig(3)
    assert rig.machine.least_loaded() == 0
    for cpu in (0, 0, 1):
        rig.start(cpu, hog(1000))
    assert rig.machine.least_loaded() == 2
    rig.start(2, hog(1000))
    assert rig.machine.least_loaded() == 1


def test_a_run_is_over_when_only_daemons_are_left() -> None:
    rig = Rig(1)
    rig.start(0, Flag("never").wait(), daemon=True)
    rig.start(0, steps(1))
    assert not rig.run()
    assert rig.machine.failure is None


def test_a_thread_that_does_nothing_has_ended() -> None:
    rig = Rig(1)

    async def nothing() -> None:
        pass

    entity = rig.machine.entity(rig.start(0, nothing()))
    assert entity.ended == 0
    assert not rig.run()


# Failures.


def test_a_deadlock_is_found() -> None:
    rig = Rig(2)
    locks = [SpinLock("one"), SpinLock("two")]

    async def body(first: SpinLock, second: SpinLock) -> None:
        async with first:
            await compute(100)
            async with second:
                pass

    rig.start(0, body(locks[0], locks[1]))
    rig.start(1, body(locks[1], locks[0]))
    assert not rig.run()
    assert rig.machine.failure is not None
    assert rig.machine.failure.kind == "deadlock"
    check_accounts(rig.machine)


def test_an_error_ends_the_run_and_is_handed_over() -> None:
    rig = Rig(2)

    async def body() -> None:
        await compute(1000)
        raise Corruption("here")

    rig.start(0, body())
    other = rig.machine.entity(rig.start(1, compute(10**6)))
    assert not rig.run()
    failure = rig.machine.failure
    assert failure is not None
    assert (failure.message, failure.cpu) == ("here", 0)
    assert rig.machine.at == SWITCH + 1000
    assert other.ended is None
    check_accounts(rig.machine)
    assert not rig.run()


@pytest.mark.parametrize("what", [sleep(10), trap(DeviceOp(WRITE, "disk"))])
def test_who_holds_a_spinlock_must_not_sleep(what: Awaitable[object]) -> None:
    rig = Rig(1)

    async def body() -> None:
        async with SpinLock("lock"):
            await what

    rig.start(0, body())
    rig.run()
    assert rig.machine.failure is not None
    assert "sleeping" in rig.machine.failure.message


def test_what_must_hold_at_the_end_is_asked_then() -> None:
    def check() -> None:
        raise Corruption("at the end")

    rig = Rig(1, check)
    rig.start(0, steps(1))
    assert not rig.run()
    assert rig.machine.failure is not None
    assert rig.machine.failure.message == "at the end"


# Random programs.


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
