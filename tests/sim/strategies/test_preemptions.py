"""Preemption bounding: nothing lost within a bound, nobody stopped without need."""

from __future__ import annotations

from itertools import pairwise

import pytest
from sim.bounds import cheapest, compare_all, found
from sim.programs import (
    Cell,
    Flag,
    copied_or_stored,
    either_flag,
    late_reader,
    looked_at_while_held,
    one_failure_before_another,
    opposite_locks,
    readers_together,
    stored_under_either_lock,
    threads,
    toy,
)
from sim.traces import TracedBoot, TracedMachine

from kmm.sim.failure import Corruption
from kmm.sim.locks import Mutex, SpinLock
from kmm.sim.schedule import encode
from kmm.sim.search import search
from kmm.sim.strategies import Preemptions, RandomWalk

# Nothing lost.


@pytest.mark.slow
def test_each_ending_is_found_at_its_price_in_random_programs() -> None:
    tally = compare_all(Preemptions, programs=300)
    # A fuzzer that meets nothing of interest says nothing either.
    assert tally.can_deadlock > 75
    assert tally.can_fail > 10
    assert tally.dear > 10


def waits_for_itself() -> TracedMachine:
    """The second waits for ever for what it holds, and the first for the second.

    So where the second has gone first, the first has not taken its only step that meets
    anything, and yet it might have been in time.
    """
    lock, other = Mutex("lock"), Mutex("other")

    async def holder() -> None:
        async with lock:
            pass

    async def waiter() -> None:
        await lock.wait_unlocked()
        async with lock, other:
            await other.wait_unlocked()

    return TracedMachine(threads(holder(), waiter()))


def taken_back() -> TracedMachine:
    """What the first waits for is there only while the second has not gone on.

    If the second does, the first waits for ever: a step that is announced, and never
    taken.
    """
    flag, lock = Flag("flag"), Mutex("lock")

    async def waits() -> None:
        await flag.wait()
        async with lock:
            pass

    async def puts() -> None:
        await flag.put(True)
        await flag.put(False)
        if await lock.trylock():
            await lock.unlock()

    return TracedMachine(threads(waits(), puts()))


def failure_put_off() -> TracedMachine:
    """The first fails by itself; what it has written makes the second fail too."""
    cell, own = Cell("cell"), Cell("own")

    async def fails() -> None:
        await cell.write(1)
        await own.read()
        raise Corruption("the first")

    async def fails_if_late() -> None:
        if await cell.read() == 1:
            raise Corruption("the second")

    return TracedMachine(threads(fails(), fails_if_late()))


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(toy(fixed=False), id="toy"),
        pytest.param(opposite_locks, id="opposite locks"),
        pytest.param(looked_at_while_held, id="looked at while held"),
        pytest.param(readers_together, id="readers together"),
        pytest.param(late_reader, id="late reader"),
        pytest.param(one_failure_before_another, id="one failure before another"),
        pytest.param(copied_or_stored, id="copied or stored"),
        pytest.param(either_flag, id="either flag"),
        pytest.param(stored_under_either_lock, id="stored under either lock"),
        pytest.param(waits_for_itself, id="waits for itself"),
        pytest.param(taken_back, id="taken back"),
        pytest.param(failure_put_off, id="failure put off"),
    ],
)
def test_each_ending_is_found_at_its_price(program: TracedBoot) -> None:
    strategy = Preemptions()
    assert found(program, strategy) == cheapest(program, Preemptions(), 20_000)
    assert strategy.exhaustive


def test_a_daemon_is_stopped_like_anybody_else() -> None:
    def boot() -> TracedMachine:
        called, cell = Flag("called"), Cell("cell")
        seen: list[int] = []

        async def caller() -> None:
            await called.put(True)
            seen.append(await cell.read())
            seen.append(await cell.read())

        async def serve() -> None:
            while True:
                await called.wait()
                await called.put(False)
                await cell.write(1)
                await cell.write(2)

        both = threads(caller(), serve())
        both[1].daemon = True
        return TracedMachine(both, observe=lambda: seen)

    prices = found(boot, Preemptions())
    assert prices == cheapest(boot, Preemptions(), 1000)
    assert max(prices.values()) == 3


