"""SURW: every order of the steps on one object has the same chance."""

from __future__ import annotations

from collections import Counter

import pytest
from sim.bounds import one_run
from sim.programs import Cell, counters, opposite_locks, threads, toy
from sim.traces import TracedBoot, explore

from kmm.sim.locks import SpinLock
from kmm.sim.machine import Machine
from kmm.sim.recording import record
from kmm.sim.schedule import encode
from kmm.sim.search import Boot, search
from kmm.sim.strategies import RandomWalk, SourceDpor, Strategy, Surw


def runs(seed: int, count: int = 10) -> list[str]:
    """The first runs of one sampler."""
    strategy = Surw(seed)
    program = counters(sections=2, locks=1)
    made = []
    for _ in range(count):
        strategy.next_run()
        made.append(encode(record(program, strategy).choices))
        strategy.ended(program(), True)
    return made


def test_the_same_seed_makes_the_same_runs() -> None:
    assert runs(seed=7) == runs(seed=7)


def test_a_seed_means_the_same_run_for_ever() -> None:
    assert runs(seed=0, count=1) == ["4c4b4c4a4b4a"]


def test_other_seeds_make_other_runs() -> None:
    assert len({tuple(runs(seed)) for seed in range(20)}) == 20


def test_it_never_ends_by_itself() -> None:
    result = search(toy(fixed=True), Surw(0), budget=500)
    assert result.verdict == "survived"
    assert result.coverage.executions == 500


def uneven(orders: list[str], private: int = 0) -> Boot:
    """Two threads with ten writes and one, to one cell; and reads of their own."""

    def boot() -> Machine:
        cell, own = Cell("cell"), [Cell("mine"), Cell("yours")]
        order: list[str] = []

        async def body(number: int, writes: int) -> None:
            for _ in range(private * number):
                await own[number].read()
            for _ in range(writes):
                await cell.write(number)
                order.append("ab"[number])

        def check() -> None:
            orders.append("".join(order))

        return Machine(threads(body(0, 10), body(1, 1)), check)

    return boot


def places(strategy: Strategy, private: int = 0, number: int = 4400) -> Counter[int]:
    """Where the only step of the second thread came, and how often."""
    orders: list[str] = []
    search(uneven(orders, private), strategy, budget=number)
    return Counter(order.index("b") for order in orders[1:])  # the first finds out


@pytest.mark.slow
@pytest.mark.parametrize("private", [0, 20])
def test_a_single_step_is_as_likely_in_each_place(private: int) -> None:
    met = places(Surw(1), private)
    assert set(met) == set(range(11))
    for times in met.values():
        assert times == pytest.approx(400, rel=0.2)


def test_a_random_walk_hardly_ever_leaves_it_to_the_end() -> None:
    assert places(RandomWalk(1))[10] < 20


def test_every_order_of_several_steps_is_as_likely() -> None:
    orders: list[str] = []

    def boot() -> Machine:
        cell = Cell("cell")
        order: list[str] = []

        async def body(name: str) -> None:
            for _ in range(2):
                await cell.write(1)
                order.append(name)

        def check() -> None:
            orders.append("".join(order))

        return Machine(threads(body("a"), body("b"), body("c")), check)

    search(boot, Surw(2), budget=9001)
    met = Counter(orders[1:])
    assert len(met) == 90  # 6! / 2!^3
    assert min(met.values()) > 60
    assert max(met.values()) < 145


def test_only_objects_that_several_threads_use_are_picked() -> None:
    strategy = Surw(0)
    orders: list[str] = []
    boot = uneven(orders, private=3)
    picked = set()
    for _ in range(20):
        strategy.next_run()
        picked.add(strategy.key)
        machine = boot()
        strategy.ended(machine, machine.run(strategy))
        machine.close()
    assert picked == {"", "cell.value"}


def test_who_is_drawn_and_must_wait_holds_nobody_up() -> None:
    def boot() -> Machine:
        lock, cell = SpinLock("lock"), Cell("cell")

        async def body() -> None:
            async with lock:
                await cell.write(await cell.read() + 1)

        return Machine(threads(body(), body(), body()))

    result = search(boot, Surw(5), budget=500)
    assert (result.verdict, result.coverage.executions) == ("survived", 500)


@pytest.mark.slow
@pytest.mark.parametrize("program", [toy(fixed=False, bystander=1), opposite_locks])
def test_every_trace_is_met_in_the_end(program: TracedBoot) -> None:
    every = explore(program, SourceDpor(), limit=1000)
    assert every is not None
    strategy = Surw(1)
    met = set()
    for _ in range(3000):
        strategy.next_run()
        met.add(one_run(program, strategy))
    assert met == every.endings
