"""A run step by step: a line each, for `kmm replay --step`."""

from __future__ import annotations

from ..sim.recording import Recording
from .words import Names, describe, function


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
