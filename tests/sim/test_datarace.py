"""Data races: which pairs of accesses are reported, and which locks and signs order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import define, field, fields
from sim.programs import Body, threads

from kmm.sim.access import (
    modify_once,
    read_once,
    read_plain,
    set_bit,
    write_once,
    write_plain,
)
from kmm.sim.datarace import DataRaces
from kmm.sim.failure import Report
from kmm.sim.locks import Mutex, RwSem, SpinLock
from kmm.sim.machine import Machine
from kmm.sim.rcu import Rcu
from kmm.sim.search import search, with_watchers
from kmm.sim.seqlock import SeqCount
from kmm.sim.strategies import Enumeration, SourceDpor, Strategy
from kmm.sim.taps import instrumented
from kmm.sim.thread import KThread
from kmm.sim.trap import WRITE, Op, start_thread, trap
from kmm.sim.wait import WaitQueue


@define(eq=False)
class Struct:
    name: str
    number: int = 0
    other: int = 0
    flags: int = 0
    items: list[int] = field(factory=list)

    @property
    def double(self) -> int:
        return self.number * 2


STRUCT = fields(Struct)


class Unslotted:
    """A structure without slots, and without a name."""

    def __init__(self) -> None:
        self.number = 0


ALL = {
    Struct: ("number", "other", "flags", "items"),
    Unslotted: ("number",),
}


def races_of(
    bodies: Callable[[], Sequence[Body]], strategy: Strategy | None = None
) -> list[Report]:
    """What is found in all runs of a program."""
    races = DataRaces()
    boot = with_watchers(lambda: Machine(threads(*bodies())), races)
    with instrumented(ALL, {Struct: ("flags",)}):
        result = search(boot, strategy or SourceDpor(), stop_at_failure=False)
    assert result.verdict == "proved", result.failure
    return races.reports


async def step(name: str) -> None:
    """A preemption point at something that nobody else touches."""
    await trap(Op(WRITE, f"{name}'s own"))


async def reads(cell: Struct) -> int:
    return await read_plain(cell, STRUCT.number)


async def reads_marked(cell: Struct) -> int:
    return await read_once(cell, STRUCT.number)


# Announced, plain.


def test_a_plain_write_and_a_plain_read_race() -> None:
    def bodies() -> list[Body]:
        cell = Struct("cell")
        return [write_plain(cell, STRUCT.number, 1), reads(cell)]

    (race,) = races_of(bodies)
    assert race.kind == "data_race"


def test_two_plain_writes_race() -> None:
    def bodies() -> list[Body]:
        cell = Struct("cell")

        async def writer(value: int) -> None:
            await write_plain(cell, STRUCT.number, value)

        return [writer(1), writer(2)]

    (race,) = races_of(bodies)
    assert race.message == "BUG: KCSAN: data-race in writer / writer"


def test_two_plain_reads_do_not_race() -> None:
    def bodies() -> list[Body]:
        cell = Struct("cell")
        return [reads(cell), reads(cell)]

    assert races_of(bodies) == []


def test_a_store_that_changes_nothing_does_not_race() -> None:
    def bodies(value: int) -> list[Body]:
        cell = Struct("cell", number=1, other=1)

        async def writer() -> None:
            await write_plain(cell, STRUCT.number, value)
            cell.other = value

        return [writer(), reads(cell), looks_at_other(cell)]

    async def looks_at_other(cell: Struct) -> None:
        await step("looker")
        assert cell.other

    assert races_of(lambda: bodies(1)) == []
    assert len(races_of(lambda: bodies(2))) == 2


def test_accesses_to_two_fields_or_to_two_structures_do_not_race() -> None:
    def bodies() -> list[Body]:
        cell = Struct("cell")
        return [
            write_plain(cell, STRUCT.number, 1),
            write_plain(cell, STRUCT.other, 1),
            write_plain(Struct("another"), STRUCT.number, 1),
        ]

    assert races_of(bodies) == []


def test_a_thread_does_not_race_with_itself() -> None:
    def bodies() -> list[Body]:
        cell = Struct("cell")

        async def body() -> None:
            await write_plain(cell, STRUCT.number, 1)
            cell.number = 2
            await read_plain(cell, STRUCT.number)

        return [body()]

    assert races_of(bodies) == []


# Marked.


def test_marked_accesses_do_not_race() -> None:
    def bodies() -> list[Body]:
        cell = Struct("cell")
        return [write_once(cell, STRUCT.number, 1), reads_marked(cell)]

    assert races_of(bodies) == []


def test_a_marked_access_races_with_a_plain_one() -> None:
    def bodies() -> list[Body]:
        cell = Struct("cell")
        return [write_once(cell, STRUCT.number, 1), reads(cell)]

    (race,) = races_of(bodies)
    assert any(line.startswith("write (marked) to cell") for line in race.details)
    assert any(line.startswith("read to cell") for line in race.details)


def test_what_comes_before_a_marked_write_is_known_to_who_reads_it() -> None:
    def bodies() -> list[Body]:
        cell, ready = Struct("cell"), Struct("ready")

        async def publisher() -> None:
            await step("publisher")
            cell.number = 1
            await write_once(ready, STRUCT.number, 1)

        async def user() -> None:
            if await read_once(ready, STRUCT.number):
                assert cell.number == 1

        return [publisher(), user()]

    assert races_of(bodies) == []


def test_what_comes_after_a_marked_write_is_not() -> None:
    def bodies() -> list[Body]:
        cell, ready = Struct("cell"), Struct("ready")

        async def publisher() -> None:
            await write_once(ready, STRUCT.number, 1)
            cell.number = 1

        async def user() -> None:
            if await read_once(ready, STRUCT.number):
                assert cell.number == 1

        return [publisher(), user()]

    assert len(races_of(bodies)) == 1


def test_what_comes_before_a_marked_read_is_known_to_who_writes_after_it() -> None:
    def bodies() -> list[Body]:
        cell, taken = Struct("cell"), Struct("taken")

        async def reader() -> None:
            await step("reader")
            assert cell.number == 0
            await read_once(taken, STRUCT.number)
            await write_once(taken, STRUCT.other, 1)

        async def writer() -> None:
            done = await read_once(taken, STRUCT.other)
            await write_once(taken, STRUCT.number, 1)
            if done:
                cell.number = 1

        return [reader(), writer()]

    assert races_of(bodies) == []


def test_what_is_done_to_a_list_after_modify_once_belongs_to_it() -> None:
    def bodies() -> list[Body]:
        pool, taken = Struct("pool"), Struct("taken")

        async def body() -> None:
            (await modify_once(pool, STRUCT.items)).append(1)
            taken.number += 1

        return [body(), body()]

    assert races_of(bodies) == []


# Not announced.


def test_an_attribute_that_is_stored_in_passing_is_seen() -> None:
    def bodies() -> list[Body]:
        cell = Struct("cell")

        async def writer() -> None:
            await step("writer")
            cell.number = 1

        async def reader() -> None:
            await step("reader")
            assert cell.number in (0, 1)

        return [writer(), reader()]

    (race,) = races_of(bodies)
    assert race.message == "BUG: KCSAN: data-race in reader / writer"


def test_a_property_reads_what_it_is_made_of() -> None:
    def bodies() -> list[Body]:
        cell = Struct("cell")

        async def reader() -> None:
            await step("reader")
            assert cell.double in (0, 2)

        return [reader(), write_once(cell, STRUCT.number, 1)]

    (race,) = races_of(bodies)
    assert any(line.startswith("read to cell.number") for line in race.details)


def test_a_structure_without_slots_and_without_a_name_is_seen() -> None:
    def bodies() -> list[Body]:
        cell = Unslotted()

        async def writer(name: str) -> None:
            await step(name)
            cell.number += 1

        return [writer("a"), writer("b")]

    (race,) = races_of(bodies)
    assert "Unslotted#1.number of 8 bytes by task" in race.details[0]


def test_what_a_thread_makes_for_itself_is_its_own() -> None:
    def bodies() -> list[Body]:
        made = Struct("shelf")

        async def maker() -> None:
            await step("maker")
            cell = Struct("cell", number=1)
            cell.number = 2
            (await modify_once(made, STRUCT.items)).append(cell.number)

        return [maker(), maker()]

    assert races_of(bodies) == []


def test_a_list_that_one_thread_changes_under_a_lock_and_another_reads_without() -> (
    None
):
    def bodies() -> list[Body]:
        cell, lock = Struct("cell"), SpinLock("lock")

        async def writer() -> None:
            async with lock:
                cell.items.append(1)

        async def reader() -> None:
            await step("reader")
            assert len(cell.items) < 2

        return [writer(), reader()]

    (race,) = races_of(bodies)
    assert race.message == "BUG: KCSAN: data-race in reader / writer"


def test_a_list_that_is_only_read_does_not_race() -> None:
    def bodies() -> list[Body]:
        cell = Struct("cell", items=[1])

        async def reader(name: str) -> None:
            await step(name)
            assert cell.items == [1]

        return [reader("a"), reader("b")]

    assert races_of(bodies) == []


def test_a_list_that_is_changed_some_steps_after_it_was_got_is_written_then() -> None:
    def bodies() -> list[Body]:
        cell, lock = Struct("cell"), SpinLock("lock")

        async def writer() -> None:
            async with lock:
                items = cell.items
            items.append(1)

        async def reader() -> None:
            async with lock:
                assert len(cell.items) < 2

        return [writer(), reader()]

    assert len(races_of(bodies)) == 1


def test_a_list_that_was_taken_out_of_its_field_is_the_takers() -> None:
    def bodies() -> list[Body]:
        cell, lock = Struct("cell", items=[1]), SpinLock("lock")

        async def taker() -> None:
            async with lock:
                taken, cell.items = cell.items, []
            taken.clear()

        return [taker(), taker()]

    assert races_of(bodies) == []


# Bits.


def flags_of(*bodies: Callable[[Struct], Body]) -> list[Report]:
    def made() -> list[Body]:
        cell = Struct("cell", flags=0b1000)
        return [body(cell) for body in bodies]

    return races_of(made)


async def sets_bit_0(cell: Struct) -> None:
    await step("setter")
    cell.flags |= 1


async def clears_bit_1(cell: Struct) -> None:
    await step("clearer")
    cell.flags &= ~2


async def looks_at_bit_0(cell: Struct) -> None:
    await step("looker")
    assert cell.flags & 1 < 2


async def looks_at_bit_2(cell: Struct) -> None:
    await step("looker")
    assert not cell.flags & 4


async def looks_at_all(cell: Struct) -> None:
    await step("looker")
    assert cell.flags != 0


def test_who_sets_a_bit_races_with_who_looks_at_it() -> None:
    assert len(flags_of(sets_bit_0, looks_at_bit_0)) == 1
    assert len(flags_of(sets_bit_0, looks_at_all)) == 1


def test_who_sets_a_bit_does_not_race_with_who_looks_at_or_sets_another() -> None:
    assert flags_of(sets_bit_0, looks_at_bit_2) == []
    assert flags_of(sets_bit_0, clears_bit_1) == []


def test_a_bit_that_stays_as_it_was_is_not_written() -> None:
    assert flags_of(clears_bit_1, looks_at_all) == []


def test_bits_that_are_set_and_read_by_marked_accesses_do_not_race() -> None:
    async def looks(cell: Struct) -> None:
        assert await read_once(cell, STRUCT.flags) & 1 < 2

    def sets(cell: Struct) -> Body:
        return set_bit(cell, STRUCT.flags, 0)

    assert flags_of(sets, looks) == []
    assert len(flags_of(sets, looks_at_bit_0)) == 1
    assert flags_of(sets, looks_at_bit_2) == []


# Locks and signs.


def test_a_common_lock_orders() -> None:
    def bodies() -> list[Body]:
        cell, lock = Struct("cell"), SpinLock("lock")

        async def body() -> None:
            async with lock:
                cell.number += 1

        return [body(), body()]

    assert races_of(bodies) == []


def test_two_locks_do_not() -> None:
    def bodies() -> list[Body]:
        cell = Struct("cell")

        async def body(lock: SpinLock) -> None:
            async with lock:
                cell.number += 1

        return [body(SpinLock("one")), body(SpinLock("two"))]

    assert len(races_of(bodies)) == 1


def test_what_comes_after_the_unlock_is_not_protected() -> None:
    def bodies() -> list[Body]:
        cell, lock = Struct("cell"), SpinLock("lock")

        async def body() -> None:
            async with lock:
                pass
            cell.number += 1

        return [body(), body()]

    assert len(races_of(bodies)) == 1


def test_a_trylock_orders_only_if_it_succeeds() -> None:
    def bodies(always: bool) -> list[Body]:
        cell, lock = Struct("cell"), SpinLock("lock")

        async def trier() -> None:
            taken = await lock.trylock()
            if taken or always:
                cell.number += 1
            if taken:
                await lock.unlock()

        return [trier(), trier()]

    assert races_of(lambda: bodies(always=False)) == []
    assert len(races_of(lambda: bodies(always=True))) == 1


def test_readers_of_a_semaphore_are_ordered_with_writers_not_with_readers() -> None:
    def bodies(*, reader_writes: bool) -> list[Body]:
        cell, sem = Struct("cell"), RwSem("sem")

        async def writer() -> None:
            async with sem.for_write:
                cell.number += 1

        async def reader() -> None:
            async with sem.for_read:
                assert cell.number >= 0
                if reader_writes:
                    cell.other += 1

        return [writer(), reader(), reader()]

    assert races_of(lambda: bodies(reader_writes=False)) == []
    assert len(races_of(lambda: bodies(reader_writes=True))) == 1


def test_a_wake_up_orders() -> None:
    def bodies() -> list[Body]:
        cell, done, queue = Struct("cell"), Struct("done"), WaitQueue("queue")

        async def waker() -> None:
            await step("waker")
            cell.number = 1
            await write_once(done, STRUCT.number, 1)
            await queue.wake_up()

        async def sleeper() -> None:
            sleeping = await queue.prepare_to_wait()
            if not await read_once(done, STRUCT.number):
                await queue.schedule(sleeping)
            await queue.finish_wait(sleeping)
            assert cell.number == 1

        return [waker(), sleeper()]

    assert races_of(bodies) == []


def test_waiting_for_a_lock_to_be_free_orders() -> None:
    def bodies() -> list[Body]:
        cell, bit = Struct("cell"), Mutex("bit")

        async def holder() -> None:
            await bit.lock()
            cell.number += 1
            await bit.unlock()

        async def waiter() -> None:
            await bit.wait_unlocked()
            if await bit.is_locked():
                return
            assert cell.other == 0

        return [holder(), waiter()]

    assert races_of(bodies) == []


def grace_period(*, waits: bool) -> list[Body]:
    """An object that is unlinked, and changed after its readers have gone."""
    shelf, cell, rcu = Struct("shelf", number=1), Struct("cell"), Rcu()

    async def reader() -> None:
        async with rcu:
            if await read_once(shelf, STRUCT.number):
                assert cell.number == 0

    async def reaper() -> None:
        await write_once(shelf, STRUCT.number, 0)
        if waits:
            await rcu.synchronize()
        cell.number = 1

    return [reader(), reaper()]


def test_a_grace_period_orders_what_readers_did_before_what_comes_after_it() -> None:
    assert races_of(lambda: grace_period(waits=True)) == []
    assert len(races_of(lambda: grace_period(waits=False))) == 1


def test_read_sections_do_not_order_each_other() -> None:
    def bodies() -> list[Body]:
        cell, rcu = Struct("cell"), Rcu()

        async def body() -> None:
            async with rcu:
                cell.number += 1

        return [body(), body()]

    assert len(races_of(bodies)) == 1


def test_a_section_of_a_seqcount_counts_as_marked() -> None:
    def bodies() -> list[Body]:
        cell, count = Struct("cell"), SeqCount("count")

        async def writer() -> None:
            await count.write_begin()
            await write_plain(cell, STRUCT.number, 1)
            await count.write_end()

        async def reader() -> None:
            begun = await count.read_begin()
            await read_plain(cell, STRUCT.number)
            await count.read_retry(begun)
            await step("reader")

        return [writer(), reader()]

    assert races_of(bodies) == []


def test_after_a_section_of_a_seqcount_it_does_not() -> None:
    def bodies() -> list[Body]:
        cell, count = Struct("cell"), SeqCount("count")

        async def writer() -> None:
            await count.write_begin()
            await count.write_end()
            await write_plain(cell, STRUCT.number, 1)

        async def reader() -> None:
            await read_plain(cell, STRUCT.number)

        return [writer(), reader()]

    assert len(races_of(bodies)) == 1


def test_a_started_thread_knows_what_its_starter_did_before() -> None:
    def bodies(*, early: bool) -> list[Body]:
        cell = Struct("cell")

        async def child() -> None:
            await step("child")
            assert cell.number in (0, 1)

        async def parent() -> None:
            await step("parent")
            if early:
                cell.number = 1
            await start_thread(KThread("child", 9, 1, child()))
            await step("parent")
            if not early:
                cell.number = 1

        return [parent()]

    assert races_of(lambda: bodies(early=True), Enumeration()) == []
    assert len(races_of(lambda: bodies(early=False), Enumeration())) == 1


def test_an_operation_on_a_whole_covers_the_code_up_to_the_next_trap() -> None:
    def bodies() -> list[Body]:
        cell = Struct("cell")

        async def body() -> None:
            await trap(Op(WRITE, "all of cell"))
            cell.number += 1
            cell.other += 1

        return [body(), body()]

    assert races_of(bodies) == []


# Reports.


def racing() -> list[Body]:
    cell = Struct("cell")

    async def outer_writer() -> None:
        await inner_writer()

    async def inner_writer() -> None:
        await step("writer")
        cell.number = 1

    async def reader() -> None:
        for _ in range(2):
            await read_once(cell, STRUCT.number)

    return [outer_writer(), reader()]


def test_a_pair_of_places_is_reported_once_however_many_runs_show_it() -> None:
    races = DataRaces()
    boot = with_watchers(lambda: Machine(threads(*racing())), races)
    with instrumented(ALL):
        for _ in range(2):
            search(boot, Enumeration())
    assert len(races.reports) == 1


def test_a_report_says_what_kcsan_says() -> None:
    (race,) = races_of(racing)
    assert race.message == "BUG: KCSAN: data-race in inner_writer / reader"
    head = [line for line in race.details if line and not line.startswith(" ")]
    assert sorted(head) == [
        "read (marked) to cell.number of 8 bytes by task 2 on cpu 1:",
        "write to cell.number of 8 bytes by task 1 on cpu 0:",
    ]
    assert race.details.count("") == 1
    functions = [line.split()[0] for line in race.details if line.startswith(" ")]
    assert sorted(functions) == ["inner_writer", "outer_writer", "reader"]


def test_the_access_that_came_last_is_named_first() -> None:
    (race,) = races_of(racing)
    last = race.choices[-1]
    assert race.thread == ["a:1", "b:2"][last]
    assert race.cpu == last
    assert f"by task {last + 1} on cpu {last}:" in race.details[0]
    assert f" {race.trace[0]}" == race.details[1]


def test_a_report_is_the_same_each_time() -> None:
    assert races_of(racing) == races_of(racing)


def test_the_choices_of_a_report_lead_to_it() -> None:
    (race,) = races_of(racing)
    races = DataRaces()
    machine = with_watchers(lambda: Machine(threads(*racing())), races)()
    with instrumented(ALL):
        machine.fast_forward(race.choices[:-1])
        assert races.reports == []
        machine.step(machine.threads[race.choices[-1]])
        machine.close()
    assert races.reports == [race]


def test_what_a_check_touches_between_two_steps_is_nobodys() -> None:
    looked_at: list[int] = []

    def checked() -> Machine:
        cell = Struct("cell")

        async def writer() -> None:
            await step("writer")
            cell.number = 1

        async def bystander() -> None:
            await step("bystander")

        machine = Machine(
            threads(writer(), bystander()), always=lambda: looked_at.append(cell.number)
        )
        machine.is_checked = True
        return machine

    races = DataRaces()
    with instrumented(ALL):
        search(with_watchers(checked, races), Enumeration())
    assert looked_at
    assert races.reports == []
