"""Trace events for https://ui.perfetto.dev and chrome://tracing.

The format is Chrome's "Trace Event Format", as JSON.  Every thread has a track with the
functions that it is in, and in the innermost what each step does; every lock has one
with who held it.  Arrows lead from the step that let a waiting thread go on to that
thread's next.  What changed in memory is an instant, and so is the BUG.

A run that was explored has no time: a step lasts one microsecond, and step n (counted
from 1) begins at n - 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from attrs import frozen

from ...sim.recording import Recording, Step
from ...sim.thread import Place
from ..outline import Hold, outline_of
from ..words import describe, kernel_trace
from .run import ExportedRun
from .wakeups import wakeups

Event = dict[str, Any]

CPUS, LOCKS = 1, 2  # the two groups of tracks, which the format calls processes
FIRST_LOCK = 1001  # the number of the first lock's track
INSIDE = 0.5  # where in a step an arrow begins or ends


def perfetto_trace(run: ExportedRun) -> str:
    events = sorted(timed_events(run), key=lambda event: float(event["ts"]))
    whole = {
        "traceEvents": [*track_names(run), *events],
        "displayTimeUnit": "ns",
        "otherData": {"schedule": str(run.played.token)},
    }
    return json.dumps(whole) + "\n"


def timed_events(run: ExportedRun) -> Iterator[Event]:
    """What lasts longer comes first of what begins at once, as slices nest."""
    for thread in threads_shown(run.recording):
        yield from thread_slices(run, thread)
    yield from lock_slices(run.recording)
    yield from arrows(run.recording)
    yield from instants(run)


def threads_shown(recording: Recording) -> list[int]:
    """All but those that answer interrupts and were never asked to."""
    busy = {step.thread for step in recording.steps}
    return [
        index
        for index, thread in enumerate(recording.threads)
        if not thread.daemon or index in busy
    ]


# Tracks.


def track_of(thread: int) -> int:
    return thread + 1  # to Perfetto, thread 0 is an idle CPU


def track_names(run: ExportedRun) -> Iterator[Event]:
    recording = run.recording
    yield named("process_name", CPUS, 0, f"kmm: {run.title}")
    for index in threads_shown(recording):
        thread = recording.threads[index]
        name = f"CPU {thread.cpu}: {thread.name}"
        yield named("thread_name", CPUS, track_of(index), name)
        yield ordered(CPUS, track_of(index))
    lanes = lock_lanes(recording)
    if lanes:
        yield named("process_name", LOCKS, 0, "locks: who held them")
    for track, lane in enumerate(lanes, start=FIRST_LOCK):
        yield named("thread_name", LOCKS, track, lane[0].lock)
        yield ordered(LOCKS, track)


def named(what: str, process: int, track: int, name: str) -> Event:
    return metadata(what, process, track, {"name": name})


def ordered(process: int, track: int) -> Event:
    return metadata("thread_sort_index", process, track, {"sort_index": track})


def metadata(what: str, process: int, track: int, values: Event) -> Event:
    return {"ph": "M", "name": what, "pid": process, "tid": track, "args": values}


def slice_event(
    process: int, track: int, name: str, begin: int, end: int, **details: object
) -> Event:
    return {
        "ph": "X",
        "name": name,
        "ts": begin,
        "dur": end - begin,
        "pid": process,
        "tid": track,
        "args": details,
    }


# What each thread does.


@frozen
class Call:
    """A function that a thread was in, from one moment to another, both included."""

    place: Place
    depth: int  # 0 is the outermost
    first: int
    last: int


def thread_slices(run: ExportedRun, thread: int) -> Iterator[Event]:
    track = track_of(thread)
    for call in calls(run.recording, thread):
        where = f"{call.place.file}:{call.place.line}"
        name = call.place.function
        yield slice_event(CPUS, track, name, call.first, call.last + 1, where=where)
    for step in run.recording.steps:
        if step.thread == thread:
            yield step_slice(run, step)
    for what, first, last in waits(run.recording, thread):
        yield slice_event(CPUS, track, f"waits for {what}", first, last + 1)


def step_slice(run: ExportedRun, step: Step) -> Event:
    held = run.recording.moments[step.number].held[step.thread]
    return slice_event(
        CPUS,
        track_of(step.thread),
        describe(step, run.names),
        step.number,
        step.number + 1,
        step=step.number + 1,
        held=", ".join(held) or "none",
    )


def calls(recording: Recording, thread: int) -> list[Call]:
    """The calls of a thread, the outer before the inner."""
    found: list[Call] = []
    open_calls: list[tuple[Place, int]] = []  # and the moment that it was first seen
    for moment, now in enumerate(recording.moments):
        stack = stack_of(now.standing[thread]) if now.standing else ()
        same = going_on([place for place, _ in open_calls], stack)
        found += closed(open_calls, same, moment - 1)
        kept = zip(stack, open_calls[:same], strict=False)
        open_calls = [(place, first) for place, (_, first) in kept]
        open_calls += [(place, moment) for place in stack[same:]]
    found += closed(open_calls, 0, len(recording.steps))
    return sorted(found, key=lambda call: (call.first, call.depth))


def stack_of(standing: tuple[Place, ...]) -> tuple[Place, ...]:
    return tuple(reversed(kernel_trace(standing)))


def going_on(before: Sequence[Place], now: Sequence[Place]) -> int:
    """How many calls of a stack are the same ones as a moment ago.

    A function whose caller has gone on to another line has been called anew.
    """
    pairs = list(zip(before, now, strict=False))
    alike = list(takewhile(lambda pair: pair[0] == pair[1], pairs))
    at_the_edge = pairs[len(alike) : len(alike) + 1]
    moved = [pair for pair in at_the_edge if is_same_function(*pair)]
    return len(alike) + len(moved)


def is_same_function(one: Place, other: Place) -> bool:
    return (one.function, one.file) == (other.function, other.file)


def closed(
    open_calls: Sequence[tuple[Place, int]], depth: int, last: int
) -> Iterator[Call]:
    for number, (place, first) in enumerate(open_calls[depth:], start=depth):
        yield Call(place, number, first, last)


def waits(recording: Recording, thread: int) -> Iterator[tuple[str, int, int]]:
    """What a thread waits for, and the first and the last moment at which it does."""
    begun: tuple[str, int] | None = None
    for moment, now in enumerate(recording.moments):
        is_blocked = bool(now.blocked) and now.blocked[thread]
        what = str(now.about_to[thread]).partition(" ")[2] if is_blocked else None
        if begun is not None and what != begun[0]:
            yield (*begun, moment - 1)
            begun = None
        if what is not None and begun is None:
            begun = (what, moment)
    if begun is not None:
        yield (*begun, len(recording.steps))


# Locks.


def lock_lanes(recording: Recording) -> list[list[Hold]]:
    """The holds of each lock, in the order in which locks are first taken.

    A lock that several held at once has a track for each of them.
    """
    outline = outline_of(recording)
    found: list[list[Hold]] = []
    for lock in outline.locks:
        lanes: list[list[Hold]] = []
        holds = [hold for hold in outline.holds if hold.lock == lock]
        for hold in sorted(holds, key=lambda hold: (hold.first, hold.thread)):
            free = [lane for lane in lanes if lane[-1].last < hold.first]
            (free[0] if free else appended(lanes)).append(hold)
        found += lanes
    return found


def appended(lanes: list[list[Hold]]) -> list[Hold]:
    lanes.append([])
    return lanes[-1]


def lock_slices(recording: Recording) -> Iterator[Event]:
    for track, lane in enumerate(lock_lanes(recording), start=FIRST_LOCK):
        for hold in lane:
            name = f"CPU {hold.cpu}: {recording.threads[hold.thread].name}"
            yield slice_event(LOCKS, track, name, hold.first, hold.last + 1)


# Arrows and instants.


def arrows(recording: Recording) -> Iterator[Event]:
    for number, wakeup in enumerate(wakeups(recording), start=1):
        if wakeup.goes_on is None:
            continue
        common = {"name": "lets go on", "cat": "wakeup", "id": number, "pid": CPUS}
        source = recording.steps[wakeup.step]
        begin, end = wakeup.step + INSIDE, wakeup.goes_on + INSIDE
        yield {"ph": "s", "ts": begin, "tid": track_of(source.thread), **common}
        target = track_of(wakeup.thread)
        yield {"ph": "f", "bp": "e", "ts": end, "tid": target, **common}


def instants(run: ExportedRun) -> Iterator[Event]:
    for step in run.recording.steps:
        for change in run.changes(step):
            yield instant(str(change), step.number + INSIDE, track_of(step.thread), "t")
    failure = run.recording.failure
    if failure is not None:
        names = [thread.name for thread in run.recording.threads]
        track = names.index(failure.thread) if failure.thread in names else 0
        end = len(run.recording.steps)
        yield instant(failure.message, end, track_of(track), "g")


def instant(name: str, ts: float, track: int, scope: str) -> Event:
    return {
        "ph": "i",
        "name": name,
        "ts": ts,
        "s": scope,
        "pid": CPUS,
        "tid": track,
    }
