"""Marked accesses: each one step, at the moment at which the thread is chosen."""

from typing import Any

import pytest
from attrs import define, fields
from sim.programs import CELL, Cell, threads
from sim.traces import every_run

from kmm.sim import access
from kmm.sim.access import (
    FieldOp,
    PlainOp,
    atomic_add,
    atomic_add_unless,
    atomic_andnot,
    atomic_cmpxchg,
    atomic_inc_not_zero,
    atomic_or,
    clear_bit,
    modify_once,
    modify_plain,
    read_once,
    read_plain,
    set_bit,
    write_once,
    write_plain,
)
from kmm.sim.machine import Machine, run_alone
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor
from kmm.sim.thread import KThread
from kmm.sim.trap import READ, WRITE


def test_a_read_gives_the_value_of_the_moment_at_which_it_is_chosen() -> None:
    cell = Cell("cell", 1)
    seen: list[int] = []

    async def body() -> None:
        seen.append(await read_once(cell, CELL.value))

    machine = Machine(threads(body()))
    cell.value = 2  # after the read was announced
    machine.step(machine.threads[0])
    assert seen == [2]


def test_a_write_is_stored_only_when_it_is_chosen() -> None:
    cell = Cell("cell", 1)
    machine = Machine(threads(write_once(cell, CELL.value, 2)))
    assert cell.value == 1
    machine.step(machine.threads[0])
    assert cell.value == 2


def test_every_access_is_one_step() -> None:
    cell = Cell("cell", 1)

    async def body() -> None:
        await read_once(cell, CELL.value)
        await write_once(cell, CELL.value, 5)
        await atomic_add(cell, CELL.value, 1)
        await atomic_inc_not_zero(cell, CELL.value)

    (machine,) = every_run(lambda: Machine(threads(body())))
    assert len(machine.choices) == 4
    assert cell.value == 7


def sums(add: str) -> set[int]:
    """What is left of adding 1 twice, over all interleavings."""
    left = set()
    cells: list[Cell] = []

    async def in_two_steps() -> None:
        cell = cells[-1]
        await write_once(cell, CELL.value, await read_once(cell, CELL.value) + 1)

    async def in_one_step() -> None:
        await atomic_add(cells[-1], CELL.value, 1)

    body = {"two steps": in_two_steps, "one step": in_one_step}[add]

    def boot() -> Machine:
        cells.append(Cell("cell"))
        return Machine(threads(body(), body()))

    for _ in every_run(boot):
        left.add(cells[-1].value)
    return left


def test_a_read_and_a_write_can_lose_an_addition() -> None:
    assert sums("two steps") == {1, 2}


def test_an_atomic_addition_is_never_lost() -> None:
    assert sums("one step") == {2}


def test_an_atomic_addition_returns_the_sum() -> None:
    cell = Cell("cell", 40)
    assert run_alone(atomic_add(cell, CELL.value, 2)) == 42
    assert cell.value == 42


def test_a_reference_can_be_taken_only_while_there_is_one() -> None:
    dead, alive = Cell("dead", 0), Cell("alive", 1)
    assert not run_alone(atomic_inc_not_zero(dead, CELL.value))
    assert run_alone(atomic_inc_not_zero(alive, CELL.value))
    assert (dead.value, alive.value) == (0, 2)


@define(eq=False)
class Pair:
    name: str
    left: int = 0
    right: int = 0


PAIR = fields(Pair)


@define(eq=False)
class Shelf:
    name: str
    items: list[int]


SHELF = fields(Shelf)


def test_accesses_conflict_only_if_they_touch_the_same_field() -> None:
    pair, other = Pair("pair"), Pair("other")
    write = FieldOp(WRITE, pair, PAIR.left.name)
    assert write.conflicts(FieldOp(READ, pair, PAIR.left.name))
    assert not write.conflicts(FieldOp(READ, pair, PAIR.right.name))
    assert not write.conflicts(FieldOp(READ, other, PAIR.left.name))


