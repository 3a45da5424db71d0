"""A run as two columns, one a CPU, with only the steps that matter.

This is how the messages of kernel commits draw a race.  Of a hundred steps some ten
tell the story:

- steps of different threads on the same object, one right after the other, at least
  one of which changed it: their order is what the schedule decided;
- the steps from which the failure got what it saw: who stored the value that was
  read last, and where did that value come from.

Spinlocks and semaphores are left out, but for those that a deadlock is about: where
they were taken, and who waits for them.
"""

from __future__ import annotations

import textwrap
from itertools import pairwise

from ..sim.failure import Failure
from ..sim.recording import Recording, Step
from .words import Names, describe, function

WRITES = ("write", "try", "release", "acquire")
BOOKKEEPING = (".cpu_vm_mask",)  # fields that are only about whom to interrupt
MARGIN = 2  # spaces before what a function did


def two_columns(recording: Recording, width: int = 80) -> list[str]:
    """The lines of the drawing: a column for each thread, which interrupts share."""
    threads = [recording.threads[index] for index in recording.columns]
    column = (width - 2 * (len(threads) - 1)) // len(threads)
    lines = [
        join_cells([f"CPU {t.cpu}: {t.name}" for t in threads], column),
        join_cells(["-" * column for _ in threads], column),
    ]
    names = Names(recording)
    last: tuple[int, str] | None = None
    for step in steps_that_matter(recording):
        here = (step.thread, function(step))
        cell = [] if here == last else [f"{here[1]}()"]
        cell += textwrap.wrap(
            describe(step, names),
            column,
            initial_indent=" " * MARGIN,
            subsequent_indent=" " * MARGIN * 2,
            break_on_hyphens=False,
        )
        lines += in_column(cell, recording.column_of(step.thread), len(threads), column)
        last = here
    if is_nobodys(recording.failure):
        assert recording.failure is not None
        lines += ["", *textwrap.wrap(recording.failure.message, width)]
    for thread, words in ending(recording):
        cell = textwrap.wrap(words, column)
        lines += in_column(cell, recording.column_of(thread), len(threads), column)
    return lines


def is_nobodys(failure: Failure | None) -> bool:
    """Whether it was found when every thread had ended, so is in nobody's column."""
    return failure is not None and failure.thread is None and failure.kind != "deadlock"


def ending(recording: Recording) -> list[tuple[int, str]]:
    """How the run failed: the thread, and what is said in its column."""
    failure = recording.failure
    if failure is None or is_nobodys(failure):
        return []
    names = [thread.name for thread in recording.threads]
    if failure.kind == "deadlock":
        lines = (line.partition(" ") for line in failure.details)
        return [
            (names.index(name), words)
            for name, _, words in lines
            if words.startswith("waits for") and not words.endswith("a cycle")
        ]
    assert failure.thread is not None
    return [(names.index(failure.thread), failure.message)]


def in_column(cell: list[str], index: int, columns: int, width: int) -> list[str]:
    return [
        join_cells([text if i == index else "" for i in range(columns)], width)
        for text in cell
    ]


def join_cells(cells: list[str], width: int) -> str:
    return "  ".join(f"{cell:{width}}" for cell in cells).rstrip()


def steps_that_matter(recording: Recording) -> list[Step]:
    """The steps to draw, in order."""
    steps = [step for step in recording.steps if is_shown(step)]
    wanted = contested(steps)
    if recording.failure is not None and recording.steps:
        wanted |= taken_for_good(recording)
        if recording.failure.thread is not None:
            wanted |= sources_of_failure(recording, steps)
    return [step for step in recording.steps if step.number in wanted]


def is_shown(step: Step) -> bool:
    """Not a lock (but for the page lock), not a mask, and not a store of the same."""
    if step.target.startswith("PG_locked"):
        return True
    if step.target.endswith(BOOKKEEPING):
        return False
    if step.kind == "write":
        return step.before != step.after
    return step.kind == "read"


def taken_for_good(recording: Recording) -> set[int]:
    """In a deadlock, the steps that took the locks which are never given back."""
    assert recording.failure is not None
    if recording.failure.kind != "deadlock":
        return set()
    held = recording.moments[-1].held
    taken = {
        (step.thread, step.target): step.number
        for step in recording.steps
        if step.kind in ("acquire", "share", "try") and step.target in held[step.thread]
    }
    return set(taken.values())


def contested(steps: list[Step]) -> set[int]:
    """Steps next to a conflicting one of another thread, on the same object.

    Fields of one structure that a function looks at in one go count as one look: only
    the pair whose second step comes first is kept.
    """
    pairs: dict[tuple[int, str], tuple[Step, Step]] = {}
    look_of = looks(steps)
    by_object: dict[str, list[Step]] = {}
    for step in steps:
        by_object.setdefault(step.target, []).append(step)
    for history in by_object.values():
        for one, other in pairwise(history):
            if one.thread == other.thread or not changes(one, other):
                continue
            key = (look_of[one.number], one.target.partition(".")[0])
            if key not in pairs or other.number < pairs[key][1].number:
                pairs[key] = (one, other)
    return {step.number for pair in pairs.values() for step in pair}


def looks(steps: list[Step]) -> dict[int, int]:
    """For each step, the first of the unbroken run of steps in the same function."""
    found: dict[int, int] = {}
    start = before = None
    for step in steps:
        here = (step.thread, function(step))
        if here != before:
            start, before = step.number, here
        assert start is not None
        found[step.number] = start
    return found


def changes(one: Step, other: Step) -> bool:
    return one.kind in WRITES or other.kind in WRITES


def sources_of_failure(recording: Recording, steps: list[Step]) -> set[int]:
    """The failing step, and the stores that led to what it saw, back to the first.

    A store is followed to where its value came from: the last step before it, of the
    same thread, that met the same value elsewhere.
    """
    last = recording.steps[-1]
    wanted = {last.number}
    # What the failing thread looked at last.
    queue = [step for step in steps if step.thread == last.thread][-2:]
    while queue:
        read = queue.pop()
        wanted.add(read.number)
        store = last_store(steps, read)
        if store is None or store.number in wanted:
            continue
        wanted.add(store.number)
        origin = last_meeting(steps, store)
        if origin is not None:
            queue.append(origin)
    return wanted


def last_store(steps: list[Step], read: Step) -> Step | None:
    """Who put there what `read` found."""
    for step in reversed(steps):
        if (
            step.number < read.number
            and step.target == read.target
            and step.kind in WRITES
        ):
            return step
    return None


def last_meeting(steps: list[Step], store: Step) -> Step | None:
    """Where the thread got the value that it stored."""
    for step in reversed(steps):
        if (
            step.number < store.number
            and step.thread == store.thread
            and step.target != store.target
            and store.after in (step.before, step.after)
            and isinstance(store.after, int)
            and store.after != 0
        ):
            return step
    return None
