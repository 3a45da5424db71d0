"""Has submissions judged, and believes what comes of it as far as it may.

This process never runs a line of a submission, and never reads it as Python.  It hands
it to a judge from the `nursery`, and waits for a report on a pipe: no output of the
other process counts, and no file and no exit code of it either.  Clocks have one part
here: who is not done when the watchdog comes has failed.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, field, frozen

from ..sim.recording import Recording
from .exercise import OF_CODE, Exercise, Finding
from .nursery import Nursery
from .wire import NoRecording, from_plain

WATCHDOG = 120.0  # seconds
NOT_AGAIN = "(A second process could not make this run again.)"
LOOK = 0.05  # seconds between two questions whether to go on
LONGEST_REPORT = 8_000_000  # bytes
Told = Callable[[Finding], None]
Unwanted = Callable[[], bool]


@frozen
class Judgement:
    """What became of a submission."""

    findings: tuple[Finding, ...] = ()
    complaint: str | None = None  # why it could not be judged at all
    contained: dict[str, bool] = field(factory=dict)  # which limits could be set


class Stopped(Exception):
    """Nobody wants to know any more."""


def nobody_asks(_: Finding) -> None:
    """The usual `told`."""


def nobody_stops() -> bool:
    """The usual `unwanted`."""
    return False


def judge(
    exercise: Exercise,
    text: str,
    *,
    nursery: Nursery | None = None,
    seed: int | None = None,
    hidden: Path | None = None,
    told: Told = nobody_asks,
    unwanted: Unwanted = nobody_stops,
    watchdog: float = WATCHDOG,
) -> Judgement:
    """Have a submission judged.  `told` is called for each finding as it is made.

    Failing runs are made again by a second process, which draws them.  `unwanted` is
    asked all the time whether this may stop.  Raises Stopped.
    """
    with ExitStack() as stack:
        judges = nursery or stack.enter_context(Nursery(exercise))
        names = [check.name for check in exercise.checks]
        found = Report(names, told, unwanted)
        job = job_of(exercise, text, seed, hidden)
        found.read(judges, job, watchdog)
        if not found.is_whole:
            return Judgement((), found.complaint or found.trouble, found.contained)
        findings = tuple(found.findings)
        if exercise.kind in (*OF_CODE, "litmus"):
            second = Report(names, nobody_asks, unwanted)
            findings = tuple(run_again(findings, second, judges, job, watchdog))
        return Judgement(findings, found.complaint, found.contained)


def job_of(
    exercise: Exercise, text: str, seed: int | None, hidden: Path | None
) -> dict[str, Any]:
    return {
        "folder": str(exercise.folder),
        "hidden": str(hidden) if hidden else None,
        "text": text,
        "seed": seed,
        "again": None,  # findings whose runs are to be made again
        "any": False,  # whether those runs may end as they will
        "record": None,  # a finding whose run is wanted whole, and nothing else
    }


def run_again(
    findings: tuple[Finding, ...],
    second: Report,
    nursery: Nursery,
    job: dict[str, Any],
    watchdog: float,
) -> Iterator[Finding]:
    """The same findings; those with a run have a drawing of it, if that can be had."""
    failing = [one for one in findings if one.schedule is not None]
    drawings: dict[str, str] = {}
    if failing:
        again = {**job, "again": [asdict(one) for one in failing]}
        second.read(nursery, again, watchdog)
        drawings = {one.check: one.drawing for one in second.findings}
    for finding in findings:
        drawing = drawings.get(finding.check, "")
        if finding.schedule is not None and not drawing:
            drawing = NOT_AGAIN
        yield evolve(finding, drawing=drawing)


def replay(
    exercise: Exercise,
    text: str,
    schedule: str,
    *,
    nursery: Nursery | None = None,
    watchdog: float = WATCHDOG,
) -> tuple[Finding | None, str]:
    """A run of a submission, made by a judge of its own; or else why there is none."""
    asked = Finding("replay", False, "", schedule)
    report = Report([asked.check], nobody_asks, nobody_stops)
    job = {**job_of(exercise, text, None, None), "again": [asdict(asked)]}
    with ExitStack() as stack:
        judges = nursery or stack.enter_context(Nursery(exercise))
        report.read(judges, {**job, "any": True}, watchdog)
    if not report.is_whole or report.complaint is not None or not report.findings:
        return None, report.complaint or report.trouble
    finding = report.findings[0]
    return (finding, "") if finding.drawing else (None, finding.why)


def recording_of(
    exercise: Exercise,
    text: str,
    finding: Finding,
    *,
    nursery: Nursery,
    watchdog: float = WATCHDOG,
) -> Recording:
    """The run that shows a finding, made by a judge and written down step by step.

    So it can be looked at where none of the submission may run.  Raises NoRecording.
    """
    report = Report([], nobody_asks, nobody_stops)
    job = {**job_of(exercise, text, None, None), "record": asdict(finding)}
    report.read(nursery, job, watchdog)
    if not report.is_whole or report.complaint is not None:
        raise NoRecording(report.complaint or report.trouble)
    return from_plain(report.recording)


class Report:
    """What a judging process says, line by line."""

    def __init__(self, checks: Sequence[str], told: Told, unwanted: Unwanted) -> None:
        self.checks = checks  # that it may speak of
        self.told, self.unwanted = told, unwanted
        self.findings: list[Finding] = []
        self.complaint: str | None = None
        self.trouble = "the judge ended before it was done"
        self.contained: dict[str, bool] = {}
        self.recording: object = None  # as it was sent
        self.is_whole = False  # whether the judge was sane to its end

    def read(self, nursery: Nursery, job: dict[str, Any], watchdog: float) -> None:
        """Have a job done, and take in all that is said of it.  Raises Stopped."""
        nonce = secrets.token_hex(16)
        try:
            with nursery.judging({**job, "nonce": nonce}) as reader:
                deadline = time.monotonic() + watchdog
                for line in lines_of(reader, deadline, self.unwanted):
                    self.take(line, nonce)
        except TimeoutError:
            self.is_whole = False
            self.trouble = f"not done after {watchdog:.0f} s, the watchdog's"
        except OSError as error:
            self.is_whole = False
            self.trouble = f"no judge could be had: {error}"

    def take(self, line: bytes, nonce: str) -> None:
        """One line; what is not of the judge's form is nothing."""
        try:
            values = json.loads(line)
            if values.pop("nonce") != nonce:
                return
            finding = finding_of(values["finding"]) if "finding" in values else None
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return
        if finding is not None and finding.check in self.checks:
            self.findings.append(finding)
            self.told(finding)
        self.complaint = words(values.get("complaint")) or self.complaint
        self.trouble = words(values.get("tampered")) or self.trouble
        self.contained = values.get("contained", self.contained)
        self.recording = values.get("recording", self.recording)
        self.is_whole = self.is_whole or "end" in values


def finding_of(values: dict[str, Any]) -> Finding:
    """A finding as it was sent, and nothing in it that it should not have.

    Raises TypeError, LookupError.
    """
    return Finding(
        str(values["check"]),
        values["passed"] is True,
        words(values["why"]) or "",
        words(values.get("schedule")),
        words(values.get("failure")),
        "\n".join(words(line) or "" for line in values.get("drawing", "").split("\n")),
    )


def words(value: object) -> str | None:
    """A text that can only be read, whoever has sent it."""
    if not isinstance(value, str):
        return None
    return "".join(c if c.isprintable() else " " for c in value)


def lines_of(reader: int, deadline: float, unwanted: Unwanted) -> Iterator[bytes]:
    """The lines that come out of a pipe until it is closed, or has given too much.

    Raises TimeoutError, Stopped.
    """
    kept, total = b"", 0
    while total <= LONGEST_REPORT:
        if unwanted():
            raise Stopped
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if not select.select([reader], [], [], min(left, LOOK))[0]:
            continue
        data = os.read(reader, 65_536)
        if not data:
            return
        total += len(data)
        *lines, kept = (kept + data).split(b"\n")
        yield from lines
