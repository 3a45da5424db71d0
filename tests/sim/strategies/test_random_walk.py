"""Random walk: fair, and the same everywhere for the same seed."""

from collections import Counter

import pytest
from sim.programs import Cell, counters, threads, toy

from kmm.sim.machine import Machine
from kmm.sim.recording import record
from kmm.sim.schedule import encode
from kmm.sim.search import search
from kmm.sim.strategies import RandomWalk


def runs(seed: int, count: int = 10) -> list[str]:
    """The first runs of one walk."""
    walk = RandomWalk(seed)
    program = counters(sections=2, locks=1)
    return [encode(record(program, walk).choices) for _ in range(count)]


def test_the_same_seed_makes_the_same_runs() -> None:
    assert runs(seed=7) == runs(seed=7)


def test_a_seed_means_the_same_run_for_ever() -> None:
    assert runs(seed=0, count=1) == ["4c8b4a4c4a"]


def test_other_seeds_make_other_runs() -> None:
    assert len({tuple(runs(seed)) for seed in range(20)}) == 20


def test_the_runs_of_one_walk_differ() -> None:
    assert len(set(runs(seed=1, count=20))) > 15


def test_each_thread_that_can_go_on_has_an_equal_chance() -> None:
    walk = RandomWalk(1)
    machine = Machine(threads(*(Cell("cell").read() for _ in range(3))))
    chosen = Counter(walk.choose(machine, machine.threads).index for _ in range(3000))
    machine.close()
    assert all(abs(chosen[index] - 1000) < 100 for index in range(3))


@pytest.mark.parametrize(("bystander", "least"), [(0, 0.05), (4, 0.1)])
def test_a_race_of_two_switches_is_met_often(bystander: int, least: float) -> None:
    runs = 1000
    result = search(
        toy(fixed=False, bystander=bystander),
        RandomWalk(0),
        budget=runs,
        stop_at_failure=False,
    )
    assert result.coverage.executions == runs
    assert result.coverage.failures / runs > least


def test_a_walk_never_ends_by_itself() -> None:
    result = search(toy(fixed=True), RandomWalk(0), budget=500)
    assert result.verdict == "survived"
    assert result.coverage.executions == 500
