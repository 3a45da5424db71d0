"""A search that is shared out finds what a search by itself finds, whoever helps."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sim.programs import counters, looked_at_while_held, opposite_locks, toy
from sim.traces import Ending, TracedBoot, TracedMachine

from kmm.scenarios.play import RaceBoot
from kmm.sim.machine import Machine
from kmm.sim.recording import record_choices
from kmm.sim.search import Boot, Coverage, search
from kmm.sim.sharing import processes, shared_search
from kmm.sim.strategies import SourceDpor


class AtOnce(Executor):
    """Does what it is given, here and now."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
        future: Future[Any] = Future()
        future.set_result(work(*args, **named))
        return future


class Remembering:
    """Keeps the endings of all complete runs of what it boots."""

    def __init__(self, boot: TracedBoot) -> None:
        self.boot = boot
        self.endings: list[Ending] = []

    def __call__(self) -> Machine:
        machine = self.boot()
        close = machine.close

        def note_and_close() -> None:
            if not machine.enabled():
                self.endings.append(machine.ending())
            close()

        machine.close = note_and_close  # type: ignore[method-assign]  # to hear of its end
        return machine


def endings(boot: TracedBoot, limit: int) -> tuple[set[Ending], Coverage]:
    remembering = Remembering(boot)
    found = shared_search(
        lambda: remembering, AtOnce(), limit=limit, stop_at_failure=False
    )
    return set(remembering.endings), found.coverage


# However small the parts are.

LIMITS = (1, 2, 7, 1000)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize(
    ("program", "traces"),
    [
        pytest.param(toy(fixed=False), 5, id="toy"),
        pytest.param(toy(fixed=False, bystander=4), 175, id="toy, four times"),
        pytest.param(toy(fixed=True, bystander=2), 20, id="mended toy"),
        pytest.param(opposite_locks, 7, id="opposite locks"),
        pytest.param(looked_at_while_held, 2, id="looked at while held"),
        pytest.param(counters(sections=3, locks=3), 64, id="counters"),
    ],
)
def test_it_makes_one_run_for_each_trace(
    program: TracedBoot, traces: int, limit: int
) -> None:
    found, coverage = endings(program, limit)
    assert len(found) == coverage.executions == traces


# Whoever helps.


def result(boot: Boot, executor: Executor, limit: int = 3) -> object:
    found = shared_search(lambda: boot, executor, limit=limit)
    return found.verdict, found.choices, found.coverage, found.failure


@pytest.mark.parametrize("fixed", [False, True])
def test_the_outcome_is_the_same_for_any_number_of_workers(fixed: bool) -> None:
    program = toy(fixed=fixed, bystander=4)
    expected = result(program, AtOnce())
    for number in (1, 2, 5):
        with ThreadPoolExecutor(number) as pool:
            assert result(program, pool) == expected


def test_its_failing_run_can_be_made_again() -> None:
    program = toy(fixed=False, bystander=2)
    found = shared_search(lambda: program, AtOnce(), limit=2)
    assert found.verdict == "bug"
    assert record_choices(program, found.choices).failure == found.failure


def test_processes_prove_a_race_as_one_process_does() -> None:
    make_boot = RaceBoot("tlb-flushed", "2.6.34")
    alone = search(make_boot(), SourceDpor())
    with processes(2) as pool:
        shared = shared_search(make_boot, pool, limit=5)
    assert shared.verdict == alone.verdict == "proved"
    assert shared.coverage == alone.coverage


# Not to the end.


def test_a_budget_is_no_proof() -> None:
    program = counters(sections=3, locks=1)
    found = shared_search(lambda: program, AtOnce(), limit=10, budget=100)
    assert (found.verdict, found.stopped) == ("survived", "budget")
    assert 100 <= found.coverage.executions < 1680


def test_who_is_told_to_stop_says_what_was_covered() -> None:
    program = counters(sections=3, locks=1)
    seen: list[int] = []

    def enough(coverage: Coverage) -> bool:
        seen.append(coverage.executions)
        return coverage.executions < 50

    found = shared_search(lambda: program, AtOnce(), limit=10, progress=enough)
    assert (found.verdict, found.stopped) == ("survived", "budget")
    assert found.coverage.executions >= 50
    assert seen == sorted(seen)


def test_an_interruption_is_reported() -> None:
    program = counters(sections=3, locks=1)

    def interrupt(_: Coverage) -> bool:
        raise KeyboardInterrupt

    found = shared_search(lambda: program, AtOnce(), limit=10, progress=interrupt)
    assert (found.verdict, found.stopped) == ("survived", "interrupt")
    assert found.coverage.executions == 10


def test_an_error_in_a_worker_is_passed_on() -> None:
    def broken() -> TracedMachine:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), ThreadPoolExecutor(1) as pool:
        shared_search(partial(lambda: broken), pool)
