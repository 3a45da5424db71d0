"""What each lock promises, over every interleaving of a few threads."""

from collections.abc import Callable

import pytest
from attrs import define, field, fields
from sim.programs import Body, Cell, threads
from sim.traces import every_run

from kmm.sim.access import read_once
from kmm.sim.failure import Corruption, Failure
from kmm.sim.lockdep import Lockdep
from kmm.sim.locks import (
    ExclusiveLock,
    Mutex,
    ReadSide,
    RwSem,
    SpinLock,
    WriteSide,
    atomic_dec_and_lock,
)
from kmm.sim.machine import Machine, run_alone
from kmm.sim.rcu import Rcu
from kmm.sim.search import search, with_watchers
from kmm.sim.strategies import SourceDpor
from kmm.sim.thread import KThread
from kmm.sim.wait import WaitQueue


@define
class Room:
    """Who is inside at the same time as whom, over all runs."""

    inside: list[str] = field(factory=list)
    seen: set[tuple[str, ...]] = field(factory=set)
    door: Cell = field(factory=lambda: Cell("door"))

    async def visit(self, who: str) -> None:
        self.inside.append(who)
        self.seen.add(tuple(sorted(self.inside)))
        await self.door.read()  # somebody else may come in meanwhile
        self.inside.remove(who)


def visits(body: Callable[[Room, str], Body], *visitors: str) -> set[tuple[str, ...]]:
    """Everything that is seen when the visitors come in every order."""
    seen: set[tuple[str, ...]] = set()

    def boot() -> Machine:
        room = Room(seen=seen)
        return Machine(threads(*(body(room, who) for who in visitors)))

    for machine in every_run(boot):
        assert machine.failure is None
    return seen


def test_without_a_lock_threads_meet() -> None:
    async def body(room: Room, who: str) -> None:
        await room.door.read()
        await room.visit(who)

    assert visits(body, "x", "y") == {("x",), ("y",), ("x", "y")}


# Locks with one holder.


@pytest.mark.parametrize("kind", [SpinLock, Mutex])
def test_a_lock_has_one_holder_at_a_time(kind: type[ExclusiveLock]) -> None:
    lock = kind("lock")

    async def body(room: Room, who: str) -> None:
        async with lock:
            await room.visit(who)

    assert visits(body, "x", "y", "z") == {("x",), ("y",), ("z",)}


def test_trylock_takes_the_lock_or_says_no_and_never_waits() -> None:
    lock = SpinLock("lock")
    answers: set[bool] = set()

    async def body(room: Room, who: str) -> None:
        taken = await lock.trylock()
        answers.add(taken)
        if taken:
            await room.visit(who)
            await lock.unlock()

    assert visits(body, "x", "y") == {("x",), ("y",)}
    assert answers == {True, False}


def test_who_wants_a_lock_cannot_go_on_until_it_is_free() -> None:
    lock = SpinLock("lock")

    async def body() -> None:
        await lock.lock()
        await lock.unlock()

    machine = Machine(threads(body(), body()))
    one, other = machine.threads
    assert machine.enabled() == [one, other]
    machine.step(one)
    assert machine.enabled() == [one]
    machine.step(one)
    assert machine.enabled() == [other]
    machine.close()


def test_a_look_at_a_lock_sees_that_moment_and_takes_nothing() -> None:
    lock = Mutex("lock")
    looks: set[tuple[bool, bool]] = set()

    async def holder() -> None:
        async with lock:
            pass

    async def looker() -> None:
        looks.add((await lock.is_locked(), await lock.is_locked()))

    for machine in every_run(lambda: Machine(threads(holder(), looker()))):
        assert machine.failure is None
    assert looks == {(False, False), (False, True), (True, True), (True, False)}


def test_waiting_for_a_lock_without_taking_it_ends_when_it_is_free() -> None:
    lock = Mutex("lock")
    done = Cell("done")
    states: set[tuple[bool, int]] = set()

    async def holder() -> None:
        async with lock:
            await done.write(1)

    async def waiter() -> None:
        await lock.wait_unlocked()
        states.add((lock.owner is None, done.value))

    def boot() -> Machine:
        done.value = 0
        return Machine(threads(holder(), waiter()))

    for machine in every_run(boot):
        assert machine.failure is None
    # Before the holder came or after it went, and never in between.
    assert states == {(True, 0), (True, 1)}


def test_a_waiter_for_a_free_lock_may_see_it_taken_again() -> None:
    lock = Mutex("lock")
    found_locked: set[bool] = set()

    async def holder() -> None:
        async with lock:
            pass

    async def waiter() -> None:
        await lock.wait_unlocked()
        found_locked.add(await lock.is_locked())

    for _ in every_run(lambda: Machine(threads(holder(), waiter()))):
        pass
    assert found_locked == {True, False}


