"""mmap: what each answer costs those who change their mappings all the time."""

from __future__ import annotations

from functools import cache

import pytest
from workloads.comparing import TABLE

from kmm.designs import QUESTIONS
from kmm.workloads.benchmark import Conditions, Result
from kmm.workloads.comparison import answers_to
from kmm.workloads.mmapload import DEEP, MMAP, mmapload

SHORT = 0.000_1  # seconds
ANSWERS = list(QUESTIONS["rmap-walk"])


@cache
def measured(answer: str, number: int = 1) -> Result:
    spec = answers_to("rmap-walk")[answer]
    return mmapload(str(number), Conditions(spec, TABLE, 0), SHORT)


def loss(answer: str, who: str, number: int = 1) -> float:
    """Of loops, beside 2.6.34."""
    with_it, without = (
        measured(a, number).figures[who] for a in (answer, "local-lock")
    )
    return 1 - with_it / without


def test_there_are_1_to_4_at_a_time() -> None:
    assert MMAP.tests == ("1", "2", "3", "4")


@pytest.mark.parametrize(("who", "chain"), [("threads", 1), ("children", 2)])
def test_heavy_lock_takes_as_many_locks_as_forks_lie_behind(
    who: str, chain: int
) -> None:
    def locks(answer: str) -> int:
        return round(measured(answer).counts[f"{who}: locks"])

    # A cut at either end of the page, and two merges.
    assert locks("heavy-lock") - locks("local-lock") == 4 * chain


def test_heavy_lock_costs_more_the_deeper_the_forks_are() -> None:
    losses = [loss("heavy-lock", who) for who in ("threads", "children", "deep")]
    assert losses == sorted(losses)
    assert losses[-1] > 0.1
    locks = measured("heavy-lock").counts["deep: locks"]
    without = measured("local-lock").counts["deep: locks"]
    assert locks - without == pytest.approx(4 * (DEEP + 1), abs=0.1)


@pytest.mark.slow
def test_one_lock_of_a_family_costs_more_the_more_want_it() -> None:
    assert loss("root-lock", "deep", 4) > 1.5 * loss("root-lock", "deep")
    assert loss("trylock-retry", "deep", 4) < 1.5 * loss("trylock-retry", "deep")


@pytest.mark.slow
@pytest.mark.parametrize("answer", ANSWERS)
def test_threads_wait_for_one_another_and_children_hardly(answer: str) -> None:
    one, four = measured(answer), measured(answer, 4)
    assert four.figures["children"] > 3.8 * one.figures["children"]
    assert four.figures["threads"] < 1.5 * one.figures["threads"]
