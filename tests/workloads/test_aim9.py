"""AIM9: rates of seven things, and on which of them the letter's patches tell."""

from __future__ import annotations

from functools import cache, partial

import pytest
from attrs import evolve
from workloads.comparing import are_near, both, conditions

from kmm.designs import QUESTIONS, find_kernel
from kmm.workloads.aim9 import AIM9, aim9
from kmm.workloads.benchmark import Conditions, Result, RunFailed

LETTERS = [
    *("creat-clo", "page_test", "brk_test", "signal_test"),
    *("exec_test", "fork_test", "link_test"),
]
CONTROLS = ["creat-clo", "signal_test", "link_test"]  # none of the changed code
SHORT = 0.000_2  # seconds


@cache
def measured(test: str) -> tuple[Result, Result]:
    return both(partial(aim9, test, duration=SHORT))


def exec_rate(exec_stack: str) -> float:
    spec = find_kernel("vanilla").with_answer("exec-stack", exec_stack)
    result = aim9("exec_test", evolve(conditions(), spec=spec), SHORT)
    return result.figures["exec_test"]


def test_the_rows_are_the_letters() -> None:
    assert list(AIM9.tests) == LETTERS
    assert AIM9.better == "higher"


@pytest.mark.parametrize("test", LETTERS)
def test_each_row_is_the_same_within_five_per_cent(test: str) -> None:
    vanilla, v6 = measured(test)
    assert list(vanilla.figures) == [test]
    assert are_near(vanilla.figures, v6.figures)


@pytest.mark.parametrize("test", CONTROLS)
def test_what_meets_none_of_the_changed_code_is_the_same(test: str) -> None:
    vanilla, v6 = measured(test)
    assert vanilla == v6


def test_the_temporary_vma_makes_an_exec_slower() -> None:
    vanilla, v6 = measured("exec_test")
    assert v6.counts["VMAs"] == vanilla.counts["VMAs"] + 1
    assert v6.counts["steps"] > vanilla.counts["steps"]
    assert v6.figures["exec_test"] < vanilla.figures["exec_test"]


def test_the_answers_to_exec_stack_stand_as_their_author_ranked_them() -> None:
    ranked = ["unprotected", "skip-temporary", "temporary-vma", "move-vma"]
    rates = [exec_rate(answer) for answer in ranked]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == len(ranked)


def test_the_heap_pays_for_locks_in_vma_adjust() -> None:
    def rate(answer: str) -> float:
        spec = find_kernel("vanilla").with_answer("rmap-walk", answer)
        run = aim9("brk_test", evolve(conditions(), spec=spec), SHORT)
        return run.figures["brk_test"]

    assert rate("local-lock") > rate("root-order") > rate("heavy-lock")


def test_a_rate_does_not_depend_on_how_long_it_is_measured() -> None:
    for test in ("brk_test", "signal_test"):
        once = aim9(test, conditions(), SHORT).figures[test]
        longer = aim9(test, conditions(), 3 * SHORT).figures[test]
        assert once == pytest.approx(longer, rel=0.02)


def test_what_costs_twice_is_done_half_as_often() -> None:
    def slower(given: Conditions) -> Conditions:
        return evolve(given, table=evolve(given.table, mhz=given.table.mhz // 2))

    fast = aim9("link_test", conditions(), SHORT).figures["link_test"]
    slow = aim9("link_test", slower(conditions()), SHORT).figures["link_test"]
    assert slow == pytest.approx(fast / 2, rel=0.01)


def test_the_same_seed_is_the_same_run_and_another_begins_differently() -> None:
    def run(seed: int) -> Result:
        return aim9("fork_test", conditions(seed=seed), SHORT)

    assert run(5) == run(5)
    assert run(5) != run(6)


def test_a_kernel_that_fails_ends_the_run() -> None:
    assert "hold-lock" in QUESTIONS["exec-stack"]
    with pytest.raises(RunFailed, match="exec_test: BUG: sleeping function"):
        exec_rate("hold-lock")
