"""Budgets, verdicts, and what is reported when a search is stopped."""

import pytest
from sim.programs import counters, opposite_locks, toy

from kmm.sim.recording import record_choices
from kmm.sim.search import Coverage, search
from kmm.sim.strategies import Enumeration, RandomWalk, RoundRobin, SourceDpor, Strategy

SMALL = counters(sections=2, locks=2)


def test_a_space_without_a_failure_is_proved() -> None:
    result = search(SMALL, SourceDpor())
    assert result.verdict == "proved"
    assert result.failure is None
    assert result.stopped is None


@pytest.mark.parametrize("strategy", [SourceDpor(), Enumeration(), RandomWalk(3)])
def test_a_failure_is_a_bug_whatever_finds_it(strategy: Strategy) -> None:
    result = search(toy(fixed=False), strategy)
    assert result.verdict == "bug"
    assert result.failure is not None
    assert result.failure.message == "a migration entry survives"
    assert result.stopped is None


def test_the_choices_of_a_bug_lead_to_it() -> None:
    result = search(toy(fixed=False), SourceDpor())
    assert record_choices(toy(fixed=False), result.choices).failure == result.failure


def test_the_first_failing_run_is_reported_even_if_the_search_goes_on() -> None:
    program = toy(fixed=False, bystander=1)
    first = search(program, SourceDpor())
    whole = search(program, SourceDpor(), stop_at_failure=False)
    assert whole.choices == first.choices
    assert whole.coverage.failures > first.coverage.failures == 1


@pytest.mark.parametrize("strategy", [RandomWalk(0), RoundRobin()])
def test_a_strategy_that_leaves_runs_out_proves_nothing(strategy: Strategy) -> None:
    result = search(SMALL, strategy, budget=5)
    assert result.verdict == "survived"


def test_a_spent_budget_is_no_proof() -> None:
    result = search(SMALL, SourceDpor(), budget=3)
    assert result.verdict == "survived"
    assert result.stopped == "budget"
    assert result.coverage.executions == 3


def test_a_budget_that_is_just_enough_is() -> None:
    whole = search(SMALL, SourceDpor()).coverage.executions
    assert search(SMALL, SourceDpor(), budget=whole).verdict == "proved"
    assert search(SMALL, SourceDpor(), budget=whole - 1).verdict == "survived"


def test_steps_and_executions_are_added_up() -> None:
    result = search(toy(fixed=True), Enumeration())
    assert result.coverage.executions == 2
    assert result.coverage.steps == 2 * 20  # 20 preemption points in every run


def test_runs_given_up_are_not_executions() -> None:
    result = search(opposite_locks, SourceDpor(), stop_at_failure=False)
    assert (result.coverage.executions, result.coverage.given_up) == (7, 1)


def test_progress_is_told_after_every_run_and_may_stop_the_search() -> None:
    seen: list[int] = []

    def three_runs(coverage: Coverage) -> bool:
        seen.append(coverage.executions)
        return len(seen) < 3

    result = search(SMALL, SourceDpor(), progress=three_runs)
    assert seen == [1, 2, 3]
    assert result.verdict == "survived"
    assert result.stopped == "budget"


def test_ctrl_c_ends_a_search_and_what_was_covered_is_reported() -> None:
    def pressed(coverage: Coverage) -> bool:
        if coverage.executions == 4:
            raise KeyboardInterrupt
        return True

    result = search(SMALL, SourceDpor(), progress=pressed)
    assert result.verdict == "survived"
    assert result.stopped == "interrupt"
    assert result.coverage.executions == 4
    assert len(result.choices) > 0


def test_a_bug_found_before_ctrl_c_stays_found() -> None:
    def pressed(coverage: Coverage) -> bool:
        if coverage.failures:
            raise KeyboardInterrupt
        return True

    result = search(
        toy(fixed=False), SourceDpor(), stop_at_failure=False, progress=pressed
    )
    assert result.verdict == "bug"
    assert result.stopped == "interrupt"
    assert result.failure is not None
