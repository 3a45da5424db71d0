"""Runs with few context switches, searched for the least that fails."""

from __future__ import annotations

from itertools import islice

import pytest
from sim.programs import Cell, Flag, threads, toy
from sim.traces import TracedMachine
from sim.witnesses import ENOUGH, Tally, failing_cases

from kmm.sim.failure import Corruption, Failure
from kmm.sim.locks import Mutex
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
    tally = held_against_enumeration(seed=2, failures=150, limit=2000)
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


def needs_the_lock_first(*, at_once: bool) -> TracedMachine:
    """Fails if b has the lock after a's first step and before a has it.

    If a has it first, it keeps it and waits, for c and so for b, which waits for it: b
    is never seen to take what a took, only to want it, `at_once` or in a while.
    """
    lock, cell = Mutex("lock"), Cell("cell")
    begun, done, woken = Flag("begun"), Flag("done"), Flag("woken")

    async def first() -> None:
        await begun.put(True)
        async with lock:
            await woken.wait()
            if await cell.read() == 1:
                raise Corruption("b was first")

    async def second() -> None:
        if not at_once:
            await begun.wait()
        async with lock:
            if at_once:
                await begun.wait()
            await cell.write(1)
            await done.put(True)

    async def third() -> None:
        await done.wait()
        await woken.put(True)

    return TracedMachine(threads(first(), second(), third()))


@pytest.mark.parametrize("at_once", [False, True])
def test_a_turn_is_shortened_for_those_who_wait_for_what_it_took(at_once: bool) -> None:
    def boot() -> TracedMachine:
        return needs_the_lock_first(at_once=at_once)

    failure = Failure("corruption", "b was first", "a:1")
    found = FewTurns(boot, failure, Allowance(ENOUGH)).search(most=3)
    assert [encode(choices_of(blocks)) for blocks in found[:1]] == ["1a5b2c3a"]


def test_a_search_stops_when_its_steps_are_spent() -> None:
    boot = toy(fixed=False)
    failure = search(boot, SourceDpor()).failure
    assert failure is not None
    allowance = Allowance(50)
    with pytest.raises(TooMany):
        FewTurns(boot, failure, allowance).search(ENOUGH)
    assert allowance.steps < 0
