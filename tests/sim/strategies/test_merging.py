"""Merging equal states: no outcome is lost, and far fewer runs are made."""

from __future__ import annotations

from random import Random

import pytest
from attrs import define
from sim.programs import (
    Cell,
    counters,
    late_reader,
    looked_at_while_held,
    one_failure_before_another,
    opposite_locks,
    readers_together,
    threads,
    toy,
)
from sim.traces import TracedBoot, explore, whole_state

from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.state import Unmergeable
from kmm.sim.strategies import Enumeration, Merging, Strategy
from kmm.sim.trap import start_thread


def outcomes(boot: TracedBoot, strategy: Strategy, limit: int = 5000) -> set[str]:
    """How runs can end: the failure, or the memory; deadlocks by who waits for what."""
    found = explore(whole_state(boot), strategy, limit)
    assert found is not None
    return {outcome for outcome, _ in found.endings}


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(toy(fixed=False), id="toy"),
        pytest.param(toy(fixed=True), id="mended toy"),
        pytest.param(opposite_locks, id="opposite locks"),
        pytest.param(looked_at_while_held, id="looked at while held"),
        pytest.param(readers_together, id="readers together"),
        pytest.param(late_reader, id="late reader"),
        pytest.param(one_failure_before_another, id="one failure before another"),
        pytest.param(counters(sections=1, locks=1), id="counters"),
    ],
)
def test_it_finds_every_outcome(program: TracedBoot) -> None:
    assert outcomes(program, Merging()) == outcomes(program, Enumeration(), 200_000)


def test_ten_sections_under_one_lock_are_covered_although_they_have_many_orders() -> (
    None
):
    # 30!/10!^3, which is 5.6 million million, orders; and 1,331 places to be in.
    strategy = Merging()
    proof = search(counters(sections=10, locks=1), strategy)
    assert proof.verdict == "proved"
    assert strategy.states < 1331
    assert proof.coverage.executions + proof.coverage.given_up < 3000


def test_what_nobody_else_touches_is_no_choice() -> None:
    def boot() -> Machine:
        async def alone(cell: Cell) -> None:
            for number in range(20):
                await cell.write(number)

        return Machine(threads(*(alone(Cell(f"cell{n}")) for n in range(3))))

    proof = search(boot, Merging())
    assert proof.verdict == "proved"
    assert (proof.coverage.executions, proof.coverage.given_up) == (1, 0)


def test_a_loop_that_comes_back_to_where_it_was_has_an_end() -> None:
    """Two threads that wait for each other by looking, again and again."""

    def boot() -> Machine:
        turn = Cell("turn")

        async def body(mine: int) -> None:
            while await turn.read() != mine:
                pass
            await turn.write(1 - mine)

        return Machine(threads(body(0), body(1)))

    proof = search(boot, Merging())
    assert proof.verdict == "proved"


@define(eq=False)
class Hiding:
    """Has something that cannot be compared."""

    name: str
    chance: Random


def hiding() -> Machine:
    cell = Cell("cell")

    async def body(hidden: Hiding) -> None:
        await cell.write(1)
        hidden.chance.random()

    return Machine(threads(*(body(Hiding("hidden", Random(n))) for n in range(2))))


def test_what_cannot_be_compared_is_an_error() -> None:
    with pytest.raises(Unmergeable, match="Random"):
        search(hiding, Merging())


def test_the_same_search_is_made_every_time() -> None:
    def numbers() -> tuple[object, ...]:
        strategy = Merging()
        done = search(toy(fixed=False, bystander=2), strategy, stop_at_failure=False)
        return done.coverage, done.choices, strategy.states

    assert numbers() == numbers()


def test_threads_that_are_started_are_refused() -> None:
    def boot() -> Machine:
        cell = Cell("cell")

        async def child() -> None:
            await cell.write(1)

        async def parent() -> None:
            await cell.write(2)
            await start_thread(threads(child())[0])
            await cell.write(3)

        return Machine(threads(parent()))

    with pytest.raises(RuntimeError, match="started"):
        search(boot, Merging())
