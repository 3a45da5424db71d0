"""Delay bounding: every run in which few threads are passed over."""

from __future__ import annotations

import pytest
from sim.bounds import cheapest, compare_all, found
from sim.programs import Cell, opposite_locks, readers_together, threads, toy
from sim.traces import TracedBoot

from kmm.sim.machine import Machine
from kmm.sim.schedule import encode
from kmm.sim.search import search
from kmm.sim.strategies import Delays
from kmm.sim.trap import READ, Op


@pytest.mark.slow
def test_each_ending_is_found_at_its_price_in_random_programs() -> None:
    tally = compare_all(Delays, programs=200)
    assert tally.can_deadlock > 50
    assert tally.can_fail > 5
    assert tally.dear > 10


@pytest.mark.parametrize("program", [opposite_locks, readers_together])
def test_each_ending_is_found_at_its_price(program: TracedBoot) -> None:
    strategy = Delays()
    assert found(program, strategy) == cheapest(program, Delays(), 20_000)
    assert strategy.exhaustive


@pytest.mark.parametrize(
    ("last", "able", "prices"),
    [
        (-1, (0, 1, 2), (0, 1, 2)),
        (0, (0, 1, 2), (0, 1, 2)),
        (1, (0, 1, 2), (2, 0, 1)),
        (2, (0, 1, 2), (1, 2, 0)),
        (1, (0, 2), (1, 0)),
        (2, (0, 1), (0, 1)),
    ],
)
def test_each_who_is_passed_over_costs_one(
    last: int, able: tuple[int, ...], prices: tuple[int, ...]
) -> None:
    ops = {who: Op(READ, "cell") for who in able}
    assert tuple(Delays().price(last, who, ops) for who in able) == prices


def three(length: int) -> Machine:
    cell = Cell("cell")

    async def body() -> None:
        for _ in range(length):
            await cell.read()

    return Machine(threads(body(), body(), body()))


def runs(strategy: Delays, length: int) -> set[str]:
    made = set()
    while strategy.next_run():
        machine = three(length)
        machine.fast_forward(strategy.prefix)
        strategy.ended(machine, machine.run(strategy))
        machine.close()
        made.add(encode(machine.choices))
    return made


def test_without_delays_there_is_one_run() -> None:
    assert runs(Delays(last=0), length=4) == {"4a4b4c"}


def test_one_delay_makes_somebody_wait_for_a_round() -> None:
    # Somebody is passed over at each of the steps, while anybody else is there.
    assert runs(Delays(last=1), length=2) == {
        *("2a2b2c", "2b2c2a", "1a2b2c1a", "2a2c2b", "2a1b2c1b"),
    }


@pytest.mark.parametrize("bystander", [0, 1, 2, 4])
def test_the_bug_of_the_toy_takes_one_delay(bystander: int) -> None:
    strategy = Delays()
    result = search(toy(fixed=False, bystander=bystander), strategy)
    assert (result.verdict, strategy.bound) == ("bug", 1)
    assert result.coverage.executions <= 6


def test_a_bound_that_rules_something_out_is_no_proof() -> None:
    assert search(toy(fixed=True, bystander=1), Delays(last=2)).verdict == "survived"


def test_a_bound_that_rules_nothing_out_is_a_proof() -> None:
    assert search(toy(fixed=True), Delays()).verdict == "proved"
