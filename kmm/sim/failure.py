"""How a run can go wrong, and the record of it.

A failure is found by the model's own working: a `BUG_ON` of the kernel that is being
modelled, a thread that waits for ever, memory that does not hold what the program
wrote.  `Machine` turns each into a `Failure`; `kmm.report.oops` prints it.
"""

from __future__ import annotations

import sys
from types import FrameType, TracebackType
from typing import Literal, TypeVar

from attrs import frozen

from .thread import KThread, Place, is_engine, place_of
from .trap import get_current

T = TypeVar("T")

FailureKind = Literal[
    "bug_on",
    "deadlock",
    "livelock",
    "corruption",
    "use_after_free",
    "atomic_sleep",
    "leak",
]
ReportKind = Literal["lock_order", "data_race"]


@frozen
class Failure:
    """Why a run ended badly."""

    kind: FailureKind | ReportKind  # the latter where a report counts as a failure
    message: str  # one line, in the kernel's words where it has them
    thread: str | None = None  # comm:pid of the thread that failed
    cpu: int | None = None
    trace: tuple[Place, ...] = ()  # innermost first
    details: tuple[str, ...] = ()


def alike(found: Failure | None, failure: Failure) -> bool:
    """Whether it is the same failure: in the same words, and met in the same way.

    Which thread met it, and where in it, may differ; but what a check finds when all
    have ended is not what a thread meets on its way.
    """
    return (
        found is not None
        and (found.kind, found.message) == (failure.kind, failure.message)
        and (found.thread is None) == (failure.thread is None)
    )


@frozen
class Report:
    """Something wrong that a run showed without ending badly for it.

    A checker (`kmm.sim.lockdep`, `kmm.sim.datarace`) looks on and finds it; the run
    goes on.
    """

    kind: ReportKind
    message: str  # one line, in the kernel's words
    thread: str | None  # comm:pid of the thread whose step showed it
    cpu: int | None
    trace: tuple[Place, ...]  # innermost first
    details: tuple[str, ...]
    choices: tuple[int, ...] = ()  # the run up to that step, and with it


class ModelFailure(Exception):
    """Raised inside a kernel thread to end the run with a failure of this kind."""

    kind: FailureKind = "bug_on"

    def __init__(self, message: str, *details: str) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class KernelBug(ModelFailure):
    """A BUG_ON fired: `kernel BUG at FILE:LINE!`, the line being 2.6.34's."""

    def __init__(self, where: str, *details: str) -> None:
        super().__init__(f"kernel BUG at {where}!", *details)


class Corruption(ModelFailure):
    """A program read something other than what it had written."""

    kind = "corruption"


class UseAfterFree(ModelFailure):
    """Memory was used by somebody who had no right to expect it to be there still."""

    kind = "use_after_free"


class NullPointer(ModelFailure):
    """The kernel followed a pointer that was NULL; its oops says just that."""

    def __init__(self, *details: str) -> None:
        super().__init__(
            "BUG: unable to handle kernel NULL pointer dereference at (null)", *details
        )


def not_null(pointer: T | None, what: str) -> T:
    """Follow a pointer, which is NULL only if the kernel is wrong: then NullPointer.

    `what` says of whom it is, for the oops.
    """
    if pointer is None:
        raise NullPointer(what)
    return pointer


class Livelock(ModelFailure):
    """A loop that goes round for as long as others get in its way."""

    kind = "livelock"


class Leak(ModelFailure):
    """A count, a lock or a page that does not add up once every thread has ended."""

    kind = "leak"


def bug_on(condition: bool, where: str, *details: str) -> None:
    """BUG_ON: end the run if `condition` holds.

    `where` is the kernel's own file and line in 2.6.34, e.g. `mm/migrate.c:504`.
    Raises KernelBug.
    """
    if condition:
        raise KernelBug(where, *details)


def failure_of(thread: KThread, error: ModelFailure) -> Failure:
    """The record of `error`, which escaped from `thread`."""
    return Failure(
        error.kind,
        error.message,
        thread.name,
        thread.cpu,
        trace_of(error.__traceback__),
        error.details,
    )


def deadlock(stuck: list[KThread]) -> Failure:
    """Nobody can go on: say who waits for what, and who holds it where.

    Each line of the details begins with the name of the thread that it is about.
    """
    details = [line for thread in stuck for line in waiting(thread, stuck)]
    circle = cycle(stuck)
    if circle:
        names = [thread.name for thread in (*circle, circle[0])]
        details.append(f"{' waits for '.join(names)}: a cycle")
    first = stuck[0]
    return Failure(
        "deadlock",
        f"INFO: task {first.name} blocked for more than 120 seconds.",
        first.name,
        first.cpu,
        first.call_trace(),
        tuple(details),
    )


def waiting(thread: KThread, stuck: list[KThread]) -> list[str]:
    """What a stuck thread waits for, who holds it, and what each holder is doing."""
    assert thread.pending is not None
    lines = []
    for _, wanted in thread.pending.touches:
        line = f"{thread.name} waits for {wanted}"
        owners = [other for other in stuck if holds(other, wanted)]
        if owners:
            line += f", held by {', '.join(owner.name for owner in owners)}"
        lines += [
            line,
            *(f"{o.name} holds {wanted}, and is in {innermost(o)}" for o in owners),
        ]
    return lines


