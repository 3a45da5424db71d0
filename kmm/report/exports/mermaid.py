"""A Mermaid sequence diagram: for a README, a wiki, or https://mermaid.live.

https://mermaid.js.org/syntax/sequenceDiagram.html.  Each CPU is a participant, each
step that matters a note at its lane, and each hand-over of what another CPU waited for
an arrow.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...sim.recording import Recording, Step
from ..causes import steps_that_matter
from ..words import describe, function
from .run import ExportedRun
from .wakeups import Wakeup, wakeups

# What would end a line early, or be taken for HTML, as Mermaid writes it.
ESCAPED = {"#": "#35;", ";": "#59;", "<": "#60;", "&": "#38;", "\n": " ", "\r": " "}


def mermaid_diagram(run: ExportedRun) -> str:
    recording = run.recording
    lines = ["sequenceDiagram"]
    for index in recording.columns:
        thread = recording.threads[index]
        name = escaped(f"CPU {thread.cpu} {thread.comm}")
        lines.append(f"  participant T{index} as {name}")
    lines += happenings(run)
    if recording.failure is not None:
        names = [thread.name for thread in recording.threads]
        failed = recording.failure.thread
        where = lanes_of(recording, names.index(failed) if failed in names else None)
        lines.append(f"  Note over {where}: {escaped(recording.failure.message)}")
    return "\n".join(lines) + "\n"


def happenings(run: ExportedRun) -> Iterator[str]:
    """Notes and arrows, in the order of the steps."""
    recording = run.recording
    wanted = {step.number for step in steps_that_matter(recording)}
    woken: dict[int, list[Wakeup]] = {}
    for wakeup in wakeups(recording):
        woken.setdefault(wakeup.step, []).append(wakeup)
    for step in recording.steps:
        if step.number in wanted:
            text = f"{step.number + 1} {function(step)}(): {describe(step, run.names)}"
            yield f"  Note over T{participant(recording, step)}: {escaped(text)}"
        for wakeup in woken.get(step.number, []):
            yield from arrow(run, step, wakeup)


def arrow(run: ExportedRun, step: Step, wakeup: Wakeup) -> Iterator[str]:
    """From who gave something back to who waited for it, if those have two lanes."""
    recording = run.recording
    source = participant(recording, step)
    target = recording.columns[recording.column_of(wakeup.thread)]
    if source != target and wakeup.goes_on is not None:
        text = escaped(f"{step.number + 1} {describe(step, run.names)}")
        yield f"  T{source}-)T{target}: {text}"


def participant(recording: Recording, step: Step) -> int:
    """The thread under whose name a step is drawn."""
    return recording.columns[recording.column_of(step.thread)]


def lanes_of(recording: Recording, thread: int | None) -> str:
    """The lane of a thread; all of them, if it is nobody's."""
    columns = recording.columns
    if thread is not None:
        return f"T{columns[recording.column_of(thread)]}"
    return ",".join(dict.fromkeys((f"T{columns[0]}", f"T{columns[-1]}")))


def escaped(text: str) -> str:
    return "".join(ESCAPED.get(letter, letter) for letter in text)
