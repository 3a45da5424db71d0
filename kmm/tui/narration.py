"""A step of a run in one sentence, for somebody who has not read the source yet.

The reports' words (`report.words`) are shorter.  Called by `session`.
"""

from __future__ import annotations

from ..report.words import (
    INTERRUPTS,
    Names,
    by_mmu,
    describe,
    function,
    in_words,
    is_entry,
    is_untold,
    kernel_trace,
)
from ..sim.recording import Recording, Step
from .source import function_at

# A target of steps, by the name that recordings have for it.
RCU = "rcu"
# What a step of each kind did to a lock; and, of any object, what is about to be done.
LOCKING = {
    "acquire": "takes",
    "share": "takes (shared)",
    "release": "gives back",
    "unshare": "gives back (shared)",
    "wait": "no longer has to wait for",
}

INTENDED = {
    "read": "look at",
    "write": "store",
    "try": "try to take",
    "acquire": "take",
    "share": "take (shared)",
    "release": "give back",
    "unshare": "give back (shared)",
    "wait": "wait for",
}


def sentence(recording: Recording, step: Step, names: Names) -> str:
    """Who did what."""
    return f"{who(recording, step)}: {does(step, names)}"


def brief(step: Step, names: Names) -> str:
    """The step for a log: where, and what."""
    return f"{function(step)}(): {describe(step, names)}"


def who(recording: Recording, step: Step) -> str:
    """The CPU, the thread on it, and the function that took the step."""
    thread = recording.threads[step.thread]
    name = f"CPU {thread.cpu} ({thread.comm}) in {function(step)}()"
    return f"{name}, its MMU" if by_mmu(step) else name


def does(step: Step, names: Names) -> str:
    """What the step did, in the third person."""
    label = object_name(step, names)
    after = in_words(step, step.after)
    if step.target == RCU:
        verb = "enters" if step.kind == "share" else "leaves"
        return f"{verb} an RCU read section"
    if step.target.startswith((INTERRUPTS, "frame ")):
        return describe(step, names)
    if step.kind in ("read", "write") and is_untold(step):
        return describe(step, names)
    if step.kind == "read":
        return f"looks at {label}: {after}"
    if step.kind == "write":
        again = step.before == step.after
        return f"stores {label} again: {after}" if again else f"changes {label}"
    if step.kind == "try":
        got = "and gets it" if step.before == "free" else "but it is taken"
        return f"tries to take {label}, {got}"
    return f"{LOCKING[step.kind]} {label}"


def intention(op: str, names: Names) -> str:
    """What a thread is about to do; `op` is as a moment has it, `read vma#1.vm_end`."""
    kind, _, target = op.partition(" ")
    if target == RCU:
        return f"{'enter' if kind == 'share' else 'leave'} an RCU read section"
    if target.startswith(INTERRUPTS):
        return "let no interrupt in" if kind == "acquire" else "let interrupts in again"
    return f"{INTENDED[kind]} {names.labels.get(target, target)}"


def object_name(step: Step, names: Names) -> str:
    """The object of a step; a page-table entry by the address that it translates."""
    label = names.label(step)
    if not is_entry(step):
        return label
    level, _, address = label.partition(" ")
    if level == "entry":  # it was never anything but empty
        return f"the page-table entry at physical {address}"
    return f"the {level} of {address}"


def purpose(step: Step) -> str:
    """What the function that took the step is for."""
    trace = kernel_trace(step.trace)
    if not trace:
        return ""
    found = function_at(trace[0])
    return f"{found.name}(): {found.summary}" if found.summary else ""
