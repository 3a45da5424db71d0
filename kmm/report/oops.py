"""A failure in the form in which the kernel would print it.

Linux: arch/x86/kernel/dumpstack.c.  The addresses of a real oops are left out, since
there are none; each function of the call trace is one of the model's, with the place in
its source.  The last line stands for the real one's preempt_count, which tells that
spinlocks were held.
"""

from __future__ import annotations

from ..sim.failure import Failure
from ..sim.recording import Recording
from .words import kernel_trace

OOPS = "Oops: 0000 [#1] SMP"
CUT_HERE = "------------[ cut here ]------------"


def oops(recording: Recording, kernel: str = "2.6.34") -> str:
    """The console output for the failure that ended a run; "" if none did."""
    failure = recording.failure
    return "" if failure is None else oops_of(failure, kernel)


def oops_of(failure: Failure, kernel: str = "2.6.34") -> str:
    if failure.kind == "bug_on":
        return "\n".join(bug(failure, kernel))
    return "\n".join([failure.message, *indented(failure), *call_trace(failure)])


def bug(failure: Failure, kernel: str) -> list[str]:
    """BUG_ON is an invalid instruction, a wrong pointer a fault in the kernel."""
    comm, _, pid = (failure.thread or "?:?").partition(":")
    where = kernel_trace(failure.trace)
    return [
        CUT_HERE,
        failure.message,
        "invalid opcode: 0000 [#1] SMP" if is_bug_on(failure) else OOPS,
        f"CPU {failure.cpu}",
        f"Pid: {pid}, comm: {comm} Not tainted {kernel}",
        f"RIP: {where[0]}",
        *indented(failure),
        *call_trace(failure, skip=1),
        f"note: {comm}[{pid}] exited with its locks held",
    ]


def is_bug_on(failure: Failure) -> bool:
    """Whether the kernel stumbled on purpose, rather than over a wrong pointer."""
    return failure.message.startswith("kernel BUG at ")


def call_trace(failure: Failure, skip: int = 0) -> list[str]:
    places = kernel_trace(failure.trace)[skip:]
    if not places:
        return []
    width = max(len(place.function) for place in places)
    lines = [
        f" {place.function:{width}}  {place.file}:{place.line}" for place in places
    ]
    return ["Call Trace:", *lines]


def indented(failure: Failure) -> list[str]:
    return [f" {line}" for line in failure.details]