# Readers and writers.


def reader_or_writer(sem: RwSem) -> Callable[[Room, str], Body]:
    async def body(room: Room, who: str) -> None:
        side = sem.for_write if who.startswith("write") else sem.for_read
        async with side:
            await room.visit(who)

    return body


def test_readers_share_and_a_writer_is_alone() -> None:
    visitors = "read", "read too", "write"
    seen = visits(reader_or_writer(RwSem("sem")), *visitors)
    assert seen == {("read",), ("read too",), ("write",), ("read", "read too")}


def test_two_writers_never_meet() -> None:
    visitors = "write", "write too"
    seen = visits(reader_or_writer(RwSem("sem")), *visitors)
    assert seen == {("write",), ("write too",)}


def test_a_writer_waits_for_the_last_reader() -> None:
    sem = RwSem("sem")

    async def reader() -> None:
        await sem.down_read()
        await sem.up_read()

    machine = Machine(threads(reader(), reader(), sem.down_write()))
    one, other, writer = machine.threads
    machine.step(one)
    machine.step(other)
    machine.step(one)
    assert writer not in machine.enabled()
    machine.step(other)
    assert writer in machine.enabled()
    machine.close()


# Failures and locks.


Block = SpinLock | Mutex | Rcu | WriteSide | ReadSide

BLOCKS: dict[str, Callable[[], Block]] = {
    "spinlock": lambda: SpinLock("lock"),
    "mutex": lambda: Mutex("lock"),
    "rwsem, writing": lambda: RwSem("lock").for_write,
    "rwsem, reading": lambda: RwSem("lock").for_read,
    "rcu": Rcu,
}


def held_after(make: Callable[[], Block], error: Exception | None) -> int:
    """How many locks a thread holds after a block that ended so."""

    async def body() -> None:
        async with make():
            if error is not None:
                raise error

    (machine,) = every_run(lambda: Machine(threads(body())))
    return len(machine.threads[0].held)


@pytest.mark.parametrize("make", list(BLOCKS.values()), ids=list(BLOCKS))
def test_a_block_gives_its_lock_back_but_a_bug_leaves_it_held(
    make: Callable[[], Block],
) -> None:
    assert held_after(make, None) == 0
    assert held_after(make, Corruption("in the middle")) == 1


SLEEPS = ["lock", "wait_unlocked", "down_read", "down_write", "queue", "synchronize"]


def sleep_under(outer: SpinLock | Mutex | Rcu, how: str) -> Failure | None:
    """What comes of sleeping, by each of the ways there are, with `outer` held."""
    mutex, sem, queue, rcu = Mutex("mutex"), RwSem("sem"), WaitQueue("q"), Rcu()

    async def wait_in_queue() -> None:
        await queue.schedule(await queue.prepare_to_wait())

    ways: dict[str, Callable[[], Body]] = {
        "lock": mutex.lock,
        "wait_unlocked": mutex.wait_unlocked,
        "down_read": sem.down_read,
        "down_write": sem.down_write,
        "queue": wait_in_queue,
        "synchronize": rcu.synchronize,
    }

    async def body() -> None:
        async with outer:
            await ways[how]()

    (machine,) = every_run(lambda: Machine(threads(body())))
    return machine.failure


@pytest.mark.parametrize("how", SLEEPS)
@pytest.mark.parametrize("kind", [lambda: SpinLock("spin"), Rcu])
def test_who_holds_what_spins_must_not_sleep(
    kind: Callable[[], SpinLock | Rcu], how: str
) -> None:
    outer = kind()
    failure = sleep_under(outer, how)
    assert failure is not None
    assert failure.kind == "atomic_sleep"
    assert f" #0:  ({outer.name})" in failure.details


@pytest.mark.parametrize("how", SLEEPS)
def test_who_holds_a_mutex_may_sleep(how: str) -> None:
    failure = sleep_under(Mutex("outer"), how)
    assert failure is None or failure.kind != "atomic_sleep"


def test_who_holds_a_spinlock_may_spin_for_another_and_try_a_mutex() -> None:
    one, other, mutex = SpinLock("one"), SpinLock("other"), Mutex("mutex")

    async def body() -> None:
        async with one, other:
            assert await mutex.trylock()
            assert await mutex.is_locked()
            await mutex.unlock()

    (machine,) = every_run(lambda: Machine(threads(body())))
    assert machine.failure is None


