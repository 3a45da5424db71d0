"""The process that judges one submission, and says what it found.

It is a copy of `template`, gets a job from `sandbox`, and writes its report, a line of
JSON for each finding, into a pipe.  The last line says that the judge was sane to its
end; without it nothing of the report counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from traceback import walk_tb
from typing import Any

from attrs import asdict, evolve, frozen

from ..report.interleaving import lanes
from ..report.oops import oops
from ..scenarios.play import Played
from ..scenarios.watching import failure_of
from ..sim.recording import Recording
from ..sim.schedule import ScheduleError
from . import answers, asks, litmus, schedules
from .canary import Canary, Tampered
from .code import Submission, submission
from .exercise import Check, Complaint, Exercise, Finding
from .limits import contain
from .read import read_exercise
from .wire import to_plain

LONGEST = 300  # characters of what a submission may have had a hand in
WIDTH = 80  # columns of a drawing


@frozen
class Pipe:
    """Where the report goes.  The nonce is for the parent, who knows it too."""

    descriptor: int
    nonce: str

    def say(self, what: str, value: Any) -> None:
        line = json.dumps({"nonce": self.nonce, what: value}) + "\n"
        data = line.encode()
        while data:
            data = data[os.write(self.descriptor, data) :]


def work(job: Mapping[str, Any], pipe: Pipe, canary: Canary | None) -> None:
    """Do a job.  `canary` is of before any submission was here; data needs none."""
    pipe.say("contained", contain())
    hidden = Path(job["hidden"]) if job["hidden"] else None
    exercise = read_exercise(Path(job["folder"]), hidden)
    try:
        if job["record"] is not None:
            pipe.say("recording", to_plain(recorded(job, exercise)))
        for finding in findings(job, exercise, canary):
            pipe.say("finding", asdict(finding))
    except Complaint as error:
        pipe.say("complaint", printable(str(error)))
    except Tampered as error:
        pipe.say("tampered", printable(str(error)))
        return
    except Exception as error:  # nobody has thought of it, but somebody has tried it
        pipe.say("complaint", printable(f"{type(error).__name__}: {error}"))
    pipe.say("end", True)


def findings(
    job: Mapping[str, Any], exercise: Exercise, canary: Canary | None
) -> Iterator[Finding]:
    """Of a whole submission, or of runs of it that were reported before."""
    if job["record"] is not None:
        return iter(())
    if job["again"] is not None:
        return run_again(job, exercise)
    return judged(job["text"], exercise, job["seed"], canary)


def judged(
    text: str, exercise: Exercise, seed: int | None, canary: Canary | None
) -> Iterator[Finding]:
    """One finding for each check.  Raises Complaint, Tampered.

    After a check that was asked it is seen whether this process is still sane.  What
    was found is told before, since somebody waits for it; it counts if all ends well.
    """
    subject, table = ready(text, exercise, seed)
    passed: set[str] = set()
    for check in exercise.checks:
        unasked = not_asked(check, passed)
        finding = unasked or asked(
            partial(table[check.asks], subject, check), exercise, check
        )
        if finding.passed:
            passed.add(check.name)
        yield finding
        if canary is not None and not unasked:
            canary.check()
            subject.check_memory()


def not_asked(check: Check, passed: set[str]) -> Finding | None:
    """What is said of a check that has no meaning before others have passed."""
    missing = [name for name in check.needs if name not in passed]
    if not missing:
        return None
    return Finding(check.name, False, f"not asked before {', '.join(missing)} passes")


def ready(
    text: str, exercise: Exercise, seed: int | None
) -> tuple[Any, Mapping[str, Callable[[Any, Check], Finding]]]:
    """A submission as its kind has it, and what can be asked of that."""
    match exercise.kind:
        case "answer":
            given = answers.answers_of(text, exercise, seed)
            return (given, answers.variant(exercise, given["seed"])), answers.ASKS
        case "schedule":
            return schedules.play(text, exercise), schedules.ASKS
        case "litmus":
            return litmus.race_of(text, exercise), litmus.ASKS
        case _:
            return submission(text, exercise), asks.ASKS


def asked(ask: Callable[[], Finding], exercise: Exercise, check: Check) -> Finding:
    """What came of a check, or what went wrong in the submission meanwhile."""
    try:
        finding = ask()
    except Exception as error:  # a student's code, which may raise anything
        return Finding(check.name, False, printable(raised(error, exercise.file)))
    return evolve(finding, why=printable(finding.why))


def raised(error: Exception, file: str) -> str:
    """An error that is none of the model's, and the line of the submission."""
    lines = [
        line
        for frame, line in walk_tb(error.__traceback__)
        if frame.f_code.co_filename == file
    ]
    where = f"line {lines[-1]}" if lines else "nothing of yours"
    return f"{type(error).__name__} in {where}: {error}"


def printable(text: str) -> str:
    """One line, that cannot draw anything."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def run_again(job: Mapping[str, Any], exercise: Exercise) -> Iterator[Finding]:
    """The runs that another process has reported, made again and drawn.

    One that does not end as was reported is left out.
    """
    subject, _ = ready(job["text"], exercise, None)
    for values in job["again"]:
        finding = Finding(**values)
        assert finding.schedule is not None
        try:
            played = replayed(subject, exercise, finding.schedule)
        except ScheduleError as error:
            yield evolve(finding, why=printable(str(error)))
            continue
        if job["any"]:
            finding = evolve(finding, failure=message_of(played))
        ended = as_reported(played, finding)
        if ended is not None:
            yield evolve(finding, drawing=drawn(played, ended))


def recorded(job: Mapping[str, Any], exercise: Exercise) -> Recording:
    """The run of a finding, made again.  Raises Complaint where it cannot be."""
    finding = Finding(**job["record"])
    assert finding.schedule is not None
    subject, _ = ready(job["text"], exercise, None)
    try:
        found = as_reported(replayed(subject, exercise, finding.schedule), finding)
    except ScheduleError as error:
        raise Complaint(str(error)) from None
    if found is None:
        raise Complaint("the run does not end as was reported")
    return found


def message_of(played: Played) -> str | None:
    assert played.recording is not None
    failure = played.recording.failure
    return failure.message if failure else None


def as_reported(played: Played, finding: Finding) -> Recording | None:
    """The run, if it shows what was said of it: how it ends, or a report besides."""
    recording = played.recording
    assert recording is not None
    if message_of(played) == finding.failure:
        return recording
    for report in played.reports:
        if report.message == finding.failure:
            return evolve(recording, failure=failure_of(report))
    return None


def replayed(subject: Any, exercise: Exercise, schedule: str) -> Played:
    if isinstance(subject, Submission):
        return asks.remade(subject, schedule)
    if exercise.kind == "litmus":
        return litmus.remade(subject, schedule)
    assert isinstance(subject, Played)
    return subject


def drawn(played: Played, recording: Recording) -> str:
    """The oops, and the drawing with a lane for each CPU."""
    failed = recording.failure is not None
    console = oops(recording, played.kernel.name)
    picture = "\n".join(lanes(recording, WIDTH, every=not failed))
    return "\n\n".join([*([console] if console else []), picture])
