"""Where each thread of a session stands: in which line, and what it does next."""

from __future__ import annotations

from attrs import frozen

from ..report.words import kernel_trace
from ..sim.thread import Place
from . import source
from .narration import intention
from .session import Session
from .source import Function


@frozen
class ThreadView:
    """Where one thread is."""

    name: str  # "CPU 1: date:4021"
    role: str  # what it does in this race
    trace: str  # the functions that it is in, outermost first
    standing: str  # what it does next, or why it does nothing
    function: Function | None  # the innermost
    next_line: int | None  # the line at which it stands
    done_line: int | None  # the line that took the last step, if it took it
    is_failed: bool


def thread_views(session: Session) -> list[ThreadView]:
    """Where each thread is that has a pane or a column of its own."""
    return [thread_view(session, index) for index in session.recording.columns]


def thread_view(session: Session, index: int) -> ThreadView:
    """Where one of the threads is."""
    info, moment = session.recording.threads[index], session.moment
    trace = kernel_trace(moment.standing[index])
    step, failure = session.step, session.recording.failure
    did_it = step is not None and step.thread == index
    name = f"{info.comm}:{info.pid}"
    failed = session.is_at_failure and failure is not None and failure.thread == name
    if failed and failure is not None:
        trace = kernel_trace(failure.trace)
    # A thread that has ended is shown where it took its last step.
    innermost = trace[0] if trace else last_place(session, index)
    done = kernel_trace(step.trace)[:1] if step is not None and did_it else ()
    function = function_at(session, innermost) if innermost else None
    # The line that took the step may be in a function that has returned since.
    in_sight = bool(done) and function == function_at(session, done[0])
    return ThreadView(
        name=f"CPU {info.cpu}: {name}",
        role="answers interrupts" if info.daemon else session.race.threads[index],
        trace=" > ".join(place.function for place in reversed(trace)),
        standing=standing(session, index, failed=failed),
        function=function,
        next_line=innermost.line if trace and innermost else None,
        done_line=done[0].line if in_sight else None,
        is_failed=failed,
    )


def function_at(session: Session, place: Place) -> Function:
    """Of the model, or of a submission."""
    if session.foreign is not None and place.file == session.foreign.file:
        return session.foreign.function_at(place)
    return source.function_at(place)


def standing(session: Session, index: int, *, failed: bool) -> str:
    """What a thread does next, or why it does nothing."""
    if failed:
        return "failed here"
    op = session.moment.about_to[index]
    if op is None:
        return "has ended"
    if session.moment.blocked[index]:
        return f"must wait for {op.partition(' ')[2]}"
    return f"next: {intention(op, session.names)}"


def why_not(session: Session, index: int) -> str:
    """Why a thread cannot take the next step."""
    if session.is_at_failure:
        return "the run has failed"
    if session.moment.about_to[index] is None:
        return "it has ended"
    return standing(session, index, failed=False)


def last_place(session: Session, index: int) -> Place | None:
    """Where a thread that has ended took its last step."""
    for step in reversed(session.recording.steps[: session.at]):
        if step.thread == index and kernel_trace(step.trace):
            return kernel_trace(step.trace)[0]
    return None
