"""What of a run's order matters."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest
from sim.random_programs import booter, random_program
from sim.traces import Step, TracedBoot, TracedMachine, causes_of_last, trace_of

from kmm.sim import order
from kmm.sim.order import Past, blocks_of, choices_of, cost, fewest_switches
from kmm.sim.search import run_once
from kmm.sim.strategies import RandomWalk
from kmm.sim.trap import READ, WRITE, Kind, Op


def random_runs(programs: int, runs: int) -> list[list[list[Step]]]:
    """The steps of some runs of each of some programs."""
    return [
        [steps_of(booter(random_program(Random(f"order/{p}"))), r) for r in range(runs)]
        for p in range(programs)
    ]


def steps_of(boot: TracedBoot, seed: int) -> list[Step]:
    machine, _ = run_once(boot, RandomWalk(seed))
    assert isinstance(machine, TracedMachine)
    return machine.done


def name_of(steps: list[Step]) -> tuple[int, ...]:
    past = Past(3)
    for thread, op in steps:
        past.add(thread, [op])
    return past.name


def test_runs_have_one_name_exactly_if_they_are_of_one_trace() -> None:
    alike = 0
    for runs in random_runs(programs=60, runs=30):
        named = {(name_of(steps), trace_of(steps)) for steps in runs}
        assert len({name for name, _ in named}) == len(named)
        assert len({trace for _, trace in named}) == len(named)
        alike += len(runs) - len(named)
    assert alike > 100


@pytest.mark.parametrize("kinds", [*permutations(Kind, 2)], ids=str)
def test_two_operations_can_be_swapped_exactly_if_that_leaves_the_name(
    kinds: tuple[Kind, Kind],
) -> None:
    one, other = (Op(kind, "object") for kind in kinds)
    swapped = name_of([(0, one), (1, other)]) == name_of([(1, other), (0, one)])
    assert swapped == (not one.conflicts(other))


def test_what_the_last_step_depends_on_is_kept() -> None:
    for runs in random_runs(programs=40, runs=5):
        for steps in runs:
            kept = order.causes_of_last(steps)
            assert trace_of(kept) == causes_of_last(steps)


def test_the_run_with_the_fewest_switches_is_of_the_same_trace() -> None:
    for runs in random_runs(programs=40, runs=5):
        for steps in runs:
            blocks = fewest_switches(steps)
            assert cost(blocks) <= cost(blocks_of([thread for thread, _ in steps]))
            assert trace_of(reordered(steps, choices_of(blocks))) == trace_of(steps)


def reordered(steps: list[Step], choices: tuple[int, ...]) -> list[Step]:
    left = {who: [op for t, op in steps if t == who] for who in set(choices)}
    return [(who, left[who].pop(0)) for who in choices]


def test_no_order_of_the_same_trace_costs_less() -> None:
    for runs in random_runs(programs=60, runs=3):
        for steps in runs:
            few = steps[:7]
            orders = set(permutations([thread for thread, _ in few]))
            costs = [
                cost(blocks_of(choices))
                for choices in orders
                if trace_of(reordered(few, choices)) == trace_of(few)
            ]
            assert cost(fewest_switches(few)) == min(costs)


def test_nothing_takes_no_switch() -> None:
    assert fewest_switches([]) == []


def test_fewer_switches_come_before_fewer_steps() -> None:
    orders = [[(0, 9)], [(1, 9)], [(0, 1), (1, 1)], [(0, 2), (1, 1)], [(0, 1), (1, 2)]]
    costs = [cost(blocks) for blocks in orders]
    assert costs == sorted(costs)


def test_a_read_waits_for_the_write_that_it_saw() -> None:
    read, write = Op(READ, "cell"), Op(WRITE, "cell")
    other = Op(READ, "other")
    assert fewest_switches([(0, write), (1, read), (0, other)]) == [(0, 2), (1, 1)]
    assert fewest_switches([(1, read), (0, write), (1, other)]) == [(1, 2), (0, 1)]
