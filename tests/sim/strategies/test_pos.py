"""POS: who comes first in a race is a toss, whatever else the threads do."""

from __future__ import annotations

import pytest
from sim.bounds import one_run
from sim.programs import Cell, counters, opposite_locks, threads, toy
from sim.traces import TracedBoot, TracedMachine, explore

from kmm.sim.recording import record
from kmm.sim.schedule import encode
from kmm.sim.search import search
from kmm.sim.strategies import Pos, RandomWalk, SourceDpor, Strategy


def runs(seed: int, count: int = 10) -> list[str]:
    """The first runs of one sampler."""
    strategy = Pos(seed)
    program = counters(sections=2, locks=1)
    made = []
    for _ in range(count):
        strategy.next_run()
        made.append(encode(record(program, strategy).choices))
    return made


def test_the_same_seed_makes_the_same_runs() -> None:
    assert runs(seed=7) == runs(seed=7)


def test_a_seed_means_the_same_run_for_ever() -> None:
    assert runs(seed=0, count=1) == ["4a4c4b4a4b4c"]


def test_other_seeds_make_other_runs() -> None:
    assert len({tuple(runs(seed)) for seed in range(20)}) == 20


def test_it_never_ends_by_itself() -> None:
    result = search(toy(fixed=True), Pos(0), budget=500)
    assert result.verdict == "survived"
    assert result.coverage.executions == 500


def far_and_near(orders: list[str], steps: int, races: int = 1) -> TracedBoot:
    """Two threads write to a cell; the first has so many steps to make before."""

    def boot() -> TracedMachine:
        own, cell = Cell("own"), Cell("cell")
        order: list[str] = []

        async def far() -> None:
            for _ in range(steps):
                await own.read()
            for _ in range(races):
                await cell.write(1)
                order.append("f")

        async def near() -> None:
            for _ in range(races):
                await cell.write(2)
                order.append("n")

        def check() -> None:
            orders.append("".join(order))

        return TracedMachine(threads(far(), near()), check)

    return boot


def share(strategy: Strategy, steps: int, number: int = 2000) -> float:
    """How often the one with a long way to go comes first."""
    orders: list[str] = []
    search(far_and_near(orders, steps), strategy, budget=number)
    return orders.count("fn") / number


def test_a_long_way_to_a_race_does_not_mean_to_lose_it_always() -> None:
    # With n steps before its own, it comes first if one draw is below n + 1 others.
    for steps in (0, 1, 4, 9):
        expected = 1 / (steps + 2)
        assert share(Pos(3), steps) == pytest.approx(expected, rel=0.15)
    assert share(RandomWalk(3), steps=9) < 0.005


def test_who_has_lost_a_race_may_win_the_next() -> None:
    orders: list[str] = []
    search(far_and_near(orders, steps=0, races=3), Pos(1), budget=4000)
    lost_first = [order for order in orders if order[0] == "n"]
    won_next = sum(order[1] == "f" for order in lost_first)
    assert won_next / len(lost_first) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("program", [toy(fixed=False, bystander=1), opposite_locks])
def test_every_trace_is_met_in_the_end(program: TracedBoot) -> None:
    every = explore(program, SourceDpor(), limit=1000)
    assert every is not None
    strategy = Pos(0)
    met = set()
    for _ in range(1000):
        strategy.next_run()
        met.add(one_run(program, strategy))
    assert met == every.endings
