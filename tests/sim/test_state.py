"""States are equal exactly if their runs can only go on alike."""

from __future__ import annotations

import ast
import random
from collections import Counter, OrderedDict
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen
from sim.programs import Body, Cell, threads

import kmm
from kmm.sim.machine import Machine
from kmm.sim.state import State, States, Unmergeable

ROOT = Path(kmm.__file__).parent


@define(eq=False)
class Box:
    """Holds anything."""

    inside: object = None
    other: object = None


class Tallying:
    TALLIES = ("times",)
    CACHES = ("found",)

    def __init__(self, times: int, found: int, number: int) -> None:
        self.times, self.found, self.number = times, found, number


@frozen
class Wrapped:
    box: Box


@define
class Shared:
    cell: Cell = field(factory=lambda: Cell("cell"))


def same(one: object, other: object) -> bool:
    states = States()
    return states.of([one]) == states.of([other])


# Structures.


@pytest.mark.parametrize(
    "make",
    [
        lambda n: [1, [n, 2], (n,)],
        lambda n: {"a": 1, "b": Box(n)},
        lambda n: OrderedDict(a=n),
        lambda n: Counter({"a": n}),
        lambda n: {1, n + 10},
        lambda n: bytearray([n]),
        lambda n: Box(Box(n)),
        lambda n: Wrapped(Box(n)),
        lambda n: Box(lambda: n),
        lambda n: Box([n].append),
        lambda n: iter([n, 2]),
    ],
)
def test_contents_decide_and_not_who_holds_them(make: Callable[[int], object]) -> None:
    assert same(make(136), make(136))
    assert not same(make(136), make(137))


def test_two_names_of_one_structure_are_not_two_structures() -> None:
    shared = Box(1)
    assert not same([shared, shared], [Box(1), Box(1)])


def test_a_mark_is_itself_and_no_other() -> None:
    one, other = object(), object()
    assert same(Box(one), Box(one))
    assert not same(Box(one), Box(other))


def test_circles_have_an_end() -> None:
    def circle(number: int) -> Box:
        one = Box(number)
        one.other = Box(number, one)
        return one

    assert same(circle(1), circle(1))
    assert not same(circle(1), circle(2))


def test_the_order_of_a_dictionary_counts_and_that_of_a_set_does_not() -> None:
    assert not same({1: 0, 2: 0}, {2: 0, 1: 0})
    assert same({1, 9, 17}, {17, 9, 1})  # which collide in a small table


def test_how_often_something_happened_does_not_count() -> None:
    assert same(Tallying(1, 1, 5), Tallying(2, 2, 5))
    assert not same(Tallying(1, 1, 5), Tallying(1, 1, 6))


@pytest.mark.parametrize(
    "hidden", [{Box()}, {1, "a"}, random.Random(1), iter({1}), count(1)]
)
def test_what_nobody_shows_is_an_error_and_not_a_guess(hidden: object) -> None:
    with pytest.raises(Unmergeable):
        States().of([hidden])


# Threads.


def states_of(body: Callable[[Cell], Body]) -> list[State]:
    """Of a run of one thread: before each step."""
    return all_states(States(), body)


def all_states(states: States, body: Callable[[Cell], Body]) -> list[State]:
    cell = Cell("cell")
    machine = Machine(threads(body(cell)))
    found = []
    while enabled := machine.enabled():
        found.append(states.of([machine.threads]))
        machine.step(enabled[0])
    return found


async def in_a_loop(cell: Cell) -> None:
    for _ in range(3):
        await cell.read()


async def in_a_loop_over_a_list(cell: Cell) -> None:
    for _ in [0, 0, 0]:
        await cell.read()


async def with_a_sum(cell: Cell) -> None:
    for first in (1000, 2000, 3000):
        await cell.write(0)
        hide(first + await cell.read())
        first = 0


def hide(_: int) -> None:
    """Nobody can see it any more."""


@pytest.mark.parametrize("body", [in_a_loop, in_a_loop_over_a_list])
def test_the_place_in_a_loop_counts(body: Callable[[Cell], Body]) -> None:
    found = states_of(body)
    assert len(set(found)) == len(found) == 3


def test_what_lies_on_the_stack_of_values_counts() -> None:
    states = States()

    def adding(first: int) -> Callable[[Cell], Body]:
        numbers = iter([first])

        async def body(cell: Cell) -> None:
            hide(next(numbers) + await cell.read())

        return body

    (one,) = all_states(states, adding(1000))
    (other,) = all_states(states, adding(2000))
    (again,) = all_states(states, adding(1000))
    assert one != other
    assert one == again


def test_which_variable_is_set_counts() -> None:
    def setting(first: bool) -> Callable[[Cell], Body]:
        choices = iter([first])

        async def body(cell: Cell) -> None:
            if next(choices):
                one = 7
            else:
                other = 7
            await cell.read()
            hide(one if "one" in locals() else other)

        return body

    states = States()
    assert all_states(states, setting(True)) != all_states(states, setting(False))


def test_the_same_run_comes_to_the_same_states() -> None:
    states = States()
    assert all_states(states, with_a_sum) == all_states(states, with_a_sum)


def test_a_thread_that_has_ended_has_no_variables_left() -> None:
    def body_of(number: int) -> Callable[[Cell], Body]:
        async def body(cell: Cell) -> None:
            variable = number
            await cell.read()
            hide(variable)

        return body

    def last(number: int) -> State:
        machine = Machine(threads(body_of(number)(Cell("cell"))))
        machine.step(machine.enabled()[0])
        return states.of([machine.threads])

    states = States()
    assert last(1) == last(2)


# Tallies.


def tallies() -> set[str]:
    """The names of all fields that classes of the model call tallies."""
    found: set[str] = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and any(
                isinstance(t, ast.Name) and t.id == "TALLIES" for t in node.targets
            ):
                found |= set(ast.literal_eval(node.value))
    return found


def test_nothing_is_decided_by_a_tally() -> None:
    names = tallies()
    assert {"vm_stat", "vm_events", "counters", "min_flt", "maj_flt"} == names
    readers = set()
    for room in ("hw", "mm", "kernel", "fs", "designs", "scenarios"):
        for path in (ROOT / room).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            bumped: set[Any] = set()
            for node in ast.walk(tree):
                if isinstance(node, ast.AugAssign):
                    bumped |= set(ast.walk(node.target))
            for node in ast.walk(tree):
                if (
                    isinstance(node, ast.Attribute)
                    and node.attr in names
                    and isinstance(node.ctx, ast.Load)
                    and node not in bumped
                ):
                    readers.add(path.relative_to(ROOT).as_posix())
    # Who shows them; `global_page_state` is for /proc/meminfo.
    assert {r for r in readers if not r.startswith("fs/proc/")} == {"mm/vmstat.py"}
