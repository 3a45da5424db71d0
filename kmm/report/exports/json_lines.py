"""The run as events, a JSON object a line: for jq, pandas, a log shipper, a pipe.

The first line is the run (`"event": "run"`), the last how it ended (`"end"`).  Between
them is a line for each step, with what it changed in memory; states are left out, so
that a line is short (`whole_json` has them).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs

from ...sim.recording import Step
from ..outcome import failure_json
from .run import ExportedRun
from .wakeups import wakeups
from .whole_json import step_json


def json_events(run: ExportedRun) -> str:
    return "".join(json.dumps(event) + "\n" for event in events(run))


def events(run: ExportedRun) -> Iterator[dict[str, Any]]:
    played, recording = run.played, run.recording
    yield {
        "event": "run",
        "race": played.race.name,
        "kernel": played.kernel.text,
        "schedule": str(played.token),
        "threads": [attrs.asdict(thread) for thread in recording.threads],
    }
    woken: dict[int, list[int]] = {}
    for wakeup in wakeups(recording):
        woken.setdefault(wakeup.step, []).append(wakeup.thread)
    for step in recording.steps:
        yield {**step_event(run, step), "wakes": woken.get(step.number, [])}
    yield {
        "event": "end",
        "steps": len(recording.steps),
        "verdict": played.verdict,
        "failure": failure_json(recording.failure),
    }


def step_event(run: ExportedRun, step: Step) -> dict[str, Any]:
    whole = step_json(run, step)
    whole["held"] = whole["held"][step.thread]  # of the thread that took the step
    changes = [
        {"what": change.what, "before": change.before, "after": change.after}
        for change in run.changes(step)
    ]
    return {"event": "step", **whole, "changes": changes}