# What a person reads.


def test_a_lock_says_who_has_it() -> None:
    lock, sem = SpinLock("lock"), RwSem("sem")
    x, y = (
        KThread(comm, pid, 0, Cell("c").read()) for comm, pid in [("x", 1), ("y", 2)]
    )
    assert (str(lock), str(sem)) == ("free", "free")
    lock.owner = x
    sem.readers = [x, y]
    assert (str(lock), str(sem)) == ("held by x:1", "read by x:1, y:2")
    sem.readers, sem.writer = [], y
    assert str(sem) == "written by y:2"
    for thread in (x, y):
        thread.body.close()


@pytest.mark.parametrize("give_back", ["spin", "sem_write", "sem_read", "rcu"])
def test_giving_back_what_one_does_not_hold_is_reported(give_back: str) -> None:
    lock, sem, rcu = SpinLock("lock"), RwSem("sem"), Rcu()
    ways = {
        "spin": lock.unlock,
        "sem_write": sem.up_write,
        "sem_read": sem.up_read,
        "rcu": rcu.read_unlock,
    }

    async def careless() -> None:
        await ways[give_back]()

    result = search(lambda: Machine(threads(careless())), SourceDpor())
    assert result.failure is not None
    assert result.failure.message == "BUG: bad unlock balance detected!"
    assert result.failure.thread is not None


# Nested locks.


def nested(subclass: int | None, outer: SpinLock | None = None) -> list[str]:
    """What lockdep says of two locks of a class, the second taken as is said."""
    first, second = SpinLock("anon_vma#1.lock"), SpinLock("anon_vma#2.lock")

    async def body() -> None:
        if outer is not None:
            await outer.lock()
        await first.lock()
        if subclass is not None:
            await second.lock_nested(subclass)
        elif outer is not None:
            await second.lock_nest_lock(outer)
        else:
            await second.lock()
        assert second.owner is not None
        await second.unlock()
        await first.unlock()
        if outer is not None:
            await outer.unlock()

    lockdep = Lockdep()
    boot = with_watchers(lambda: Machine(threads(body())), lockdep)
    assert search(boot, SourceDpor()).verdict == "proved"
    return [report.message for report in lockdep.reports]


def test_a_second_lock_of_a_class_is_reported_unless_it_is_said_to_be_nested() -> None:
    assert nested(None) != []
    assert nested(1) == []


def test_who_holds_the_outer_lock_may_take_the_others_in_any_order() -> None:
    assert nested(None, SpinLock("mm_all_locks_mutex")) == []


def test_a_nested_lock_is_waited_for_like_any_other() -> None:
    def body(lock: SpinLock) -> Callable[[Room, str], Body]:
        async def visit(room: Room, who: str) -> None:
            async with lock.nested(1):
                await room.visit(who)

        return visit

    def one_lock(room: Room, who: str) -> Body:
        return body(locks.setdefault(id(room), SpinLock("lock")))(room, who)

    locks: dict[int, SpinLock] = {}
    assert visits(one_lock, "a", "b") == {("a",), ("b",)}


# Counters that come to 0 under a lock only.


@define(eq=False)
class Counted:
    count: int
    lock: SpinLock
    name: str = "counted"


COUNT = fields(Counted).count


def counted(count: int) -> Counted:
    return Counted(count, SpinLock("lock"))


@pytest.mark.parametrize(("count", "is_last"), [(1, True), (2, False), (3, False)])
def test_the_lock_is_held_if_the_counter_has_come_to_0(
    count: int, is_last: bool
) -> None:
    one = counted(count)
    assert run_alone(atomic_dec_and_lock(one, COUNT, one.lock)) is is_last
    assert one.count == count - 1
    assert (one.lock.owner is not None) is is_last
    if is_last:
        run_alone(one.lock.unlock())


def test_of_two_who_give_up_a_reference_exactly_one_is_the_last() -> None:
    """Over all interleavings; and nobody who has the lock sees it come to 0."""

    def boot_race() -> Machine:
        one = counted(2)
        last: list[int] = []

        async def give_up(number: int) -> None:
            if await atomic_dec_and_lock(one, COUNT, one.lock):
                last.append(number)
                await one.lock.unlock()

        async def look() -> None:
            async with one.lock:
                seen: int = await read_once(one, COUNT)
                again: int = await read_once(one, COUNT)
                assert bool(seen) == bool(again)

        def check() -> None:
            assert len(last) == 1
            assert one.count == 0

        return Machine(threads(give_up(0), give_up(1), look()), check)

    assert search(boot_race, SourceDpor()).verdict == "proved"
