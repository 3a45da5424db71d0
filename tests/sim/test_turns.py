"""Runs with few context switches, searched for the least that fails."""

from __future__ import annotations

from itertools import islice

import pytest
from sim.programs import Cell, threads, toy
from sim.traces import TracedMachine
from sim.witnesses import ENOUGH, Tally, failing_cases

from kmm.sim.failure import Corruption
from kmm.sim.order import choices_of
from kmm.sim.schedule import encode
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor
from kmm.sim.turns import Allowance, FewTurns, TooMany


def held_against_enumeration(seed: int, failures: int, limit: int) -> Tally:
    tally = Tally()
    for case in islice(failing_cases(seed, limit), failures):
        assert tally.add(case), f"seed {seed}, {case}"
    assert tally.deadlocks > failures / 10
    assert tally.at_the_end > failures / 10
    return tally


def test_the_least_of_all_failing_runs_is_found() -> None:
    held_against_enumeration(seed=1, failures=40, limit=300)


@pytest.mark.slow
def test_the_least_of_all_failing_runs_is_found_in_larger_programs() -> None:
    tally = held_against_enumeration(seed=2, failures=300, limit=2000)
    assert tally.most_switches >= 3


def messages_to_and_fro(rounds: int) -> TracedMachine:
    """Fails only if the two threads take turns, so many times."""
    cell = Cell("cell")

    async def body(number: int) -> None:
        for turn in range(rounds):
            if await cell.read() != 2 * turn + number:
                return
            await cell.write(2 * turn + number + 1)
        if number:
            raise Corruption("to and fro")

    return TracedMachine(threads(body(0), body(1)))


@pytest.mark.parametrize("rounds", [1, 2, 4])
def test_as_many_switches_are_found_as_it_takes(rounds: int) -> None:
    def boot() -> TracedMachine:
        return messages_to_and_fro(rounds)

    failure = search(boot, SourceDpor()).failure
    assert failure is not None
    allowance = Allowance(ENOUGH)
    found = FewTurns(boot, failure, allowance).search(ENOUGH)
    assert encode(choices_of(found[0])) == "2a2b" * rounds
    assert FewTurns(boot, failure, allowance).search(2 * rounds - 2) == []


def test_a_search_stops_when_its_steps_are_spent() -> None:
    boot = toy(fixed=False)
    failure = search(boot, SourceDpor()).failure
    assert failure is not None
    allowance = Allowance(50)
    with pytest.raises(TooMany):
        FewTurns(boot, failure, allowance).search(ENOUGH)
    assert allowance.steps < 0
