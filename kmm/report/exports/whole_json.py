"""The whole recording as one JSON object: every step, and the state after each."""

from __future__ import annotations

import json
from typing import Any, cast

import attrs

from ...sim.recording import Step
from ..outcome import failure_json
from ..words import describe, kernel_trace
from .run import ExportedRun


def json_object(run: ExportedRun) -> str:
    """Steps are numbered from 1, as everywhere outside.

    So `states[number]` is the state after one; `states[0]` is where the run began.
    """
    recording = run.recording
    whole = {
        "schedule": str(run.played.token),
        "threads": [attrs.asdict(thread) for thread in recording.threads],
        "steps": [step_json(run, step) for step in recording.steps],
        "states": [state_json(moment.state) for moment in recording.moments],
        "failure": failure_json(recording.failure),
    }
    return json.dumps(whole, indent=1) + "\n"


def step_json(run: ExportedRun, step: Step) -> dict[str, Any]:
    return {
        "number": step.number + 1,
        "thread": step.thread,
        "cpu": run.recording.threads[step.thread].cpu,
        "kind": step.kind,
        "object": step.target,
        "also": step.also,
        "label": run.names.label(step),
        "before": step.before,
        "after": step.after,
        "does": describe(step, run.names),
        "trace": [str(place) for place in kernel_trace(step.trace)],
        "held": run.recording.moments[step.number + 1].held,
    }


def state_json(state: object) -> object:
    if not attrs.has(type(state)):
        return state
    # `has` tells a type checker about the class, and not about its instance.
    return attrs.asdict(cast("attrs.AttrsInstance", state))
