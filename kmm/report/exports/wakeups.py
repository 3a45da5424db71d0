"""Who let whom go on: the steps after which a thread need wait no longer.

Used by `perfetto`, as arrows from CPU to CPU, and by `mermaid` and `json_lines`.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from ...sim.recording import Recording


@frozen
class Wakeup:
    """A step made it possible for another thread to go on."""

    step: int  # the number of the step that did so, from 0
    thread: int  # who could not go on before it, and can after
    goes_on: int | None  # the number of that thread's next step; None if none came
    what: str  # what it waited for


def wakeups(recording: Recording) -> Iterator[Wakeup]:
    """In order.  A thread that the step itself belongs to is none."""
    for step, before, after in zip(
        recording.steps, recording.moments, recording.moments[1:], strict=False
    ):
        for thread in after.able:
            waited = before.about_to[thread : thread + 1]
            if thread in before.able or thread == step.thread or not any(waited):
                continue
            what = str(waited[0]).partition(" ")[2]
            yield Wakeup(
                step.number, thread, next_step(recording, thread, step.number), what
            )


def next_step(recording: Recording, thread: int, after: int) -> int | None:
    """The next step of a thread, unless somebody comes before it and it waits again."""
    for step in recording.steps[after + 1 :]:
        if thread not in recording.moments[step.number].able:
            return None
        if step.thread == thread:
            return step.number
    return None
