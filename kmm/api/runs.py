"""What `run`, `hunt`, `prove` and `replay` return: a run, and what came of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..designs import UnknownName
from ..report.causes import Cause, causes
from ..report.exports import EXPORTS, export
from ..report.oops import oops
from ..report.outcome import answer, as_json, as_text
from ..report.words import Names, describe, function
from ..scenarios.play import Played
from ..sim.failure import Failure
from ..sim.recording import Recording
from . import html
from .errors import plainly
from .moments import Moment
from .table import Table


class Run:
    """A run of a race on a kernel, or a search that found none that fails."""

    def __init__(self, played: Played, *, seed: int = 0, seconds: float = 0.0) -> None:
        self.played = played
        self._seed, self._seconds = seed, seconds

    # What it was, and what came of it.

    @property
    def race(self) -> str:
        return self.played.race.name

    @property
    def kernel(self) -> str:
        return self.played.kernel.text

    @property
    def verdict(self) -> str:
        """`bug`, `proved` or `survived`."""
        return self.played.verdict

    @property
    def answer(self) -> str:
        """The verdict in a sentence, with what it rests on."""
        return answer(self.played)

    @property
    def failure(self) -> Failure | None:
        return self.played.recording.failure if self.played.recording else None

    @property
    def schedule(self) -> str | None:
        """What makes the run again; None if a search found no run that fails."""
        return str(self.played.token) if self.played.token else None

    def json(self) -> dict[str, Any]:
        """What the command prints with --json."""
        found: dict[str, Any] = as_json(
            self.played,
            kernel_name=self.played.kernel.name,
            seed=self._seed,
            seconds=self._seconds,
        )
        return found

    # The run, step by step.

    @property
    def recording(self) -> Recording:
        """Raises ValueError if there is no run."""
        if self.played.recording is None:
            raise ValueError(f"{self.answer}  There is no run to look at; try kmm.run")
        return self.played.recording

    def __len__(self) -> int:
        """The number of its steps."""
        return len(self.recording.steps)

    def __bool__(self) -> bool:
        return True

    @property
    def steps(self) -> Table:
        """Every step: its number, from 1, CPU, thread, function, and what it did."""
        recording, names = self.recording, Names(self.recording)
        rows = [
            {
                "step": step.number + 1,
                "cpu": recording.threads[step.thread].cpu,
                "thread": recording.threads[step.thread].name,
                "function": function(step),
                "does": describe(step, names),
            }
            for step in recording.steps
        ]
        return Table(f"every step of {self.title}", rows, list(rows[0]) if rows else [])

    def moment(self, number: int | None = None) -> Moment:
        """The machine after so many steps; without a number, at the end."""
        last = len(self)
        if number is None:
            number = last if self.played.at is None else self.played.at
        if not 0 <= number <= last:
            raise ValueError(f"the run has {last} steps, so it has no moment {number}")
        return Moment(self.played, self.recording, number)

    def export(
        self,
        form: str,
        file: str | os.PathLike[str] | None = None,
        *,
        moment: int | None = None,
    ) -> str | bytes | None:
        """The run in another program's format (docs/exports.md), or into a file."""
        if form not in EXPORTS:
            raise UnknownName("format", form, list(EXPORTS))
        with plainly():
            contents = export(form, self.played, moment)
        if file is None:
            return contents
        data = contents.encode() if isinstance(contents, str) else contents
        Path(file).write_bytes(data)
        return None

    # How it shows itself.

    @property
    def title(self) -> str:
        return f"{self.race} on {self.kernel}"

    def __repr__(self) -> str:
        end = f", {self.failure.message}" if self.failure else ""
        return f"<kmm run: {self.title}: {self.verdict}{end}>"

    def __str__(self) -> str:
        """The report that the command prints."""
        return as_text(self.played)

    def _repr_html_(self) -> str:
        parts = [
            heading(self),
            html.text(self.played.race.asks, "p"),
            html.element(
                "p", html.verdict(self.verdict), html.text(f": {self.answer}")
            ),
        ]
        recording = self.played.recording
        if recording is not None:
            console = oops(recording, self.played.kernel.name)
            parts.append(html.pre(console) if console else "")
            parts.append(lanes_table(recording))
            parts.append(how_again(self))
        return html.whole(*parts)


def heading(run: Run) -> str:
    answers = run.played.kernel.answers.items()
    told = ", ".join(f"{question}={each.name}" for question, each in answers)
    return html.element("p", html.bold(run.title), html.text(f" ({told})"))


def lanes_table(recording: Recording) -> str:
    """The steps that matter, with a column for each CPU."""
    threads = [recording.threads[index] for index in recording.columns]
    columns = [
        "step",
        *(f"CPU {thread.cpu}: {thread.name}" for thread in threads),
        "locks that matter",
        "place",
    ]
    names = Names(recording)
    rows = [row_of(recording, cause, names) for cause in causes(recording)]
    if recording.failure is not None:
        words = html.bold(recording.failure.message, html.RED)
        names_of = [thread.name for thread in recording.threads]
        failed = recording.failure.thread
        lane = recording.column_of(names_of.index(failed)) if failed in names_of else 0
        rows.append(in_lane(len(threads), lane, "", words, "", ""))
    return html.table(columns, rows)


def row_of(recording: Recording, cause: Cause, names: Names) -> list[str]:
    step = cause.step
    words = html.bold(f"{cause.function}: ") + html.text(describe(step, names))
    where = f"{cause.place.file}:{cause.place.line}" if cause.place else ""
    return in_lane(
        len(recording.columns),
        recording.column_of(step.thread),
        str(step.number + 1),
        words,
        html.text(", ".join(cause.matter)),
        html.text(where),
    )


def in_lane(
    lanes: int, lane: int, number: str, words: str, locks: str, where: str
) -> list[str]:
    cells = [words if each == lane else "" for each in range(lanes)]
    return [number, *cells, locks, where]


def how_again(run: Run) -> str:
    counted = f"{len(run)} steps.  The same run again: "
    again = html.text(f"kmm replay {run.schedule}", "code", "overflow-wrap:anywhere")
    return html.element("p", html.text(counted), again)
