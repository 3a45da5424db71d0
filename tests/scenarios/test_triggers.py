"""The races of the letter, through whoever may make a page migrate."""

from __future__ import annotations

import pytest

from kmm.designs import UnknownName, find_kernel
from kmm.scenarios import find_race
from kmm.scenarios.play import replay, run
from kmm.sim.search import search
from kmm.sim.strategies import Portfolio, RoundRobin, SourceDpor

BUG = "kernel BUG at include/linux/swapops.h:105!"

MET = [
    "exec-stack:compaction",
    "exec-stack:hot-remove",
    "vma-adjust:compaction",
    "vma-adjust:hot-remove",
    "vma-adjust:move_pages",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", MET)
def test_it_is_met_through_the_call_that_starts_it_all(name: str) -> None:
    boot = find_race(name).booter(find_kernel("2.6.34"))
    failure = search(boot, Portfolio(1), budget=1_500).failure
    assert failure is not None
    assert failure.message == BUG


def test_move_pages_cannot_meet_exec_since_both_need_mmap_sem() -> None:
    boot = find_race("exec-stack:move_pages").booter(find_kernel("2.6.34"))
    assert search(boot, SourceDpor()).verdict == "proved"


@pytest.mark.parametrize("name", MET)
def test_alone_whoever_migrates_the_page_moves_it(name: str) -> None:
    machine = find_race(name).boot(find_kernel("2.6.36"))
    while machine.threads[0].pending is not None:
        machine.step(machine.enabled()[0])
    assert machine.failure is None


def test_a_run_with_a_trigger_can_be_made_again() -> None:
    race = find_race("vma-adjust:compaction")
    played = run(race, find_kernel("v6"), RoundRobin())
    assert played.token is not None
    assert str(played.token).startswith("vma-adjust:compaction/v6/")
    assert replay(race, played.token).recording == played.recording


@pytest.mark.parametrize("name", ["exec-stack:nobody", "tlb-stale:compaction"])
def test_a_trigger_that_a_race_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(UnknownName, match="trigger"):
        find_race(name)
