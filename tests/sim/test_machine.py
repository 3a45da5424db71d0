"""The run loop, and the ways in which a run can end."""

import pytest
from sim.programs import Cell, opposite_locks, run_in_turn, threads
from sim.traces import every_run

from kmm.sim.failure import Corruption, KernelBug, Leak, bug_on, might_sleep
from kmm.sim.locks import Mutex, SpinLock
from kmm.sim.machine import Machine, run_alone
from kmm.sim.strategies import RoundRobin
from kmm.sim.thread import KThread
from kmm.sim.trap import get_current

# Stepping.


def test_nothing_happens_before_a_thread_is_chosen() -> None:
    cell = Cell("cell")
    machine = Machine(threads(cell.write(1), cell.write(2)))
    assert cell.value == 0
    machine.step(machine.threads[1])
    assert cell.value == 2
    machine.close()


def test_a_step_goes_on_to_the_next_preemption_point_and_no_further() -> None:
    cell = Cell("cell")
    reached = []

    async def body() -> None:
        reached.append("start")
        await cell.write(1)
        reached.append("after the first")
        await cell.write(2)
        reached.append("after the second")

    machine = Machine(threads(body()))
    assert reached == ["start"]
    machine.step(machine.threads[0])
    assert reached == ["start", "after the first"]
    machine.close()


def test_the_choices_make_the_same_run_again() -> None:
    def boot() -> Machine:
        cell = Cell("cell")

        async def body(value: int) -> None:
            seen = await cell.read()
            await cell.write(10 * seen + value)

        return Machine(threads(body(1), body(2)), observe=lambda: cell.value)

    values = set()
    for machine in every_run(boot):
        again = boot()
        again.fast_forward(machine.choices)
        assert again.observe() == machine.observe()
        values.add(machine.observe())
    assert values == {1, 2, 12, 21}


def test_a_thread_that_has_ended_is_not_asked_again() -> None:
    cell = Cell("cell")
    machine = Machine(threads(cell.write(1), cell.write(2)))
    one, other = machine.threads
    machine.step(one)
    assert machine.enabled() == machine.unfinished() == [other]
    machine.close()


# Good and bad ends.


def test_the_check_is_made_once_every_thread_has_ended() -> None:
    cell = Cell("cell")
    values = []

    async def body() -> None:
        await cell.write(cell.value + 1)

    machine = Machine(threads(body(), body()), lambda: values.append(cell.value))
    strategy = RoundRobin()
    strategy.next_run()
    machine.run(strategy)
    assert values == [1]
    assert machine.failure is None


def test_a_failed_check_is_nobodys_failure() -> None:
    def check() -> None:
        raise Leak("one page too few", "it was page 7")

    machine = Machine(threads(Cell("cell").write(1)), check)
    machine.run(RoundRobin())
    assert machine.failure is not None
    assert machine.failure.kind == "leak"
    assert machine.failure.message == "one page too few"
    assert machine.failure.details == ("it was page 7",)
    assert machine.failure.thread is None


async def migrate(cell: Cell) -> None:
    await cell.read()
    await remove(cell)


async def remove(cell: Cell) -> None:
    await cell.write(0)
    bug_on(cell.value == 0, "mm/migrate.c:504", "the entry is gone")


def test_a_bug_ends_the_run_and_says_who_where_and_why() -> None:
    cell = Cell("cell", 7)
    machine = run_in_turn(cell.read(), migrate(cell))
    failure = machine.failure
    assert failure is not None
    assert failure.kind == "bug_on"
    assert failure.message == "kernel BUG at mm/migrate.c:504!"
    assert failure.details == ("the entry is gone",)
    assert (failure.thread, failure.cpu) == ("b:2", 1)
    assert [place.function for place in failure.trace] == ["remove", "migrate"]


def test_bug_on_does_nothing_if_the_condition_does_not_hold() -> None:
    bug_on(False, "mm/migrate.c:504")
    with pytest.raises(KernelBug):
        bug_on(True, "mm/migrate.c:504")


def test_after_a_failure_nobody_goes_on() -> None:
    cell = Cell("cell")

    async def fails() -> None:
        await cell.read()
        raise Corruption("at once")

    machine = Machine(threads(fails(), cell.write(1)))
    machine.step(machine.threads[0])
    assert machine.enabled() == []
    assert [thread.name for thread in machine.unfinished()] == ["b:2"]
    machine.close()
    assert cell.value == 0


def test_a_failure_before_the_first_preemption_point_counts() -> None:
    async def fails() -> None:
        raise Corruption("before anything")

    machine = run_in_turn(fails(), Cell("cell").write(1))
    assert machine.failure is not None
    assert machine.failure.message == "before anything"
    assert machine.choices == []


def test_an_error_in_the_model_itself_is_not_taken_for_a_failure() -> None:
    async def broken() -> None:
        await Cell("cell").read()
        raise ZeroDivisionError

    machine = Machine(threads(broken()))
    with pytest.raises(ZeroDivisionError):
        machine.step(machine.threads[0])


def test_a_deadlock_says_who_waits_for_what_and_who_holds_it() -> None:
    deadlocks = {
        tuple(line for line in machine.failure.details if "waits for" in line)
        for machine in every_run(opposite_locks)
        if machine.failure is not None and machine.failure.kind == "deadlock"
    }
    assert deadlocks == {
        (
            "b:2 waits for two, held by c:3",
            "c:3 waits for one, held by b:2",
            "b:2 waits for c:3 waits for b:2: a cycle",
        )
    }


