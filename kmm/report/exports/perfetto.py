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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from ...sim.recording import Recording, Step
from ...sim.thread import Place
from ..outline import Hold, outline_of
from ..words import Names, describe
from .calls import calls
from .run import ExportedRun
from .wakeups import wakeups

Event = dict[str, Any]

CPUS, LOCKS = 1, 2  # the two groups of tracks, which the format calls processes
FIRST_LOCK = 1001  # the number of the first lock's track
INSIDE = 0.5  # where in a step an arrow begins or ends
NO_DETAILS: Mapping[str, object] = {}


def perfetto_trace(run: ExportedRun) -> str:
    recording = run.recording
    clock = stepwise(len(recording.steps))
    events = [*slices(recording, clock), *arrows(recording), *instants(run)]
    return written(recording, run.title, events)


def trace_of(recording: Recording, title: str, mhz: int) -> str:
    """Of a timed run, whose CPUs have so many cycles in a microsecond."""
    return written(recording, title, list(slices(recording, timed(recording, mhz))))


def written(recording: Recording, title: str, events: list[Event]) -> str:
    """By time; on each track, what is of the same time stays in order."""
    ordered = sorted(events, key=lambda event: float(event["ts"]))
    whole = {
        "traceEvents": [*track_names(recording, title), *ordered],
        "displayTimeUnit": "ns",
    }
    return json.dumps(whole) + "\n"


@frozen
class Clock:
    """When things are, in microseconds."""

    begins: tuple[float, ...]  # of steps, and one that would come after the last
    ends: tuple[float, ...]
    moments: tuple[float, ...]  # of moments, and one that would come after the last


def stepwise(steps: int) -> Clock:
    count = range(steps + 2)
    return Clock(tuple(count[:-1]), tuple(count[1:]), tuple(count))


def timed(recording: Recording, mhz: int) -> Clock:
    """A step that costs nothing lasts a cycle, and the next of its thread waits."""
    start = recording.times[0][0] if recording.times else 0
    begins, ends = [], []
    free: dict[int, int] = {}  # when the last step of a thread is over
    for step, (at, cost) in zip(recording.steps, recording.times, strict=True):
        begin = max(at - start, free.get(step.thread, 0))
        free[step.thread] = begin + max(cost, 1)
        begins.append(begin / mhz)
        ends.append(free[step.thread] / mhz)
    end = max(ends, default=0.0)
    moments = [(at - start) / mhz for at, _ in recording.times]
    return Clock((*begins, end), (*ends, end), (*moments, end, end))


def slices(recording: Recording, clock: Clock) -> Iterator[Event]:
    for thread in threads_shown(recording):
        found = sorted(thread_slices(recording, clock, thread), key=outer_first)
        yield from laid(CPUS, track_of(thread), found)
    for track, lane in enumerate(lock_lanes(recording), start=FIRST_LOCK):
        yield from laid(LOCKS, track, lock_slices(recording, clock, lane))


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


@frozen
class Slice:
    """Something that lasts."""

    name: str
    begin: float
    end: float
    details: Mapping[str, object] = NO_DETAILS


def outer_first(one: Slice) -> tuple[float, float]:
    return one.begin, -one.end


def laid(process: int, track: int, found: Iterable[Slice]) -> Iterator[Event]:
    """Slices on a track, which lie in each other or apart, by how they begin and end.

    Of those that begin at once, the outer comes first.
    """
    open_ones: list[Slice] = []
    for one in found:
        while open_ones and open_ones[-1].end <= one.begin:
            ended = open_ones.pop()
            yield edge("E", process, track, ended, ended.end)
        open_ones.append(one)
        yield edge("B", process, track, one, one.begin)
    for ended in reversed(open_ones):
        yield edge("E", process, track, ended, ended.end)


def edge(phase: str, process: int, track: int, one: Slice, ts: float) -> Event:
    """Both ends say what they are of: some readers tell slices apart by that."""
    return {
        "ph": phase,
        "name": one.name,
        "ts": ts,
        "pid": process,
        "tid": track,
        "args": dict(one.details),
    }


# What each thread does.


def thread_slices(recording: Recording, clock: Clock, thread: int) -> Iterator[Slice]:
    """Calls come before the steps in them."""
    for call in calls(recording, thread):
        where = {"where": text_of(call.place)}
        if call.caller is not None:
            where["called from"] = text_of(call.caller)
        span = clock.begins[call.first], clock.ends[call.last]
        yield Slice(call.place.function, *span, where)
    for what, first, last in waits(recording, thread):
        yield Slice(f"waits for {what}", clock.moments[first], clock.moments[last + 1])
    names = Names(recording)
    for step in recording.steps:
        if step.thread == thread:
            yield step_slice(recording, clock, step, names)


def text_of(place: Place) -> str:
    return f"{place.file}:{place.line}"


def step_slice(recording: Recording, clock: Clock, step: Step, names: Names) -> Slice:
    held = recording.moments[step.number].held[step.thread]
    details = {"step": step.number + 1, "held": ", ".join(held) or "none"}
    span = clock.begins[step.number], clock.ends[step.number]
    return Slice(describe(step, names), *span, details)


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


def lock_slices(
    recording: Recording, clock: Clock, lane: Sequence[Hold]
) -> Iterator[Slice]:
    for hold in lane:
        name = f"CPU {hold.cpu}: {recording.threads[hold.thread].name}"
        yield Slice(name, clock.moments[hold.first], clock.moments[hold.last + 1])


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
