"""PCT: the highest priority runs, and falls at a few places chosen beforehand."""

from __future__ import annotations

import math

import pytest
from sim.programs import Cell, threads, toy

from kmm.sim.failure import Corruption
from kmm.sim.machine import Machine
from kmm.sim.schedule import context_switches
from kmm.sim.search import Boot, search
from kmm.sim.strategies import Pct, RandomWalk


async def steps(number: int, cell: Cell) -> None:
    for _ in range(number):
        await cell.read()


def three(length: int = 8) -> Machine:
    cells = [Cell(name) for name in "abc"]
    return Machine(threads(*(steps(length, cell) for cell in cells)))


def runs(strategy: Pct, number: int) -> list[list[int]]:
    made = []
    for _ in range(number):
        assert strategy.next_run()
        machine = three()
        complete = machine.run(strategy)
        strategy.ended(machine, complete)
        made.append(list(machine.choices))
        machine.close()
    return made


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_a_run_has_no_more_switches_than_ends_of_threads_and_changes(
    depth: int,
) -> None:
    for choices in runs(Pct(seed=3, depth=depth), 50):
        assert context_switches(tuple(choices)) <= 2 + 2 * (depth - 1)


def test_with_depth_1_each_thread_runs_to_its_end() -> None:
    made = runs(Pct(seed=1, depth=1), 60)
    assert all(context_switches(tuple(choices)) == 2 for choices in made)
    orders = {tuple(dict.fromkeys(choices)) for choices in made}
    assert len(orders) == 6, "every order of priorities comes up"


def test_the_same_seed_makes_the_same_runs() -> None:
    assert runs(Pct(seed=5), 20) == runs(Pct(seed=5), 20)
    assert runs(Pct(seed=5), 20) != runs(Pct(seed=6), 20)


def test_changes_are_spread_over_the_longest_run_so_far() -> None:
    strategy = Pct(seed=2, depth=4)
    runs(strategy, 1)
    assert strategy.longest == 24
    places: set[int] = set()
    for _ in range(200):
        strategy.next_run()
        places |= strategy.changes.keys()
    assert places == set(range(24))


def test_it_finds_a_bug_of_few_switches_sooner_than_chance_does() -> None:
    def executions(make: type[Pct] | type[RandomWalk], seed: int) -> int:
        return search(toy(fixed=False), make(seed), budget=2000).coverage.executions

    seeds = range(30)
    by_pct = sum(executions(Pct, seed) for seed in seeds)
    by_chance = sum(executions(RandomWalk, seed) for seed in seeds)
    assert by_pct < 2000 * len(seeds), "it does find it"
    assert search(toy(fixed=True), Pct(1), budget=300).verdict == "survived"
    assert by_pct < 3 * by_chance


# The promise: a bug of depth d, 1 / (n * k ** (d - 1)).


def failing(boot: Boot, strategy: Pct, runs: int) -> float:
    """The part of the runs that fail."""
    found = search(boot, strategy, budget=runs, stop_at_failure=False)
    return found.coverage.failures / runs


def promised(boot: Boot, depth: int) -> float:
    machine = boot()
    machine.run(RandomWalk(0))
    threads, steps = len(machine.threads), len(machine.choices)
    return 1 / (threads * math.pow(steps, depth - 1))


@pytest.mark.slow
@pytest.mark.parametrize("bystander", [0, 4])
@pytest.mark.parametrize("seed", range(5))
def test_a_bug_of_one_preemption_is_met_as_often_as_promised(
    bystander: int, seed: int
) -> None:
    program = toy(fixed=False, bystander=bystander)
    assert failing(program, Pct(seed, depth=2), 3000) >= promised(program, depth=2)


@pytest.mark.parametrize("bystander", [0, 4])
@pytest.mark.parametrize("seed", range(5))
def test_with_depth_1_a_bug_of_one_preemption_is_never_met(
    bystander: int, seed: int
) -> None:
    assert failing(toy(fixed=False, bystander=bystander), Pct(seed, 1), 1000) == 0


def nested() -> Machine:
    """Fails only if who is stopped first is the last to go on."""
    cells = [Cell(name) for name in "abc"]
    order: list[str] = []

    async def body(cell: Cell, first: str, second: str) -> None:
        await cell.read()
        order.append(first)
        await cell.read()
        await cell.read()
        await cell.read()
        order.append(second)

    def check() -> None:
        if order == ["a1", "b1", "c1", "c2", "b2", "a2"]:
            raise Corruption("one within the other")

    bodies = [body(cell, f"{cell.name}1", f"{cell.name}2") for cell in cells]
    return Machine(threads(*bodies), check)


@pytest.mark.parametrize("seed", range(3))
def test_who_was_stopped_first_may_be_the_last_to_go_on(seed: int) -> None:
    assert failing(nested, Pct(seed, depth=3), 3000) >= promised(nested, depth=3)
