"""What each answer costs, as it follows from what the answer does."""

from __future__ import annotations

from functools import cache

import pytest

from kmm.designs import QUESTIONS
from kmm.workloads.costs import ExecCost, WalkCost, exec_costs, walk_costs

WALKS = list(QUESTIONS["rmap-walk"])
FEW, MANY = 2, 6


@cache
def walks() -> dict[tuple[str, int, bool], WalkCost]:
    return {
        (cost.answer, cost.children, cost.deep): cost
        for cost in walk_costs((FEW, MANY), (FEW, MANY))
    }


@cache
def execs() -> dict[str, ExecCost]:
    return {cost.answer: cost for cost in exec_costs()}


def test_each_answer_is_asked_in_each_family_and_nothing_fails() -> None:
    assert list(walks()) == [
        (answer, children, deep)
        for deep in (False, True)
        for answer in WALKS
        for children in (FEW, MANY)
    ]
    for cost in walks().values():
        for counts in (cost.private, cost.shared, cost.change):
            assert counts.failure is None
            assert counts.steps > 0


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("answer", WALKS)
def test_a_page_of_all_is_looked_for_in_all(answer: str, deep: bool) -> None:
    for children in (FEW, MANY):
        assert walks()[answer, children, deep].shared.vmas_visited == children + 1


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("answer", WALKS)
def test_only_from_the_root_is_a_private_page_looked_for_in_all(
    answer: str, deep: bool
) -> None:
    for children in (FEW, MANY):
        private = walks()[answer, children, deep].private
        visited = children + 1 if answer == "root-order" else 1
        assert private.vmas_visited == visited


@pytest.mark.parametrize("answer", WALKS)
def test_only_the_heavy_lock_holds_as_many_locks_as_a_line_is_deep(answer: str) -> None:
    for children in (FEW, MANY):
        held = walks()[answer, children, True].change.held_at_once
        assert held == (children + 1 if answer == "heavy-lock" else 1)


@pytest.mark.parametrize(("answer", "more"), [("local-lock", 0), ("root-lock", 0)])
def test_walks_under_one_lock_take_one_in_any_family(answer: str, more: int) -> None:
    for key, cost in walks().items():
        if key[0] == answer:
            assert cost.private.anon_vma_locks == cost.shared.anon_vma_locks == 1 + more


def test_an_exec_that_must_not_sleep_under_its_lock_fails_and_no_other_does() -> None:
    failed = {name for name, cost in execs().items() if cost.counts.failure}
    assert failed == {"hold-lock"}


def test_only_who_makes_a_second_vma_pays_for_one() -> None:
    made = {name: cost.vmas for name, cost in execs().items() if cost.vmas}
    assert made == {"temporary-vma-new-first": 1, "temporary-vma": 1, "move-vma": 1}
    for name, cost in execs().items():
        if cost.counts.failure is None:
            assert cost.counts.chain_changes == 2 * cost.vmas, name


def test_what_linux_took_costs_one_step_more_than_doing_nothing() -> None:
    steps = {name: cost.counts.steps for name, cost in execs().items()}
    assert steps["skip-temporary"] == steps["unprotected"] + 1
    assert steps["unprotected"] < steps["temporary-vma"] < steps["move-vma"]