def test_a_thread_that_takes_a_lock_twice_waits_for_itself() -> None:
    lock = SpinLock("lock")

    async def body() -> None:
        async with lock, lock:
            pass

    failure = run_in_turn(body()).failure
    assert failure is not None
    assert failure.kind == "deadlock"
    assert failure.message == "INFO: task a:1 blocked for more than 120 seconds."
    assert failure.details[0] == "a:1 waits for lock, held by a:1"
    assert failure.details[-1] == "a:1 waits for a:1: a cycle"
    assert [place.function for place in failure.trace] == ["body"]


def test_a_run_without_end_is_a_livelock() -> None:
    cell = Cell("cell")

    async def spin() -> None:
        while not await cell.read():
            pass

    machine = run_in_turn(spin(), spin(), max_steps=50)
    assert machine.failure is not None
    assert machine.failure.kind == "livelock"
    assert machine.failure.message == "no end after 50 steps"
    assert len(machine.choices) == 50


def test_a_run_that_ends_just_in_time_is_no_livelock() -> None:
    cell = Cell("cell")

    async def body() -> None:
        for _ in range(25):
            await cell.read()

    assert run_in_turn(body(), body(), max_steps=50).failure is None
    failure = run_in_turn(body(), body(), max_steps=40).failure
    assert failure is not None
    assert failure.kind == "livelock"


def test_a_lock_held_at_exit_is_a_leak() -> None:
    failure = run_in_turn(Mutex("page lock").lock()).failure
    assert failure is not None
    assert failure.kind == "leak"
    assert failure.message == "BUG: lock held at task exit: page lock"
    assert failure.thread == "a:1"


def test_sleeping_with_a_spinlock_held_says_where_and_what() -> None:
    spin, mutex = SpinLock("ptl"), Mutex("page lock")

    async def body() -> None:
        async with spin, mutex:
            pass

    failure = run_in_turn(body()).failure
    assert failure is not None
    assert failure.kind == "atomic_sleep"
    assert failure.message.startswith("BUG: sleeping function called from invalid")
    assert failure.details == (
        "in_atomic(): 1, irqs_disabled(): 0, pid: 1, name: a",
        "1 lock held by a/1:",
        " #0:  (ptl)",
        "about to: acquire page lock",
    )
    assert [place.function for place in failure.trace] == ["body"]


# Without other CPUs.


def test_a_coroutine_can_be_run_alone() -> None:
    cell, lock = Cell("cell", 5), Mutex("lock")

    async def body() -> int:
        async with lock:
            return await cell.read() + 1

    assert run_alone(body()) == 6
    assert lock.owner is None


def test_what_runs_alone_must_not_wait() -> None:
    lock = Mutex("lock")
    run_alone(lock.lock())
    with pytest.raises(RuntimeError, match="would wait for ever: acquire lock"):
        run_alone(lock.lock())


def test_what_failed_alone_forbids_nobody_to_sleep() -> None:
    lock = SpinLock("lock")

    async def fails_halfway() -> None:
        await lock.lock()
        raise KeyError

    with pytest.raises(KeyError):
        run_alone(fails_halfway())
    run_alone(might_sleep())


def test_dropping_a_machine_gives_no_lock_back() -> None:
    lock = Mutex("lock")

    async def body() -> None:
        async with lock:
            await Cell("cell").read()

    machine = Machine(threads(body()))
    machine.step(machine.threads[0])
    machine.close()
    assert lock.owner is machine.threads[0]


# Daemons.


def test_a_run_is_over_when_only_daemons_are_left_and_they_wait() -> None:
    lock = Mutex("lock")
    served: list[str] = []

    async def serve() -> None:
        while True:
            await lock.wait_unlocked()
            await lock.lock()
            served.append("once")

    async def work() -> None:
        await lock.lock()
        await lock.unlock()

    daemon = KThread("daemon", 9, 0, serve(), daemon=True)
    machine = Machine([KThread("work", 1, 0, work()), daemon])
    assert machine.run(RoundRobin())
    assert machine.failure is None
    assert machine.unfinished() == []
    assert served == ["once"]
    machine.close()


def test_whoever_waits_for_a_daemon_that_waits_is_in_a_deadlock() -> None:
    one, two = Mutex("one"), Mutex("two")

    async def wait(first: Mutex, second: Mutex) -> None:
        await first.lock()
        await second.lock()

    threads = [
        KThread("work", 1, 0, wait(one, two)),
        KThread("daemon", 9, 1, wait(two, one), daemon=True),
    ]
    machine = Machine(threads)
    machine.run(RoundRobin())
    assert machine.failure is not None
    assert machine.failure.kind == "deadlock"
    assert [line.partition(" ")[0] for line in machine.failure.details] == ["work:1"]
    machine.close()


def test_to_ask_who_is_running_is_no_preemption_point() -> None:
    names: list[str] = []

    async def ask() -> None:
        names.append((await get_current()).name)
        names.append((await get_current()).name)

    machine = Machine([KThread("one", 1, 0, ask()), KThread("two", 2, 1, ask())])
    # Threads run to their first preemption point, and here there is none.
    assert machine.unfinished() == []
    assert set(names) == {"one:1", "two:2"}
