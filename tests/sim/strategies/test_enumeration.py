"""Plain enumeration makes every interleaving, once."""

from itertools import combinations
from math import comb

import pytest
from sim.programs import opposite_locks, steppers, threads, toy
from sim.traces import every_run

from kmm.sim.locks import SpinLock
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import Enumeration


@pytest.mark.parametrize("first", [1, 2, 5])
@pytest.mark.parametrize("second", [1, 3, 5])
def test_two_threads_have_every_interleaving_once(first: int, second: int) -> None:
    runs = [tuple(m.choices) for m in every_run(lambda: steppers(first, second))]
    places = combinations(range(first + second), first)
    expected = {
        tuple(int(i not in mine) for i in range(first + second)) for mine in places
    }
    assert set(runs) == expected
    assert len(runs) == len(expected) == comb(first + second, first)


def test_three_threads_too() -> None:
    runs = [tuple(m.choices) for m in every_run(lambda: steppers(2, 2, 2))]
    assert len(runs) == len(set(runs)) == 90  # 6! / 2!^3


def test_only_interleavings_that_the_locks_allow() -> None:
    lock = SpinLock("lock")

    async def body() -> None:
        async with lock:
            pass

    runs = {
        tuple(m.choices) for m in every_run(lambda: Machine(threads(body(), body())))
    }
    assert runs == {(0, 0, 1, 1), (1, 1, 0, 0)}


def test_having_made_every_run_is_a_proof() -> None:
    assert search(toy(fixed=True), Enumeration()).verdict == "proved"


def test_deadlocks_are_among_the_runs() -> None:
    result = search(opposite_locks, Enumeration(), stop_at_failure=False)
    assert result.coverage.executions == 272
    assert result.coverage.failures == 20
