"""A whole run in few words: who went on in what function, and who had which lock.

Worked out once for a run.  Drawn by the screen (`kmm.tui.pictures.timelines`) and by
`exports.perfetto`.
"""

from __future__ import annotations

from itertools import groupby

from attrs import frozen

from ..sim.recording import Recording, Step
from .words import kernel_trace

PARTS = 4  # into which the steps of a thread should fall
OF_A_CPU = "interrupts"  # what the locks are called that only a CPU itself takes


@frozen
class Stretch:
    """Steps of one thread, one after another, in one part of its work."""

    thread: int
    function: str
    first: int  # the number of its first step, from 0
    last: int


@frozen
class Hold:
    """A lock that a CPU had, from one moment to another, both included."""

    lock: str
    cpu: int
    first: int
    last: int
    thread: int  # whose it was


@frozen
class Outline:
    """What there is to draw of a run, whatever its moment."""

    stretches: tuple[Stretch, ...]
    holds: tuple[Hold, ...]
    locks: tuple[str, ...]  # in the order in which they are first taken


def outline_of(recording: Recording) -> Outline:
    holds = holds_in(recording)
    first = sorted(holds, key=lambda hold: hold.first)
    locks = tuple(dict.fromkeys(hold.lock for hold in first))
    return Outline(stretches_in(recording), holds, locks)


def stretches_in(recording: Recording) -> tuple[Stretch, ...]:
    depths = [depth_of(recording, n) for n in range(len(recording.threads))]
    parts = [
        (step.thread, part_of(step, depths[step.thread])) for step in recording.steps
    ]
    found = []
    at = 0
    for (thread, name), group in groupby(parts):
        size = len(list(group))
        found.append(Stretch(thread, name, at, at + size - 1))
        at += size
    return tuple(found)


def depth_of(recording: Recording, thread: int) -> int:
    """How far into its call traces one must look to tell the parts of its work apart.

    The outermost functions are the whole of it, and the innermost are the same few in
    all parts.
    """
    if recording.threads[thread].daemon:
        return 0
    steps = [step for step in recording.steps if step.thread == thread]
    deepest = max((len(step.trace) for step in steps), default=0)
    for depth in range(deepest):
        if len({part_of(step, depth) for step in steps}) >= PARTS:
            return depth
    return deepest


def part_of(step: Step, depth: int) -> str:
    """The function at some depth, 0 being the outermost, or the innermost that is."""
    trace = kernel_trace(step.trace) or step.trace
    names = [place.function for place in reversed(trace)]
    return names[min(depth, len(names) - 1)] if names else "?"


def holds_in(recording: Recording) -> tuple[Hold, ...]:
    found: list[Hold] = []
    since: dict[tuple[int, str], int] = {}  # of what is held: a thread and a lock
    for number, moment in enumerate(recording.moments):
        now = {
            (thread, lock)
            for thread, held in enumerate(moment.held)
            for lock in held
            if not lock.startswith(OF_A_CPU)
        }
        gone = sorted(since.keys() - now)
        found += [hold(recording, one, since.pop(one), number - 1) for one in gone]
        for new in now - since.keys():
            since[new] = number
    last = len(recording.moments) - 1
    found += [hold(recording, one, first, last) for one, first in sorted(since.items())]
    return tuple(found)


def hold(recording: Recording, what: tuple[int, str], first: int, last: int) -> Hold:
    thread, lock = what
    return Hold(lock, recording.threads[thread].cpu, first, last, thread)
