"""Nothing that CPUs share is touched without a lock or a mark, where none should be."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest

from kmm.designs import find_kernel
from kmm.mm import rmap, vma
from kmm.scenarios import RACES, find_race
from kmm.scenarios.watching import Watch
from kmm.sim.failure import Report
from kmm.sim.search import search
from kmm.sim.strategies import Pct, RandomWalk, SourceDpor


def seen(race: str, kernel: str, runs: int) -> tuple[Report, ...]:
    """What some runs of a race show: systematic ones, and two sorts of random ones."""
    watch = Watch.new()
    with watch.over(find_race(race).booter(find_kernel(kernel))) as boot:
        for strategy in (SourceDpor(), Pct(1), RandomWalk(1)):
            search(boot, strategy, budget=runs, stop_at_failure=False)
    return watch.reports


@pytest.mark.slow
@pytest.mark.parametrize("race", RACES)
def test_on_2_6_36_no_run_shows_a_data_race_or_a_wrong_order(race: str) -> None:
    assert seen(race, "2.6.36", 8) == ()


@pytest.mark.slow
@pytest.mark.parametrize("race", RACES)
def test_nor_do_more_runs(race: str) -> None:
    assert seen(race, "2.6.36", 60) == ()


def line_of(function: Callable[..., object], text: str) -> int:
    """The line of a function that has this text."""
    lines, first = inspect.getsourcelines(function)
    return next(first + n for n, line in enumerate(lines) if text in line)


@pytest.mark.parametrize("field", ["vm_start", "vm_pgoff"])
def test_on_2_6_34_the_walk_races_with_the_stores_of_vma_adjust(field: str) -> None:
    reports = seen("vma-adjust", "2.6.34", 30)
    message = "BUG: KCSAN: data-race in store_bounds / vma_address"
    about = [r for r in reports if r.message == message]
    (report,) = [r for r in about if any(field in line for line in r.details)]
    store = line_of(vma.store_bounds, f"await write_plain(vma, VMA.{field}, change.")
    look = line_of(rmap.vma_address, f"await read_plain(vma, VMA.{field})")
    told = "\n".join(report.details)
    assert f"store_bounds (kmm/mm/vma.py:{store})" in told
    assert f"vma_address (kmm/mm/rmap.py:{look})" in told
