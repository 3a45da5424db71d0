"""kernbench: what `time` says of a compilation."""

from __future__ import annotations

from functools import partial

import pytest
from workloads.comparing import are_near, both, conditions

from kmm.workloads.benchmark import Conditions, Result
from kmm.workloads.kernbench import AT_A_TIME, LINKING, jobs_of, kernbench

JOBS = 4

small = partial(kernbench, "kernbench", jobs=JOBS)


def test_time_says_four_things_and_they_belong_together() -> None:
    figures = small(conditions()).figures
    assert list(figures) == ["Elapsed", "User", "System", "CPU"]
    busy = figures["User"] + figures["System"]
    assert figures["CPU"] == int(100 * busy / figures["Elapsed"])
    assert 100 < figures["CPU"] <= 400


def test_user_time_is_what_the_compilers_compute_and_little_more() -> None:
    given = conditions()
    computed = sum(job.cycles for job in jobs_of(given, JOBS))
    milliseconds = 1000 * (given.table.seconds(computed) + LINKING)
    assert milliseconds <= small(given).figures["User"] <= 1.1 * milliseconds


def test_the_same_seed_is_the_same_run_and_another_is_another() -> None:
    first = small(conditions(seed=3))
    assert small(conditions(seed=3)) == first
    assert small(conditions(seed=4)) != first


def test_the_jobs_are_the_seeds_and_no_kernels() -> None:
    assert jobs_of(conditions("vanilla"), 9) == jobs_of(conditions("v6"), 9)
    assert jobs_of(conditions(seed=1), 9) != jobs_of(conditions(seed=2), 9)
    sizes = {job.pages for job in jobs_of(conditions(), 99)}
    assert min(sizes) >= 64
    assert max(sizes) <= 192
    assert len(sizes) > 20


def test_vanilla_and_v6_take_the_same_time_but_for_the_locks() -> None:
    vanilla, v6 = (result.figures for result in both(small))
    assert are_near(vanilla, v6)
    assert v6["System"] > vanilla["System"]
    assert v6["User"] == pytest.approx(vanilla["User"], rel=1e-3)


@pytest.mark.slow
def test_more_jobs_than_make_runs_at_a_time_are_all_done() -> None:
    few = kernbench("kernbench", conditions(), AT_A_TIME).figures
    more = kernbench("kernbench", conditions(), 2 * AT_A_TIME).figures
    assert more["User"] > 1.5 * few["User"]
    assert more["Elapsed"] > 1.3 * few["Elapsed"]


@pytest.mark.parametrize("kernel", ["v2", "v4", "2.6.36"])
def test_it_runs_on_every_kind_of_kernel_and_leaves_nothing_behind(kernel: str) -> None:
    def run(given: Conditions) -> Result:
        return kernbench("kernbench", given, jobs=2)

    assert are_near(run(conditions()).figures, run(conditions(kernel)).figures)
