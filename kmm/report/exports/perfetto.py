"""Trace events for https://ui.perfetto.dev and chrome://tracing.

The format is Chrome's "Trace Event Format", as JSON.  Every thread has a track with the
functions that it is in, and in the innermost what each step does; every lock has one
with who held it.  Arrows lead from the step that let a waiting thread go on to that
thread's next.  What changed in memory is an instant, and so is the BUG.

A run that was explored has no time: a step lasts one microsecond, and step n (counted
from 1) begins at n - 1.  A timed run has its own time, and its steps last as long as
they cost; what kmm has not written down of it (who could not go on, and memory) is left
out.  The file is made by `trace_of`, which is also called by `kmm stress`.
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
from ..words import Names, describe, kernel_trace
from .run import ExportedRun
from .wakeups import wakeups

Event = dict[str, Any]

CPUS, LOCKS = 1, 2  # the two groups of tracks, which the format calls processes
FIRST_LOCK = 1001  # the number of the first lock's track
INSIDE = 0.5  # where in a step an arrow begins or ends


def perfetto_trace(run: ExportedRun) -> str:
    recording = run.recording
    clock = stepwise(len(recording.steps))
    events = [*slices(recording, clock), *arrows(recording), *instants(run)]
    return written(recording, run.title, events)


def trace_of(recording: Recording, title: str, mhz: int) -> str:
    """Of a timed run, whose CPUs have so many cycles in a microsecond."""
    return written(recording, title, list(slices(recording, timed(recording, mhz))))


def written(recording: Recording, title: str, events: list[Event]) -> str:
    """What lasts longer comes first of what begins at once, as slices nest."""
    ordered = sorted(events, key=lambda event: float(event["ts"]))
    whole = {
        "traceEvents": [*track_names(recording, title), *ordered],
        "displayTimeUnit": "ns",
    }
    return json.dumps(whole) + "\n"


@frozen
class Clock:
    """When steps begin and end, in microseconds, and one more after the last."""

    begins: tuple[float, ...]
    ends: tuple[float, ...]


def stepwise(steps: int) -> Clock:
    return Clock(tuple(range(steps + 1)), tuple(range(1, steps + 2)))


def timed(recording: Recording, mhz: int) -> Clock:
    start = recording.times[0][0] if recording.times else 0
    begins = [(at - start) / mhz for at, _ in recording.times]
    ends = [(at + cost - start) / mhz for at, cost in recording.times]
    end = max(ends, default=0.0)
    return Clock((*begins, end), (*ends, end))


def slices(recording: Recording, clock: Clock) -> Iterator[Event]:
    for thread in threads_shown(recording):
        yield from thread_slices(recording, clock, thread)
    yield from lock_slices(recording, clock)


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


def track_names(recording: Recording, title: str) -> Iterator[Event]:
    yield named("process_name", CPUS, 0, f"kmm: {title}")
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
    process: int, track: int, name: str, begin: float, end: float, **details: object
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


def thread_slices(recording: Recording, clock: Clock, thread: int) -> Iterator[Event]:
    track = track_of(thread)
    for call in calls(recording, thread):
        where = f"{call.place.file}:{call.place.line}"
        span = clock.begins[call.first], clock.ends[call.last]
        yield slice_event(CPUS, track, call.place.function, *span, where=where)
    names = Names(recording)
    for step in recording.steps:
        if step.thread == thread:
            yield step_slice(recording, clock, step, names)
    for what, first, last in waits(recording, thread):
        span = clock.begins[first], clock.ends[last]
        yield slice_event(CPUS, track, f"waits for {what}", *span)


def step_slice(recording: Recording, clock: Clock, step: Step, names: Names) -> Event:
    held = recording.moments[step.number].held[step.thread]
    return slice_event(
        CPUS,
        track_of(step.thread),
        describe(step, names),
        clock.begins[step.number],
        clock.ends[step.number],
        step=step.number + 1,
        held=", ".join(held) or "none",
    )


def calls(recording: Recording, thread: int) -> list[Call]:
    """The calls of a thread, the outer before the inner."""
    found: list[Call] = []
    open_calls: list[tuple[Place, int]] = []  # and where it was first seen
    last = 0
    for moment, stack in stacks(recording, thread):
        same = going_on([place for place, _ in open_calls], stack)
        found += closed(open_calls, same, last)
        kept = zip(stack, open_calls[:same], strict=False)
        open_calls = [(place, first) for place, (_, first) in kept]
        open_calls += [(place, moment) for place in stack[same:]]
        last = moment
    found += closed(open_calls, 0, last)
    return sorted(found, key=lambda call: (call.first, call.depth))


def stacks(
    recording: Recording, thread: int
) -> Iterator[tuple[int, tuple[Place, ...]]]:
    """Where a thread stands, moment by moment; of a timed run, at its own steps."""
    if recording.times:
        own = (step for step in recording.steps if step.thread == thread)
        yield from ((step.number, stack_of(step.trace)) for step in own)
    else:
        for moment, now in enumerate(recording.moments):
            yield moment, stack_of(now.standing[thread])


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


def lock_slices(recording: Recording, clock: Clock) -> Iterator[Event]:
    for track, lane in enumerate(lock_lanes(recording), start=FIRST_LOCK):
        for hold in lane:
            name = f"CPU {hold.cpu}: {recording.threads[hold.thread].name}"
            span = clock.begins[hold.first], clock.ends[hold.last]
            yield slice_event(LOCKS, track, name, *span)


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
