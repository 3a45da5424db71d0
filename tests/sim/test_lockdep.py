"""Lock orders that might deadlock, found in runs that did not."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from sim.programs import Cell, threads

from kmm.sim.failure import Report
from kmm.sim.lockdep import CIRCULAR, RECURSIVE, Lockdep, class_name
from kmm.sim.locks import BitLock, Mutex, RwSem, SpinLock
from kmm.sim.machine import Machine
from kmm.sim.rcu import Rcu
from kmm.sim.search import search, with_watchers
from kmm.sim.strategies import Enumeration, RandomWalk, Replay, SourceDpor, Strategy

Body = Callable[[], Coroutine[Any, Any, object]]


def in_turn(*bodies: Body, lockdep: Lockdep | None = None) -> list[Report]:
    """What lockdep says of a run in which each thread goes to its end at once."""
    lockdep = lockdep or Lockdep()
    machine = with_watchers(
        lambda: Machine(threads(*(body() for body in bodies))), lockdep
    )()
    for thread in machine.threads:
        while thread.pending:
            machine.step(thread)
    machine.run(Replay([]))
    assert machine.failure is None
    machine.close()
    return lockdep.reports


def nested(*locks: Any) -> Body:
    """Takes locks in this order, and gives them back in the other."""

    async def body() -> None:
        for lock in locks:
            await lock.__aenter__()
        for lock in reversed(locks):
            await lock.__aexit__(None)

    return body


def lines(report: Report) -> str:
    return "\n".join(report.details)


# Classes.


@pytest.mark.parametrize(
    ("lock", "expected"),
    [
        ("anon_vma#3.lock", "anon_vma.lock"),
        ("mm#12.mmap_sem", "mm.mmap_sem"),
        ("shm#1.i_mmap_lock", "shm.i_mmap_lock"),
        ("flush_state[3].tlbstate_lock", "flush_state.tlbstate_lock"),
        ("zone DMA32.lru_lock", "zone.lru_lock"),
        ("zone 1/Normal.lock", "zone.lock"),
        ("PG_locked of page 0x12", "PG_locked"),
        ("swapper_space.tree_lock", "swapper_space.tree_lock"),
        ("swap_lock", "swap_lock"),
    ],
)
def test_the_class_of_a_lock_is_its_name_without_the_instance(
    lock: str, expected: str
) -> None:
    assert class_name(lock) == expected


# Circles.


def test_opposite_orders_are_reported_though_no_run_deadlocks() -> None:
    one, two = SpinLock("one"), SpinLock("two")
    (report,) = in_turn(nested(one, two), nested(two, one))
    assert report.kind == "lock_order"
    assert report.message == "INFO: possible circular locking dependency detected"
    assert (report.thread, report.cpu) == ("b:2", 1)
    assert [place.function for place in report.trace] == ["body"]
    # Thread b has taken `two`, and stands before `one`.
    assert report.choices == (0, 0, 0, 0, 1)


def test_orders_may_be_opposite_in_different_runs() -> None:
    lockdep = Lockdep()
    first = [SpinLock("a#1.lock"), SpinLock("b#1.lock")]
    second = [SpinLock("a#2.lock"), SpinLock("b#2.lock")]
    assert in_turn(nested(*first), lockdep=lockdep) == []
    (report,) = in_turn(nested(*reversed(second)), lockdep=lockdep)
    assert report.message == CIRCULAR


def test_one_order_everywhere_is_fine() -> None:
    one, two, three = SpinLock("one"), Mutex("two"), RwSem("three")
    orders = [(two, three.for_write, one), (two, one), (three.for_read, one)]
    assert in_turn(*(nested(*order) for order in orders)) == []


def test_locks_taken_one_after_the_other_have_no_order() -> None:
    one, two = SpinLock("one"), SpinLock("two")

    async def apart(first: SpinLock, second: SpinLock) -> None:
        async with first:
            pass
        async with second:
            pass

    assert in_turn(lambda: apart(one, two), lambda: apart(two, one)) == []


def test_locks_are_given_back_in_any_order() -> None:
    one, two, three = SpinLock("one"), SpinLock("two"), SpinLock("three")

    async def hand_over_hand() -> None:
        await one.lock()
        await two.lock()
        await one.unlock()
        await three.lock()
        await two.unlock()
        await three.unlock()

    # Nothing says that `one` comes before `three`, but by way of `two`.
    (report,) = in_turn(hand_over_hand, nested(three, one))
    assert " Chain exists of:" in report.details
    assert "  one --> two --> three" in report.details


def test_a_circle_may_lead_through_many_locks() -> None:
    one, two, three = SpinLock("one"), SpinLock("two"), SpinLock("three")
    (report,) = in_turn(nested(one, two), nested(two, three), nested(three, one))
    headings = [line for line in report.details if line.startswith("-> #")]
    assert headings == [
        "-> #2 (three){+.+...}:",
        "-> #1 (two){+.+...}:",
        "-> #0 (one){+.+...}:",
    ]


def test_what_stands_between_does_not_hide_the_outermost_lock() -> None:
    one, two, three = SpinLock("one"), SpinLock("two"), SpinLock("three")
    (report,) = in_turn(nested(one, two, three), nested(three, one))
    # Its order before `three` is known by way of `two`, and not kept twice.
    assert "  one --> two --> three" in report.details


def test_a_deadlock_that_happens_was_foretold_by_its_second_attempt() -> None:
    one, two = SpinLock("one"), SpinLock("two")
    lockdep = Lockdep()

    def boot() -> Machine:
        return Machine(threads(nested(one, two)(), nested(two, one)()))

    machine = with_watchers(boot, lockdep)()
    machine.fast_forward([0, 1])
    assert machine.enabled() == []
    (report,) = lockdep.reports
    assert report.choices == (0, 1)
    machine.close()


# One class, several times.


def test_two_of_a_class_are_recursion() -> None:
    (report,) = in_turn(
        nested(SpinLock("anon_vma#1.lock"), SpinLock("anon_vma#2.lock"))
    )
    assert report.message == RECURSIVE
    assert " May be due to missing lock nesting notation" in report.details
    assert " anon_vma#2.lock (anon_vma.lock){+.+...}, at: body" in lines(report)


def test_a_lock_that_is_waited_for_by_its_holder_is_recursion() -> None:
    lock = SpinLock("lock")
    lockdep = Lockdep()
    machine = with_watchers(lambda: Machine(threads(nested(lock, lock)())), lockdep)()
    machine.fast_forward([0])
    assert [report.message for report in lockdep.reports] == [RECURSIVE]
    machine.close()


def test_a_subclass_says_which_of_a_class_comes_second() -> None:
    old, new = SpinLock("lock#1"), SpinLock("lock#2")
    assert in_turn(nested(old, new.nested(1)), nested(new, old.nested(1))) == []
    sems = RwSem("sem#1"), RwSem("sem#2")
    assert in_turn(nested(sems[0].for_write, sems[1].for_write_nested)) == []


def test_a_subclass_has_its_own_place_in_the_order() -> None:
    old, new = SpinLock("lock#1"), SpinLock("lock#2")
    (report,) = in_turn(nested(old, new.nested(1)), nested(old.nested(1), new))
    assert "-> #1 (lock/1){+.+...}:" in report.details


def many_under(outer: Mutex, locks: list[SpinLock]) -> Body:
    async def body() -> None:
        async with outer:
            for lock in locks:
                await lock.lock_nest_lock(outer)
            for lock in locks:
                await lock.unlock()

    return body


def test_an_outer_lock_makes_the_order_of_many_of_a_class_free() -> None:
    outer, locks = Mutex("outer"), [SpinLock(f"lock#{n}") for n in range(3)]
    bodies = many_under(outer, locks), many_under(outer, locks[::-1])
    assert in_turn(*bodies) == []


def test_an_outer_lock_that_is_not_held_excuses_nothing() -> None:
    outer, one, two = Mutex("outer"), SpinLock("lock#1"), SpinLock("lock#2")

    async def body() -> None:
        async with one:
            await two.lock_nest_lock(outer)
            await two.unlock()

    (report,) = in_turn(body)
    assert report.message == RECURSIVE


def test_the_outer_lock_itself_comes_first_always() -> None:
    outer, lock = Mutex("outer"), Mutex("lock#1")

    async def body() -> None:
        async with outer:
            await lock.lock_nest_lock(outer)
            await lock.unlock()

    (report,) = in_turn(body, nested(lock, outer))
    assert report.message == CIRCULAR


def test_what_came_between_two_of_a_class_has_its_place_in_the_order() -> None:
    outer, between, inner = Mutex("outer"), SpinLock("between"), SpinLock("inner")
    old, new = SpinLock("lock#1"), SpinLock("lock#2")

    async def body() -> None:
        async with outer:
            await old.lock_nest_lock(outer)
            await between.lock()
            await new.lock_nest_lock(outer)
            await inner.lock()
            for lock in (inner, new, between, old):
                await lock.unlock()

    (report,) = in_turn(body, nested(inner, between))
    assert "-> #1 (inner){+.+...}:" in report.details


def test_of_several_of_a_class_any_stands_for_the_class() -> None:
    outer, inner = Mutex("outer"), SpinLock("inner")
    old, new = SpinLock("lock#1"), SpinLock("lock#2")

    async def body() -> None:
        await outer.lock()
        await old.lock_nest_lock(outer)
        await new.lock_nest_lock(outer)
        await outer.unlock()
        await old.unlock()
        async with inner:
            pass
        await new.unlock()

    (report,) = in_turn(body, nested(inner, old))
    assert "-> #1 (inner){+.+...}:" in report.details


# Trying.


def trying(held: SpinLock, tried: SpinLock, then: SpinLock | None = None) -> Body:
    async def body() -> None:
        async with held:
            if not await tried.trylock():
                return
            if then is not None:
                await then.lock()
                await then.unlock()
            await tried.unlock()

    return body


def test_who_only_tries_cannot_wait_and_depends_on_nothing() -> None:
    one, two = SpinLock("one"), SpinLock("two")
    assert in_turn(trying(one, two), trying(two, one)) == []


def test_what_was_got_by_trying_is_held_like_any_other_lock() -> None:
    one, two, three = SpinLock("one"), SpinLock("two"), SpinLock("three")
    reports = in_turn(trying(one, two, three), nested(three, two), nested(three, one))
    assert [report.message for report in reports] == [CIRCULAR, CIRCULAR]


def test_a_lock_that_was_not_got_is_not_held() -> None:
    one, two, three = SpinLock("one"), SpinLock("two"), SpinLock("three")
    lockdep = Lockdep()

    async def keeper() -> None:
        async with two:
            await Cell("cell").read()

    async def trier() -> None:
        assert not await two.trylock()
        async with three:
            pass

    def boot() -> Machine:
        return Machine(threads(keeper(), trier(), nested(three, two)(), nested(one)()))

    machine = with_watchers(boot, lockdep)()
    machine.fast_forward([0, 1, 1, 1, 0, 0, 2, 2, 2, 2])
    assert lockdep.reports == []
    machine.close()


# Readers.


def test_readers_in_opposite_orders_do_not_wait_for_each_other() -> None:
    one, two = RwSem("one"), RwSem("two")
    bodies = nested(one.for_read, two.for_read), nested(two.for_read, one.for_read)
    assert in_turn(*bodies) == []


def test_one_writer_makes_a_circle_of_readers_dangerous() -> None:
    one, two = RwSem("one"), RwSem("two")
    reading, writing = two.for_read, two.for_write
    (report,) = in_turn(nested(one.for_read, reading), nested(writing, one.for_read))
    assert "-> #0 (one){.+.+..}:" in report.details
    assert "-> #1 (two){++++..}:" in report.details


def test_a_writer_who_comes_later_is_news() -> None:
    one, two = RwSem("one"), RwSem("two")
    bodies = [
        nested(one.for_read, two.for_read),
        nested(two.for_read, one.for_read),
        nested(one.for_read, two.for_write),
    ]
    assert in_turn(*bodies[:2]) == []
    assert len(in_turn(*bodies)) == 1


def test_a_circle_of_readers_and_writers_is_one_problem() -> None:
    one, two = RwSem("one"), RwSem("two")
    reading = nested(one.for_read, two.for_read)
    writing = nested(one.for_write, two.for_write)
    against = nested(two.for_write, one.for_write)
    assert len(in_turn(against, reading)) == 1
    assert len(in_turn(against, reading, writing)) == 1
    assert len(in_turn(against, writing, reading)) == 1


def test_a_class_tells_whether_it_is_read_from_the_first_attempt_on() -> None:
    one, two = RwSem("one"), Mutex("two")
    (report,) = in_turn(nested(one.for_write, two), nested(two, one.for_read))
    assert "-> #0 (one){++++..}:" in report.details


def test_only_a_writer_makes_a_second_hold_recursion() -> None:
    one, two = RwSem("sem#1"), RwSem("sem#2")
    assert in_turn(nested(one.for_read, two.for_read)) == []
    (report,) = in_turn(nested(one.for_read, two.for_write))
    assert report.message == RECURSIVE


# What is not followed.


@pytest.mark.parametrize(
    ("untracked", "other"),
    [(BitLock("PG_locked"), Mutex("mutex")), (Rcu(), SpinLock("spin"))],
)
def test_lock_bits_and_read_sections_have_no_order(
    untracked: BitLock | Rcu, other: SpinLock | Mutex
) -> None:
    assert in_turn(nested(untracked, other), nested(other, untracked)) == []


class InterruptsOff(SpinLock):
    """Stands for a CPU that lets no interrupt in."""

    tracked = False
    irqs_off = True


def test_only_what_was_taken_with_interrupts_on_has_a_plus() -> None:
    irqs, one, two = InterruptsOff("irqs"), SpinLock("one"), SpinLock("two")
    (report,) = in_turn(nested(one, irqs, two), nested(two, one))
    assert "-> #1 (two){+.+...}:" in report.details
    (report,) = in_turn(nested(one, irqs, two), nested(irqs, two, one))
    assert "-> #1 (two){......}:" in report.details


# A whole search.


def two_orders() -> Machine:
    """Opposite orders that cannot meet: the second thread waits for the first."""
    one, two, done = SpinLock("x#1.lock"), SpinLock("y#1.lock"), Mutex("done")

    async def first() -> None:
        async with done, one, two:
            pass

    async def second() -> None:
        async with done, two, one:
            pass

    return Machine(threads(first(), second()))


@pytest.mark.parametrize("strategy", [SourceDpor, Enumeration, lambda: RandomWalk(1)])
def test_a_problem_is_reported_once_over_many_runs(
    strategy: Callable[[], Strategy],
) -> None:
    lockdep = Lockdep()
    boot = with_watchers(two_orders, lockdep)
    result = search(boot, strategy(), budget=20)
    assert result.failure is None
    assert result.coverage.executions > 1
    assert len(lockdep.reports) == 1


def test_the_choices_of_a_report_lead_to_it_again() -> None:
    found, again = Lockdep(), Lockdep()
    search(with_watchers(two_orders, found), Enumeration())
    (report,) = found.reports
    # It takes both orders to see that they are opposite; here one run has both.
    machine = with_watchers(two_orders, again)()
    machine.fast_forward(report.choices)
    machine.close()
    assert again.reports == [report]


def test_watching_changes_nothing_about_a_search() -> None:
    plain = search(two_orders, SourceDpor())
    watched = search(with_watchers(two_orders, Lockdep()), SourceDpor())
    assert watched == plain


def without_lines(report: Report) -> list[str]:
    """The text, but for the places in this file."""
    return [re.sub(r" \([^(]*\.py:\d+\)", "", line) for line in report.details]


def test_a_report_reads_as_the_kernels() -> None:
    lockdep = Lockdep()
    search(with_watchers(two_orders, lockdep), SourceDpor())
    (report,) = lockdep.reports
    assert without_lines(report) == [
        "b/2 is trying to acquire lock:",
        " x#1.lock (x.lock){+.+...}, at: second",
        "",
        "but task is already holding lock:",
        " y#1.lock (y.lock){+.+...}, at: second",
        "",
        "which lock already depends on the new lock.",
        "",
        "the existing dependency chain (in reverse order) is:",
        "",
        "-> #1 (y.lock){+.+...}:",
        "       by a/1, holding (x.lock) since first",
        "       first",
        "",
        "-> #0 (x.lock){+.+...}:",
        "       second",
        "",
        "other info that might help us debug this:",
        "",
        " Possible unsafe locking scenario:",
        "",
        "       CPU0                    CPU1",
        "       ----                    ----",
        "  lock(y.lock);",
        "                               lock(x.lock);",
        "                               lock(y.lock);",
        "  lock(x.lock);",
        "",
        " *** DEADLOCK ***",
        "",
        "2 locks held by b/2:",
        " #0:  done (done){+.+...}, at: second",
        " #1:  y#1.lock (y.lock){+.+...}, at: second",
    ]
