"""Several strategies take turns, and none is hindered by the others."""

from __future__ import annotations

import pytest
from sim.programs import Cell, threads, toy

from kmm.sim.machine import Machine
from kmm.sim.search import Boot, SearchResult, search
from kmm.sim.strategies import Portfolio, Pos, Preemptions, SourceDpor, Strategy


def runs(boot: Boot, strategy: Strategy, number: int) -> list[tuple[int, ...]]:
    """The choices of so many runs, fewer if there are no more."""
    made: list[tuple[int, ...]] = []
    while len(made) < number and strategy.next_run():
        machine = boot()
        machine.fast_forward(strategy.prefix)
        complete = machine.run(strategy)
        strategy.ended(machine, complete)
        machine.close()
        made.append(tuple(machine.choices))
    return made


async def writes(number: int, cell: Cell) -> None:
    for value in range(number):
        await cell.write(value)


def crowded() -> Machine:
    """Two threads in each other's way, far too long to be covered."""
    cell = Cell("cell")
    return Machine(threads(writes(40, cell), writes(40, cell)))


@pytest.mark.parametrize("fixed", [False, True])
def test_small_spaces_are_covered_by_the_exhaustive_one_alone(fixed: bool) -> None:
    alone: SearchResult = search(toy(fixed=fixed), SourceDpor())
    assert search(toy(fixed=fixed), Portfolio()) == alone


def test_everything_is_covered_by_turns_as_well() -> None:
    program = toy(fixed=True, bystander=2)
    alone = search(program, SourceDpor())
    together = search(program, Portfolio(alone=0))
    assert together.verdict == alone.verdict == "proved"
    assert together.coverage.executions <= 3 * alone.coverage.executions


def test_each_makes_the_runs_that_it_would_make_alone() -> None:
    made = runs(crowded, Portfolio(seed=3, alone=10), 40)
    assert [*made[:10], *made[10::3]] == runs(crowded, SourceDpor(), 20)
    assert made[11::3] == runs(crowded, Preemptions(), 10)
    assert made[12::3] == runs(crowded, Pos(3), 10)


def test_the_same_seed_makes_the_same_runs() -> None:
    def some(seed: int) -> list[tuple[int, ...]]:
        return runs(crowded, Portfolio(seed, alone=0), 30)

    assert some(1) == some(1)
    assert some(1) != some(2)


def test_it_does_not_stay_in_the_corner_where_it_began() -> None:
    """What the second thread's first step meets is soon something else."""

    def firsts(strategy: Strategy) -> set[int]:
        return {choices.index(1) for choices in runs(crowded, strategy, 60)}

    assert len(firsts(Portfolio(alone=20))) > 2 * len(firsts(SourceDpor()))