def test_an_access_is_known_by_structure_and_field() -> None:
    pair = Pair("pair", right=3)
    op = FieldOp(READ, pair, PAIR.right.name)
    assert repr(op) == "read pair.right"
    assert op.peek() == 3


def test_bits_of_a_mask_are_set_and_cleared_in_one_step_each() -> None:
    pair = Pair("pair", left=0b100)
    run_alone(set_bit(pair, PAIR.left, 0))
    assert pair.left == 0b101
    assert run_alone(access.test_and_set_bit(pair, PAIR.left, 2))
    assert not run_alone(access.test_and_set_bit(pair, PAIR.left, 1))
    run_alone(clear_bit(pair, PAIR.left, 2))
    run_alone(clear_bit(pair, PAIR.left, 2))
    assert pair.left == 0b011


def test_all_bits_of_a_mask_are_set_or_cleared_in_one_step() -> None:
    pair = Pair("pair", left=0b0001)
    machine = Machine(threads(atomic_or(pair, PAIR.left, 0b0110)))
    pair.left |= 0b1000  # after the step was announced
    machine.step(machine.threads[0])
    assert pair.left == 0b1111
    machine = Machine(threads(atomic_andnot(pair, PAIR.left, 0b0011)))
    pair.left &= ~0b1000
    machine.step(machine.threads[0])
    assert pair.left == 0b0100


def test_no_bit_is_lost_when_two_threads_set_different_ones() -> None:
    ends = set()

    def boot() -> Machine:
        pair = Pair("pair")
        bodies = [set_bit(pair, PAIR.left, 0), set_bit(pair, PAIR.left, 1)]
        threads = [KThread("t", n, n, body) for n, body in enumerate(bodies)]
        return Machine(threads, lambda: ends.add(pair.left))

    assert search(boot, SourceDpor()).verdict == "proved"
    assert ends == {0b11}


def test_a_plain_access_is_a_preemption_point_like_any_other() -> None:
    cell = Cell("cell", 1)
    seen: list[int] = []

    async def reader() -> None:
        seen.append(await read_plain(cell, CELL.value))

    machine = Machine(threads(reader(), write_plain(cell, CELL.value, 2)))
    assert all(isinstance(thread.pending, PlainOp) for thread in machine.threads)
    machine.step(machine.threads[1])
    machine.step(machine.threads[0])
    assert seen == [2]


@pytest.mark.parametrize(
    ("modify", "plain"), [(modify_once, False), (modify_plain, True)]
)
def test_what_is_done_to_a_list_is_done_at_the_announced_moment(
    modify: Any, plain: bool
) -> None:
    shelf = Shelf("shelf", [1])

    async def body() -> None:
        (await modify(shelf, SHELF.items)).append(2)

    machine = Machine(threads(body()))
    pending = machine.threads[0].pending
    assert pending is not None
    assert (pending.kind, pending.key) == (WRITE, "shelf.items")
    assert isinstance(pending, PlainOp) is plain
    assert shelf.items == [1]
    machine.step(machine.threads[0])
    assert shelf.items == [1, 2]


@pytest.mark.parametrize(("expected", "done"), [(1, True), (7, False)])
def test_a_counter_is_exchanged_only_if_it_is_as_expected(
    expected: int, done: bool
) -> None:
    cell = Cell("cell", 1)
    assert run_alone(atomic_cmpxchg(cell, CELL.value, expected, 5)) is done
    assert cell.value == (5 if done else 1)


@pytest.mark.parametrize(("value", "added"), [(1, False), (2, True), (0, True)])
def test_a_counter_is_added_to_unless_it_has_one_value(value: int, added: bool) -> None:
    cell = Cell("cell", value)
    assert run_alone(atomic_add_unless(cell, CELL.value, -1, unless=1)) is added
    assert cell.value == value - added


def test_a_bit_says_what_it_was() -> None:
    cell = Cell("cell", 0b100)
    assert run_alone(access.test_and_set_bit(cell, CELL.value, 2)) is True
    assert run_alone(access.test_and_set_bit(cell, CELL.value, 0)) is False
    assert cell.value == 0b101
