"""A recorded run in other programs' formats.

Called by `kmm replay --export`.  Each function takes a run that was recorded, and makes
the text of a file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import cast

import attrs

from ..scenarios.play import Played
from ..sim.recording import Recording, Step
from .causes import steps_that_matter
from .interleaving import lanes
from .oops import oops
from .outcome import failure_json
from .words import Names, describe, function, kernel_trace


def step_lines(recording: Recording) -> list[str]:
    """Every step on a line of its own: number from 1, CPU, function, what it did."""
    names = Names(recording)
    lines = []
    for step in recording.steps:
        cpu = recording.threads[step.thread].cpu
        where = f"{function(step)}()"
        lines.append(
            f"{step.number + 1:4}  CPU {cpu}  {where:27} {describe(step, names)}"
        )
    return lines


def export_json(played: Played) -> str:
    """The whole recording: every step, and the state of the machine after it.

    Steps are numbered from 1, as everywhere outside, so `states[number]` is the state
    after one; `states[0]` is where the run began.
    """
    recording = played.recording
    assert recording is not None
    names = Names(recording)
    steps = [
        {
            "number": step.number + 1,
            "thread": step.thread,
            "cpu": recording.threads[step.thread].cpu,
            "kind": step.kind,
            "object": step.target,
            "also": step.also,
            "label": names.label(step),
            "before": step.before,
            "after": step.after,
            "does": describe(step, names),
            "trace": [str(place) for place in kernel_trace(step.trace)],
            "held": recording.moments[step.number + 1].held,
        }
        for step in recording.steps
    ]
    whole = {
        "schedule": str(played.token),
        "threads": [attrs.asdict(thread) for thread in recording.threads],
        "steps": steps,
        "states": [state_json(moment.state) for moment in recording.moments],
        "failure": failure_json(recording.failure),
    }
    return json.dumps(whole, indent=1) + "\n"


def state_json(state: object) -> object:
    if not attrs.has(type(state)):
        return state
    # `has` tells a type checker about the class, and not about its instance.
    return attrs.asdict(cast("attrs.AttrsInstance", state))


def export_mermaid(played: Played) -> str:
    """A sequence diagram of the steps that matter; each CPU is a participant."""
    recording = played.recording
    assert recording is not None
    names = Names(recording)
    lines = ["sequenceDiagram"]
    for index in recording.columns:
        thread = recording.threads[index]
        lines.append(f"  participant T{index} as CPU {thread.cpu} {thread.comm}")
    for step in steps_that_matter(recording):
        text = f"{function(step)}(): {describe(step, names)}".replace("#", "#35;")
        lines.append(f"  Note over T{participant(recording, step)}: {text}")
    if recording.failure is not None:
        last = participant(recording, recording.steps[-1])
        lines.append(f"  Note over T{last}: {recording.failure.message}")
    return "\n".join(lines) + "\n"


def participant(recording: Recording, step: Step) -> int:
    """The thread under whose name a step is drawn."""
    return recording.columns[recording.column_of(step.thread)]


def export_perfetto(played: Played) -> str:
    """Trace events for ui.perfetto.dev; a step lasts one microsecond."""
    recording = played.recording
    assert recording is not None
    names = Names(recording)
    events: list[dict[str, object]] = [
        {
            "ph": "M",
            "name": "thread_name",
            "pid": 1,
            "tid": thread.cpu,
            "args": {"name": f"CPU {thread.cpu}: {thread.name}"},
        }
        for thread in (recording.threads[index] for index in recording.columns)
    ]
    events += [
        {
            "ph": "X",
            "name": function(step),
            "ts": step.number,
            "dur": 1,
            "pid": 1,
            "tid": recording.threads[step.thread].cpu,
            "args": {"does": describe(step, names), "step": step.number + 1},
        }
        for step in recording.steps
    ]
    return json.dumps({"traceEvents": events}) + "\n"


def export_text(played: Played) -> str:
    """The oops and the drawing."""
    recording = played.recording
    assert recording is not None
    console = oops(recording, played.kernel.name)
    drawing = "\n".join(lanes(recording))
    return f"{console}\n\n{drawing}\n" if console else f"{drawing}\n"


EXPORTS: Mapping[str, Callable[[Played], str]] = {
    "json": export_json,
    "mermaid": export_mermaid,
    "perfetto": export_perfetto,
    "text": export_text,
}
