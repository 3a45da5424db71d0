"""Lockdep and the checker of data races look on while races are run."""

from __future__ import annotations

from attrs import evolve
from sim.programs import opposite_locks

from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.scenarios.watching import Watch, as_failure, reports_of
from kmm.sim.failure import Report
from kmm.sim.recording import record
from kmm.sim.search import Boot, search
from kmm.sim.shrink import Wish
from kmm.sim.strategies import RoundRobin, SourceDpor


def boot_of(race: str, kernel: str) -> Boot:
    return find_race(race).booter(find_kernel(kernel))


def found(boot: Boot, runs: int = 30) -> tuple[Report, ...]:
    watch = Watch.new()
    with watch.over(boot) as watched:
        search(watched, SourceDpor(), budget=runs, stop_at_failure=False)
    return watch.reports


def test_what_a_race_shows_is_reported_once_over_all_runs() -> None:
    reports = found(boot_of("vma-adjust", "2.6.34"))
    assert {report.kind for report in reports} == {"data_race"}
    places = {(report.message, report.details[0]) for report in reports}
    assert len(places) == len(reports) > 1


def test_an_order_of_locks_is_reported_too() -> None:
    kinds = {report.kind for report in found(opposite_locks)}
    assert kinds == {"lock_order"}


def test_a_report_leads_back_to_itself() -> None:
    boot = boot_of("vma-adjust", "2.6.34")
    for report in found(boot):
        recording = record(boot, Wish(report.choices))
        again = {other.message for other in reports_of(boot, recording)}
        assert report.message in again


def test_a_run_that_ends_well_shows_nothing_on_2_6_36() -> None:
    boot = boot_of("vma-adjust", "2.6.36")
    recording = record(boot, RoundRobin())
    assert recording.failure is None
    assert reports_of(boot, recording) == ()


def test_a_report_can_be_made_the_failure_of_its_run() -> None:
    boot = boot_of("vma-adjust", "2.6.34")
    harmless = [
        report
        for report in found(boot)
        if record(boot, Wish(report.choices)).failure is None
    ]
    for report in harmless:
        failure = as_failure(boot, report).failure
        assert failure is not None
        assert (failure.kind, failure.message) == (report.kind, report.message)
        assert (failure.thread, failure.cpu) == (report.thread, report.cpu)
    assert harmless


def test_a_worse_failure_of_the_same_run_comes_first() -> None:
    boot = boot_of("vma-adjust", "2.6.34")
    broken = search(boot, SourceDpor())
    assert broken.failure is not None
    report = evolve(found(boot)[0], choices=broken.choices)
    assert as_failure(boot, report).failure == broken.failure
