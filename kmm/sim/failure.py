"""How a run can go wrong, and the record of it.

A failure is found by the model's own working: a `BUG_ON` of the kernel that is being
modelled, a thread that waits for ever, memory that does not hold what the program
wrote.  `Machine` turns each into a `Failure`; `kmm.report.oops` prints it.
"""

from __future__ import annotations

from types import TracebackType

from attrs import frozen

from .thread import KThread, Place, is_engine, place_of


@frozen
class Failure:
    """Why a run ended badly."""

    kind: str  # bug_on, deadlock, livelock, corruption, atomic_sleep or leak
    message: str  # one line, in the kernel's words where it has them
    thread: str | None = None  # comm:pid of the thread that failed
    cpu: int | None = None
    trace: tuple[Place, ...] = ()  # innermost first
    details: tuple[str, ...] = ()


class ModelFailure(Exception):
    """Raised inside a kernel thread to end the run with a failure of this kind."""

    kind = "bug_on"

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
    """Nobody can go on: say who waits for what, and who holds it."""
    details = []
    for thread in stuck:
        assert thread.pending is not None
        wanted = thread.pending.key
        holders = [t.name for t in stuck if any(h.name == wanted for h in t.held)]
        owner = f", held by {', '.join(holders)}" if holders else ""
        details.append(f"{thread.name} waits for {wanted}{owner}")
    first = stuck[0]
    return Failure(
        "deadlock",
        f"INFO: task {first.name} blocked for more than 120 seconds.",
        first.name,
        first.cpu,
        first.call_trace(),
        tuple(details),
    )


def livelock(thread: KThread, steps: int) -> Failure:
    """A run that was still going after `steps` steps; `thread` had the CPU."""
    return Failure(
        "livelock",
        f"no end after {steps} steps",
        thread.name,
        thread.cpu,
        thread.call_trace(),
    )


def sleeping_in_atomic(thread: KThread) -> Failure:
    """A thread is about to sleep although it holds a spinlock."""
    trace = thread.call_trace()
    place = trace[0]
    locks = ", ".join(lock.name for lock in thread.held if lock.atomic)
    return Failure(
        "atomic_sleep",
        f"BUG: sleeping function called from invalid context at "
        f"{place.file}:{place.line}",
        thread.name,
        thread.cpu,
        trace,
        (f"held: {locks}", f"about to: {thread.pending!r}"),
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
