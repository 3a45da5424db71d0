"""execrate: how Mel Gorman ranked the answers, and how the model does."""

from __future__ import annotations

from functools import cache

import pytest
from workloads.comparing import TABLE

from kmm.workloads.benchmark import Conditions, Result, RunFailed
from kmm.workloads.comparison import answers_to
from kmm.workloads.execrate import SHIFTS, execrate

SHORT = 0.000_1  # seconds


@cache
def measured(answer: str, processes: int = 1) -> Result:
    spec = answers_to("exec-stack")[answer]
    return execrate(str(processes), Conditions(spec, TABLE, 0), SHORT)


@pytest.mark.parametrize("shift", SHIFTS)
def test_to_skip_is_fastest_then_comes_the_temporary_vma_and_then_move_vma(
    shift: str,
) -> None:
    ranked = ["unprotected", "skip-temporary", "temporary-vma", "move-vma"]
    steps = [measured(answer).counts[f"{shift}: steps"] for answer in ranked]
    assert steps == sorted(steps)
    assert len(set(steps)) == len(steps)
    rates = [measured(answer).figures[shift] for answer in ranked]
    assert rates == sorted(rates, reverse=True)


def test_what_a_second_vma_costs_is_its_locks_and_its_links() -> None:
    def counts(what: str) -> list[float]:
        answers = ("skip-temporary", "temporary-vma", "move-vma")
        return [round(measured(a).counts[f"near: {what}"]) for a in answers]

    assert counts("VMAs") == [1, 2, 2]
    assert counts("locks") == [3, 5, 6]
    assert counts("chains") == [2, 4, 4]


def test_processes_on_cpus_of_their_own_do_not_disturb_one_another() -> None:
    one, four = (measured("temporary-vma", n).figures["near"] for n in (1, 4))
    assert four == pytest.approx(4 * one, rel=0.02)


def test_who_sleeps_under_a_spinlock_fails() -> None:
    with pytest.raises(RunFailed, match="sleeping function called from invalid"):
        measured("hold-lock")
