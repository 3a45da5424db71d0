"""forktree: what one page's migration and reclaim cost as a family grows."""

from __future__ import annotations

from functools import cache

import pytest
from workloads.comparing import TABLE

from kmm.designs import QUESTIONS
from kmm.workloads.benchmark import Conditions, Result
from kmm.workloads.comparison import answers_to
from kmm.workloads.forktree import FORKTREE, forktree, looks_of

ANSWERS = list(QUESTIONS["rmap-walk"])
FEW, MANY = 3, 30  # children


@cache
def measured(answer: str, children: int, seed: int = 0) -> Result:
    spec = answers_to("rmap-walk")[answer]
    return forktree(str(children), Conditions(spec, TABLE, seed))


def looks(answer: str, children: int, what: str) -> float:
    return measured(answer, children).counts[looks_of(what)]


def test_families_are_of_1_to_1000_children() -> None:
    assert FORKTREE.tests == ("1", "10", "100", "1000")


@pytest.mark.slow
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_page_of_all_is_looked_for_in_all_once_a_walk(answer: str) -> None:
    # Unmapping and mapping again; and once the page's index is worked out.
    assert looks(answer, MANY, "migrate all") == 2 * (MANY + 1) + 1
    # Two looks at who has used it, and unmapping.
    assert looks(answer, MANY, "reclaim all") == 3 * (MANY + 1)


@pytest.mark.parametrize("answer", ANSWERS)
def test_only_root_order_looks_for_one_childs_page_in_the_whole_family(
    answer: str,
) -> None:
    grows = measured(answer, MANY).figures["migrate own"] > (
        1.5 * measured(answer, FEW).figures["migrate own"]
    )
    assert grows == (answer == "root-order")
    assert looks(answer, MANY, "migrate own") == (MANY + 3 if grows else 3)
    assert looks(answer, MANY, "reclaim own") == 3


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_page_that_has_moved_belongs_to_the_oldest_and_is_looked_for_in_all(
    answer: str,
) -> None:
    assert looks(answer, MANY, "migrate again") == 2 * (MANY + 1) + 1


def test_who_locks_more_to_change_a_vma_changes_fewer_while_a_page_migrates() -> None:
    changes = {a: measured(a, MANY).figures["changes"] for a in ANSWERS}
    assert max(changes, key=changes.__getitem__) == "local-lock"
    assert changes["heavy-lock"] < 0.8 * changes["local-lock"]


def test_the_same_seed_is_the_same_run() -> None:
    first = measured("root-lock", FEW)
    measured.cache_clear()
    assert measured("root-lock", FEW) == first
