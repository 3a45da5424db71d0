"""sysbench: the curve over one to eight clients, on four CPUs."""

from __future__ import annotations

from functools import cache

import pytest
from workloads.comparing import are_near, both, conditions

from kmm.workloads.benchmark import Conditions, Result
from kmm.workloads.sysbench import SYSBENCH, sysbench

SHORT = 0.015  # seconds: two slices


@cache
def measured(clients: int) -> tuple[float, float]:
    """Requests a second, on vanilla and on v6."""

    def run(given: Conditions) -> Result:
        return sysbench(str(clients), given, SHORT)

    vanilla, v6 = both(run)
    assert are_near(vanilla.figures, v6.figures)
    return vanilla.figures[str(clients)], v6.figures[str(clients)]


def test_there_are_one_to_eight_clients() -> None:
    assert SYSBENCH.tests == tuple("12345678")


@pytest.mark.slow
@pytest.mark.parametrize("kernel", [0, 1])
def test_the_curve_rises_to_the_number_of_cpus_and_then_stays(kernel: int) -> None:
    curve = {clients: measured(clients)[kernel] for clients in (1, 2, 3, 4, 6, 8)}
    for clients in (2, 3, 4):
        assert curve[clients] == pytest.approx(clients * curve[1], rel=0.05)
    for clients in (6, 8):
        assert curve[clients] == pytest.approx(curve[4], rel=0.05)


def test_a_client_is_answered_about_as_often_as_its_work_lets_it() -> None:
    most = 1 / 0.000_075  # a request takes so many seconds on average
    assert 0.9 * most < measured(1)[0] < most


@pytest.mark.slow
def test_the_same_seed_is_the_same_run_and_another_is_another() -> None:
    def run(seed: int) -> Result:
        return sysbench("2", conditions(seed=seed), SHORT)

    assert run(1) == run(1)
    assert run(1) != run(2)
