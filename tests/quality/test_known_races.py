"""Searches that must find what is known to be there, and how soon."""

from __future__ import annotations

import pytest

from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.sim.search import search
from kmm.sim.strategies import Portfolio, Preemptions, RandomWalk, SourceDpor


@pytest.mark.parametrize(
    ("race", "kernel", "executions"),
    [
        ("exec-stack", "2.6.34", 10),
        ("exec-stack", "v4", 50),
        ("exec-stack-peek", "v6", 30),
        ("tlb-stale", "2.6.34", 2),
    ],
)
def test_the_exhaustive_search_meets_the_bug_early(
    race: str, kernel: str, executions: int
) -> None:
    boot = find_race(race).booter(find_kernel(kernel))
    result = search(boot, SourceDpor(), budget=executions)
    assert result.verdict == "bug"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("race", "kernel", "executions"),
    [
        ("ksm-walk", "2.6.34", 300),
        ("retry-livelock", "v2", 300),
        ("exec-stack:compaction", "2.6.34", 400),
        ("exec-stack:hot-remove", "2.6.34", 700),
        ("vma-adjust:hot-remove", "2.6.34", 1000),
        ("vma-adjust:move_pages", "2.6.34", 800),
    ],
)
def test_a_hunt_meets_what_is_hard_for_one_strategy(
    race: str, kernel: str, executions: int
) -> None:
    boot = find_race(race).rewinder(find_kernel(kernel))
    result = search(boot, Portfolio(), budget=executions)
    assert result.verdict == "bug"


@pytest.mark.parametrize(
    ("race", "kernel", "bound", "executions"),
    [
        ("anon-vma-lifetime", "v6", 0, 10),
        ("exec-stack", "2.6.34", 1, 20),
        ("ksm-walk", "2.6.34", 1, 100),
        ("exec-stack-peek", "v6", 2, 200),
    ],
)
def test_the_fewest_preemptions_that_a_race_takes(
    race: str, kernel: str, bound: int, executions: int
) -> None:
    boot = find_race(race).rewinder(find_kernel(kernel))
    strategy = Preemptions()
    result = search(boot, strategy, budget=executions)
    assert (result.verdict, strategy.bound) == ("bug", bound)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("race", "kernel"),
    [
        ("exec-stack", "v6"),
        ("exec-stack", "2.6.35"),
        ("tlb-flushed", "2.6.34"),
        ("tlb-lazy", "2.6.34"),
    ],
)
def test_what_is_proved_is_not_broken_by_chance(race: str, kernel: str) -> None:
    """Random runs know nothing of the reduction that the proof rests on."""
    boot = find_race(race).booter(find_kernel(kernel))
    result = search(boot, RandomWalk(seed=1), budget=1500)
    assert result.failure is None
