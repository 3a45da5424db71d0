"""The functions that a thread was in, and for how long: from its call traces.

A trace has no word of when a call began.  It is taken for the one of a moment ago as
long as nothing outside of it has gone on.  Used by `perfetto`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile

from attrs import frozen

from ...sim.recording import Recording
from ...sim.thread import Place
from ..words import kernel_trace


@frozen
class Call:
    """A function that a thread was in, from one moment to another, both included."""

    place: Place
    depth: int  # 0 is the outermost
    first: int
    last: int
    caller: Place | None


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
        caller = open_calls[number - 1][0] if number else None
        yield Call(place, number, first, last, caller)
