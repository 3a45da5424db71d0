"""Where to stop: breakpoints, and the last step that changed something.

A recording holds every moment, so to run to a breakpoint is to look for one.  Used by
`session`.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from ..report.changes import Change
from ..report.words import Names, function, kernel_trace
from ..sim.recording import Recording, Step

EVENTS = {
    "lock": "a lock is taken or given back",
    "wait": "somebody has waited, and goes on",
    "switch": "another CPU goes on",
    "loud": "a VMA, an entry, or a page's lock changes",
}
LOCKING = ("acquire", "share", "release", "unshare", "try")


@frozen
class Stop:
    """A reason to stop at a moment."""

    kind: str  # "line", "function", "object" or "event"
    what: str  # file:line, a function, the name of an object, or a key of EVENTS

    @property
    def text(self) -> str:
        if self.kind == "event":
            return f"whenever {EVENTS[self.what]}"
        if self.kind == "object":
            return f"whenever {self.what} is touched or changed"
        return f"at every step in {self.what}"


@frozen
class Taken:
    """A step, with what stops need to know of it."""

    step: Step
    label: str  # of its object
    changes: tuple[Change, ...]
    is_switch: bool


def taken(
    recording: Recording, names: Names, moment: int, changes: list[Change]
) -> Taken:
    """The step that led to a moment, which is not the first."""
    steps = recording.steps
    step = steps[moment - 1]
    is_switch = moment > 1 and steps[moment - 2].thread != step.thread
    return Taken(step, names.label(step), tuple(changes), is_switch)


def stops_at(stop: Stop, taken: Taken) -> bool:
    step = taken.step
    match stop.kind:
        case "event":
            return is_event(stop.what, taken)
        case "object":
            return taken.label == stop.what or any(
                stop.what in (change.name, change.what) for change in taken.changes
            )
        case "function":
            return function(step) == stop.what
    return any(f"{p.file}:{p.line}" == stop.what for p in kernel_trace(step.trace)[:1])


def is_event(event: str, taken: Taken) -> bool:
    match event:
        case "lock":
            return taken.step.kind in LOCKING
        case "wait":
            return taken.step.kind == "wait"
        case "switch":
            return taken.is_switch
    return any(change.is_loud for change in taken.changes)


def offered(taken: Taken) -> Iterator[Stop]:
    """What one may want to stop at again, where this step was taken."""
    place = kernel_trace(taken.step.trace)[:1]
    for where in place:
        yield Stop("line", f"{where.file}:{where.line}")
        yield Stop("function", where.function)
    yield Stop("object", taken.label)
    for change in taken.changes:
        if change.name != taken.label:
            yield Stop("object", change.name)
