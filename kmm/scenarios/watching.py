"""What runs show besides how they end: orders of locks that may deadlock, data races.

Linux's lockdep and KCSAN look on in the same way while a kernel goes about its work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import evolve, frozen

from ..fs.shared import FILE_STRUCTURES
from ..mm.shared import SHARED_BITS, SHARED_STRUCTURES
from ..sim.datarace import DataRaces
from ..sim.failure import Failure, Report
from ..sim.lockdep import Lockdep
from ..sim.recording import Recording, record
from ..sim.search import Boot, with_watchers
from ..sim.shrink import Wish
from ..sim.strategies import Replay
from ..sim.taps import instrumented


@frozen
class Watch:
    """Looks on at any number of runs; each finding is reported once."""

    lockdep: Lockdep
    races: DataRaces

    @staticmethod
    def new() -> Watch:
        return Watch(Lockdep(), DataRaces())

    @staticmethod
    def of_rules() -> Watch:
        """Leaves out data races of which a search sees both sides (`read_plain`).

        What is left breaks rule 2 of `sim.trap`, and a proof that rests on it is none.
        """
        return Watch(Lockdep(), DataRaces(of_announced=False))

    @property
    def reports(self) -> tuple[Report, ...]:
        return (*self.lockdep.reports, *self.races.reports)

    @contextmanager
    def over(self, boot: Boot) -> Iterator[Boot]:
        """The same machines, looked at while this lasts."""
        with instrumented({**SHARED_STRUCTURES, **FILE_STRUCTURES}, SHARED_BITS):
            yield with_watchers(boot, self.races, self.lockdep)


def reports_of(boot: Boot, recording: Recording) -> tuple[Report, ...]:
    """What one known run shows, whether or not it was over."""
    watch = Watch.new()
    with watch.over(boot) as watched:
        watched().run(Replay(recording.choices, is_part=True))
    return watch.reports


def as_failure(boot: Boot, report: Report) -> Recording:
    """A run that shows something, as its failure unless it has a worse one."""
    recording = record(boot, Wish(report.choices))
    if recording.failure is not None:
        return recording
    return evolve(recording, failure=failure_of(report))


def failure_of(report: Report) -> Failure:
    """What was only reported, as if it had ended the run."""
    return Failure(
        report.kind,
        report.message,
        report.thread,
        report.cpu,
        report.trace,
        report.details,
    )