# The fewest preemptions first.


def preemptions(boot: TracedBoot, choices: tuple[int, ...]) -> int:
    """Switches away from threads that could have gone on."""
    machine = boot()
    stopped = 0
    for one, other in pairwise(choices):
        machine.step(machine.threads[one])
        stopped += one != other and machine.threads[one] in machine.enabled()
    machine.close()
    return stopped


@pytest.mark.parametrize(
    ("bystander", "executions"), [(0, 5), (1, 14), (2, 15), (4, 17)]
)
def test_the_bug_of_the_toy_takes_one_preemption_and_few_runs(
    bystander: int, executions: int
) -> None:
    program, strategy = toy(fixed=False, bystander=bystander), Preemptions()
    result = search(program, strategy)
    assert result.verdict == "bug"
    assert strategy.bound == preemptions(program, result.choices) == 1
    assert result.coverage.executions <= executions


def three_times_there_and_back() -> TracedMachine:
    """Fails only if each answer comes right after its question."""
    asked = Cell("asked")

    async def asks() -> None:
        for number in (1, 2, 3):
            await asked.write(number)

    async def answers() -> None:
        if [await asked.read() for _ in range(3)] == [1, 2, 3]:
            raise Corruption("it was in time, each time")

    return TracedMachine(threads(asks(), answers()))


def test_the_first_witness_has_as_few_preemptions_as_any() -> None:
    program, strategy = three_times_there_and_back, Preemptions()
    witness = search(program, strategy).choices
    by_chance = RandomWalk(0)
    others = [search(program, by_chance, budget=10_000).choices for _ in range(50)]
    fewest = min(preemptions(program, choices) for choices in others)
    assert preemptions(program, witness) == strategy.bound == fewest == 4


def test_no_bound_below_what_a_bug_costs_finds_it() -> None:
    assert search(three_times_there_and_back, Preemptions(last=3)).failure is None
    assert search(three_times_there_and_back, Preemptions(last=4)).failure


# What is proved.


def test_a_bound_that_rules_something_out_is_no_proof() -> None:
    program = toy(fixed=True, bystander=2)
    result = search(program, Preemptions(last=1))
    assert (result.verdict, result.stopped) == ("survived", None)


def test_a_bound_that_rules_nothing_out_is_a_proof() -> None:
    strategy = Preemptions(last=7)
    result = search(toy(fixed=True, bystander=1), strategy)
    assert result.verdict == "proved"
    assert strategy.bound < 7


def test_it_says_that_all_is_covered_only_when_it_is() -> None:
    strategy = Preemptions()
    search(toy(fixed=True, bystander=1), strategy, budget=5)
    assert not strategy.exhaustive


# Nobody stopped without need.


def test_threads_that_never_meet_are_never_stopped() -> None:
    def boot() -> TracedMachine:
        cells = [Cell(name) for name in "abc"]

        async def body(cell: Cell) -> None:
            for value in range(9):
                await cell.write(value)

        return TracedMachine(threads(*map(body, cells)))

    strategy = Preemptions()
    result = search(boot, strategy)
    assert (result.verdict, strategy.bound) == ("proved", 0)
    assert result.coverage.executions == 6  # who goes first, and who next


def test_it_stops_threads_only_before_what_others_use() -> None:
    def boot() -> TracedMachine:
        shared, lock = Cell("shared"), SpinLock("lock")
        mine = [Cell("mine"), Cell("yours")]

        async def body(own: Cell) -> None:
            for _ in range(5):
                await own.read()
            async with lock:
                await own.read()
            await shared.write(1)
            for _ in range(5):
                await own.read()

        return TracedMachine(threads(*map(body, mine)))

    strategy = Preemptions(last=1)
    stops = set()
    while strategy.next_run():
        machine = boot()
        machine.fast_forward(strategy.prefix)
        strategy.ended(machine, machine.run(strategy))
        machine.close()
        stops.add(encode(machine.choices).split("ab"[machine.choices[0]])[0])
    # Before it takes the lock, gives it back, or writes; or when it has ended.
    assert stops == {"5", "7", "8", "14"}