def holders(thread: KThread, stuck: list[KThread]) -> list[KThread]:
    """Which of the stuck threads hold what `thread` waits for."""
    assert thread.pending is not None
    wanted = [key for _, key in thread.pending.touches]
    return [t for t in stuck if any(holds(t, key) for key in wanted)]


def holds(thread: KThread, wanted: str) -> bool:
    return any(lock.name == wanted for lock in thread.held)


def innermost(thread: KThread) -> str:
    """The function of the model that a stuck thread is in, and where in it."""
    trace = thread.call_trace()
    return str(trace[0]) if trace else "?"


def cycle(stuck: list[KThread]) -> list[KThread]:
    """Stuck threads each of which waits for the next, and the last for the first.

    The shortest such circle; [] if there is none, as when a wake-up was lost.
    """
    for length in range(1, len(stuck) + 1):
        for thread in stuck:
            found = way_back([thread], stuck, length)
            if found:
                return found
    return []


def way_back(way: list[KThread], stuck: list[KThread], length: int) -> list[KThread]:
    """`way` made `length` long, so that its end waits for its start; [] if none is."""
    owners = holders(way[-1], stuck)
    if len(way) == length:
        return way if way[0] in owners else []
    for owner in owners:
        found = way_back([*way, owner], stuck, length)
        if found:
            return found
    return []


def livelock(thread: KThread, steps: int) -> Failure:
    """A run that was still going after `steps` steps; `thread` had the CPU."""
    return Failure(
        "livelock",
        f"no end after {steps} steps",
        thread.name,
        thread.cpu,
        thread.call_trace(),
    )


class SleepingInAtomic(ModelFailure):
    """A thread came to a place where it may sleep, and must not."""

    kind = "atomic_sleep"

    def __init__(self, thread: KThread, place: Place, *details: str) -> None:
        super().__init__(
            f"BUG: sleeping function called from invalid context at "
            f"{place.file}:{place.line}",
            context_of(thread),
            *locks_held(thread),
            *details,
        )


async def might_sleep() -> None:
    """Say that the caller sleeps at times, though perhaps not now.

    Not a preemption point.  Raises SleepingInAtomic where sleeping is forbidden, so
    that it is found in every run and not only in those that would have slept.
    """
    current = await get_current()
    if current.in_atomic:
        raise SleepingInAtomic(current, caller())


def caller() -> Place:
    """Where the model called the simulator from, in the thread that runs now."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        place = place_of(frame.f_code, frame.f_lineno)
        if not is_engine(place):
            return place
        frame = frame.f_back
    raise AssertionError("not called from the model")


def context_of(thread: KThread) -> str:
    """Why a thread must not sleep, as the kernel's second line has it."""
    in_atomic = any(lock.atomic and not lock.irqs_off for lock in thread.held)
    irqs_disabled = any(lock.irqs_off for lock in thread.held)
    return (
        f"in_atomic(): {in_atomic:d}, irqs_disabled(): {irqs_disabled:d}, "
        f"pid: {thread.pid}, name: {thread.comm}"
    )


def locks_held(thread: KThread) -> list[str]:
    """The locks of a thread in the order of their taking, as the kernel lists them.

    Lock bits among them, of which the kernel does not know who holds them.
    """
    locks = [lock.name for lock in thread.held if not lock.irqs_off]
    return held_by(thread, [f"({name})" for name in locks])


def held_by(thread: KThread, locks: list[str]) -> list[str]:
    """The kernel's list of what a thread holds, each lock described already."""
    count = "1 lock" if len(locks) == 1 else f"{len(locks) or 'no'} locks"
    lines = [f" #{number}:  {lock}" for number, lock in enumerate(locks)]
    return [f"{count} held by {task(thread)}{':' if locks else '.'}", *lines]


def task(thread: KThread) -> str:
    """A thread as `lockdep` and its kin call it."""
    return f"{thread.comm}/{thread.pid}"


def sleeping_in_atomic(thread: KThread) -> Failure:
    """A thread is about to sleep although it holds a spinlock."""
    trace = thread.call_trace()
    error = SleepingInAtomic(thread, trace[0], f"about to: {thread.pending!r}")
    return Failure(
        error.kind, error.message, thread.name, thread.cpu, trace, error.details
    )


def held_at_exit(thread: KThread) -> Failure:
    """A thread ended without giving back its locks."""
    return Failure(
        "leak",
        f"BUG: lock held at task exit: {', '.join(lock.name for lock in thread.held)}",
        thread.name,
        thread.cpu,
    )


def trace_of(traceback: TracebackType | None) -> tuple[Place, ...]:
    """The model's frames of a traceback, innermost first."""
    places: list[Place] = []
    while traceback is not None:
        places.append(place_of(traceback.tb_frame.f_code, traceback.tb_lineno))
        traceback = traceback.tb_next
    return tuple(p for p in reversed(places) if not is_engine(p))
