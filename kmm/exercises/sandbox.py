"""Starts the process that judges, and believes what comes of it as far as it may.

This process never runs a line of a submission, and never reads it as Python.  It hands
it over, and waits for a report on a pipe: no output of the other process counts, and no
file and no exit code of it either.  Clocks have one part here: who is not done when the
watchdog comes has failed.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, field, frozen

from .exercise import OF_CODE, Exercise, Finding

WATCHDOG = 120.0  # seconds
LONGEST_REPORT = 4_000_000  # bytes
ROOT = Path(__file__).parents[2]  # where the package is
START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from kmm.exercises.judge import main; main()"
)
OnFinding = Callable[[Finding], None]


@frozen
class Judgement:
    """What became of a submission."""

    findings: tuple[Finding, ...] = ()
    complaint: str | None = None  # why it could not be judged at all
    contained: dict[str, bool] = field(factory=dict)  # which limits could be set


def nobody_asks(_: Finding) -> None:
    """The usual `told`."""


def judge(
    exercise: Exercise,
    text: str,
    *,
    seed: int | None = None,
    hidden: Path | None = None,
    told: OnFinding = nobody_asks,
    watchdog: float = WATCHDOG,
) -> Judgement:
    """Have a submission judged.  `told` is called for each finding as it is made.

    Failing runs are made again by a second process, which draws them.
    """
    found = Report(told)
    job = job_of(exercise, text, seed, hidden)
    found.read(job, watchdog)
    if not found.is_whole:
        return Judgement((), found.complaint or found.trouble, found.contained)
    findings = tuple(found.findings)
    if exercise.kind in (*OF_CODE, "litmus"):
        findings = tuple(run_again(findings, job, watchdog))
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
    }


def run_again(
    findings: tuple[Finding, ...], job: dict[str, Any], watchdog: float
) -> Iterator[Finding]:
    """The same findings; those with a run have a drawing of it, if that can be had."""
    failing = [one for one in findings if one.schedule is not None]
    drawings: dict[str, str] = {}
    if failing:
        second = Report(nobody_asks)
        second.read({**job, "again": [asdict(one) for one in failing]}, watchdog)
        drawings = {one.check: one.drawing for one in second.findings}
    for finding in findings:
        drawing = drawings.get(finding.check, "")
        if finding.schedule is not None and not drawing:
            drawing = "(A second process could not make this run again.)"
        yield evolve(finding, drawing=drawing)


def replay(
    exercise: Exercise, text: str, schedule: str, watchdog: float = WATCHDOG
) -> tuple[Finding | None, str]:
    """A run of a submission, made by a judge of its own; or else why there is none."""
    asked = Finding("replay", False, "", schedule)
    report = Report(nobody_asks)
    job = {**job_of(exercise, text, None, None), "again": [asdict(asked)]}
    report.read({**job, "any": True}, watchdog)
    if not report.is_whole or report.complaint is not None:
        return None, report.complaint or report.trouble
    (finding,) = report.findings
    return (finding, "") if finding.drawing else (None, finding.why)


class Report:
    """What a judging process says, line by line."""

    def __init__(self, told: OnFinding) -> None:
        self.told = told
        self.findings: list[Finding] = []
        self.complaint: str | None = None
        self.trouble = "the judge ended before it was done"
        self.contained: dict[str, bool] = {}
        self.is_whole = False  # whether the judge was sane to its end

    def read(self, job: dict[str, Any], watchdog: float) -> None:
        nonce = secrets.token_hex(16)
        reader, writer = os.pipe()
        with tempfile.TemporaryDirectory(prefix="kmm-") as nowhere:
            process = start(nowhere, writer)
            os.close(writer)
            try:
                hand_over(process, {**job, "nonce": nonce, "pipe": writer})
                for line in lines_of(reader, time.monotonic() + watchdog):
                    self.take(line, nonce)
            except TimeoutError:
                self.is_whole = False
                self.trouble = f"not done after {watchdog:.0f} s, the watchdog's"
            finally:
                os.close(reader)
                end(process)

    def take(self, line: bytes, nonce: str) -> None:
        """One line; what is not of the judge's form is nothing."""
        try:
            values = json.loads(line)
            if values.pop("nonce") != nonce:
                return
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return
        if "finding" in values:
            self.findings.append(Finding(**values["finding"]))
            self.told(self.findings[-1])
        self.complaint = values.get("complaint", self.complaint)
        self.trouble = values.get("tampered", self.trouble)
        self.contained = values.get("contained", self.contained)
        self.is_whole = self.is_whole or "end" in values


def start(folder: str, writer: int) -> subprocess.Popen[bytes]:
    """A Python of its own, with no environment of ours, in a folder with nothing in it.

    It has a process group of its own, so that all of it can be ended.
    """
    return subprocess.Popen(  # noqa: S603 - this Python, and our own words
        [sys.executable, "-E", "-P", "-c", START, str(ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(writer,),
        cwd=folder,
        env={"HOME": folder, "PATH": os.defpath, "LANG": "C.UTF-8"},
        start_new_session=True,
    )


def hand_over(process: subprocess.Popen[bytes], job: dict[str, Any]) -> None:
    assert process.stdin is not None
    try:
        with process.stdin as pipe:
            pipe.write(json.dumps(job).encode())
    except BrokenPipeError:
        return  # it has ended; its report says so


def lines_of(reader: int, deadline: float) -> Iterator[bytes]:
    """The lines that come out of a pipe until it is closed, or has given too much.

    Raises TimeoutError.
    """
    kept, total = b"", 0
    while total <= LONGEST_REPORT:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            raise TimeoutError
        data = os.read(reader, 65_536)
        if not data:
            return
        total += len(data)
        *lines, kept = (kept + data).split(b"\n")
        yield from lines


def end(process: subprocess.Popen[bytes]) -> None:
    """End it and what it has started, whatever they are doing."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()
