"""Timed runs: whose every cycle is, who waits how, and whose turn it is."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest
from sim.programs import Flag
from sim.timing import (
    DEVICE,
    SLICE,
    STEP,
    SWITCH,
    DeviceOp,
    Rig,
    check_accounts,
    steps,
)

from kmm.sim.clock import compute, enter_kernel, return_to_user, sleep, work
from kmm.sim.failure import Corruption
from kmm.sim.locks import Mutex, RwSem, SpinLock
from kmm.sim.thread import KThread
from kmm.sim.trap import (
    WAIT,
    WRITE,
    GateOp,
    Op,
    get_current,
    start_thread,
    trap,
)

# Time.


async def hog(cycles: int) -> None:
    await return_to_user(0)
    await compute(cycles)


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
