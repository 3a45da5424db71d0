"""What a failure says of itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from sim.programs import Flag, opposite_locks, threads

from kmm.sim.failure import Failure, might_sleep
from kmm.sim.locks import BitLock, Mutex, RwSem, SpinLock
from kmm.sim.machine import Machine
from kmm.sim.rcu import Rcu
from kmm.sim.strategies import Replay, RoundRobin

Body = Coroutine[Any, Any, object]


def failure_of(*bodies: Body, choices: list[int] | None = None) -> Failure:
    """How a run ends: as `choices` have it, else with the threads taking turns."""
    machine = Machine(threads(*bodies))
    machine.run(RoundRobin() if choices is None else Replay(choices))
    machine.close()
    assert machine.failure is not None
    return machine.failure


def without_places(failure: Failure) -> list[str]:
    return [re.sub(r" \([^(]*\.py:\d+\)", "", line) for line in failure.details]


async def take(*locks: Any) -> None:
    for lock in locks:
        await lock.__aenter__()


# Deadlocks.


def test_a_deadlock_says_for_each_who_has_what_it_waits_for_and_where() -> None:
    one, two = Mutex("one"), Mutex("two")
    failure = failure_of(take(one, two), take(two, one))
    assert failure.message == "INFO: task a:1 blocked for more than 120 seconds."
    assert without_places(failure) == [
        "a:1 waits for two, held by b:2",
        "b:2 holds two, and is in take",
        "b:2 waits for one, held by a:1",
        "a:1 holds one, and is in take",
        "a:1 waits for b:2 waits for a:1: a cycle",
    ]
    assert re.fullmatch(
        r"b:2 holds two, and is in take \(.*test_failure\.py:\d+\)", failure.details[1]
    )


def test_who_waits_for_a_cycle_is_not_in_it() -> None:
    one, two, three = Mutex("one"), Mutex("two"), Mutex("three")
    failure = failure_of(take(three, one), take(one, two), take(two, one))
    assert "a:1 waits for one, held by b:2" in failure.details
    assert failure.details[-1] == "b:2 waits for c:3 waits for b:2: a cycle"


def test_a_cycle_may_lead_through_any_of_several_readers() -> None:
    sem, lock = RwSem("sem"), Mutex("lock")
    never = Flag("never")

    async def reader() -> None:
        async with sem.for_read:
            await never.wait()

    failure = failure_of(reader(), take(sem.for_read, lock), take(lock, sem.for_write))
    assert "c:3 waits for sem, held by a:1, b:2" in failure.details
    assert failure.details[-1] == "b:2 waits for c:3 waits for b:2: a cycle"


def test_who_waits_for_nobody_is_in_no_cycle() -> None:
    failure = failure_of(Flag("flag").wait())
    assert failure.details == ("a:1 waits for flag",)


def test_each_line_of_a_deadlock_begins_with_the_thread_that_it_is_about() -> None:
    one, two = Mutex("one"), Mutex("two")
    never = Flag("never").wait()
    failure = failure_of(take(one, two), take(two, one), never)
    assert [line.split()[0] for line in failure.details] == [
        *("a:1", "b:2"),
        *("b:2", "a:1"),
        "c:3",
        "a:1",
    ]


def test_the_words_of_a_deadlock_are_the_same_each_time() -> None:
    def run() -> Failure | None:
        machine = opposite_locks()
        machine.run(Replay([2, 2, 2, 1, 0]))
        machine.close()
        return machine.failure

    first = run()
    assert first is not None
    assert first.kind == "deadlock"
    assert first == run()


# Sleeping.


def sleepy(*held: Any) -> Body:
    async def may_wait() -> None:
        await might_sleep()

    async def body() -> None:
        await take(*held)
        await may_wait()

    return body()


@pytest.mark.parametrize("lock", [SpinLock("ptl"), Rcu()])
def test_who_might_sleep_with_a_spinlock_held_is_told_off(
    lock: SpinLock | Rcu,
) -> None:
    failure = failure_of(sleepy(lock))
    assert failure.kind == "atomic_sleep"
    place = failure.trace[0]
    assert place.function == "may_wait"
    assert failure.message == (
        "BUG: sleeping function called from invalid context at "
        f"{place.file}:{place.line}"
    )
    assert failure.details == (
        "in_atomic(): 1, irqs_disabled(): 0, pid: 1, name: a",
        "1 lock held by a/1:",
        f" #0:  ({lock.name})",
    )


def test_all_locks_of_a_sleeper_are_listed_in_the_order_of_their_taking() -> None:
    bit, sem, spin = BitLock("PG_locked"), RwSem("sem"), SpinLock("spin")
    failure = failure_of(sleepy(sem.for_read, bit, spin))
    assert failure.details[1:] == (
        "3 locks held by a/1:",
        " #0:  (sem)",
        " #1:  (PG_locked)",
        " #2:  (spin)",
    )


class InterruptsOff(SpinLock):
    """Stands for a CPU that lets no interrupt in."""

    irqs_off = True


def test_interrupts_that_are_off_are_told_from_a_lock() -> None:
    failure = failure_of(sleepy(InterruptsOff("irqs")))
    assert failure.details == (
        "in_atomic(): 0, irqs_disabled(): 1, pid: 1, name: a",
        "no locks held by a/1.",
    )


def test_who_may_sleep_may_do_so_and_is_not_kept() -> None:
    async def body() -> None:
        async with Mutex("mutex"):
            await might_sleep()

    machine = Machine(threads(body()))
    (thread,) = machine.threads
    machine.step(thread)  # takes it, says that it might sleep, and goes on at once
    assert repr(thread.pending) == "release mutex"
    machine.step(thread)
    assert machine.failure is None


def test_sleeping_and_saying_so_are_one_failure() -> None:
    def body(how: Callable[[], Body]) -> Body:
        async def sleep() -> None:
            async with SpinLock("ptl"):
                await how()

        return sleep()

    said = failure_of(body(might_sleep))
    done = failure_of(body(Mutex("mutex").lock))
    assert (said.kind, said.message) == (done.kind, done.message)
    assert done.details == (*said.details, "about to: acquire mutex")
