"""Why a run failed: of its steps, those without which nobody would understand it.

Of a hundred steps some ten tell the story.  They are found in the recording, from the
failure backwards:

- *What it saw.*  The last looks of the thread that failed; who stored what it found
  there; and where the storing thread had that value from, back to the first.
- *Who was in between.*  Another thread looked at one of these objects right before it
  was changed, or right after, and went on with what it had seen.
- *Who was overtaken.*  A thread touched one object, another thread conflicted with
  that, and did something else that the first met afterwards: no order of one after the
  other gives the same.  Only pairs count that are next to each other on their object,
  since the schedule decided about those, and of each such circle the first way back.

Locks are left out, and masks that are waited for, unless the failure is about them.

Used by `interleaving`, `outcome` and `export`.
"""

from __future__ import annotations

from attrs import frozen

from ..sim.recording import Recording, Step
from ..sim.thread import Place
from .history import History, found_busy, is_frame, meetings, numbers, one_a_look
from .words import INTERRUPTS, MMU, WALK, by_mmu, function, in_kernel, place

REPORTS = ("data_race", "lock_order")
TAKING = ("acquire", "share", "try")  # kinds of operations (`sim.trap`)


@frozen
class Cause:
    """A step that matters, with what a reader wants to know of it."""

    step: Step
    cpu: int
    thread: str  # comm:pid
    function: str
    place: Place | None
    held: tuple[str, ...]  # the locks that the thread held while it took the step
    matter: tuple[str, ...]  # of these, those that others take; else the last one


def causes(recording: Recording, *, every: bool = False) -> list[Cause]:
    """The steps that matter, in order; or every one."""
    contended = locks_of_several(recording)
    found = []
    for step in recording.steps if every else steps_that_matter(recording):
        thread = recording.threads[step.thread]
        held = recording.moments[step.number].held[step.thread]
        found.append(
            Cause(
                step,
                thread.cpu,
                thread.name,
                *actor(step),
                held,
                that_matter(held, step.target, contended),
            )
        )
    return found


def actor(step: Step) -> tuple[str, Place | None]:
    """Who took the step, and where: a function of the kernel, or the CPU's MMU.

    Where the kernel itself touches a program's memory, its function says more.
    """
    if by_mmu(step) and not in_kernel(step):
        return MMU, next(place for place in step.trace if place.file == WALK)
    return function(step), place(step.trace)


def held_at_the_end(recording: Recording, thread: int) -> tuple[str, ...]:
    """The locks that matter of those that a thread holds after the last step."""
    held = recording.moments[-1].held[thread]
    return that_matter(held, "", locks_of_several(recording))


def that_matter(
    held: tuple[str, ...], target: str, contended: set[str]
) -> tuple[str, ...]:
    """Of the locks held, those that could have kept another out.

    A lock that nobody else takes could only have done so if he did: of such, the last.
    """
    others = [
        lock
        for lock in held
        if lock not in (target, "rcu") and not lock.startswith(INTERRUPTS)
    ]
    return tuple(lock for lock in others if lock in contended) or tuple(others[-1:])


def locks_of_several(recording: Recording) -> set[str]:
    """The locks that more than one thread took, or was about to take at the end."""
    takers: dict[str, set[int]] = {}
    for step in recording.steps:
        if step.kind in TAKING:
            takers.setdefault(step.target, set()).add(step.thread)
    for thread, lock in waiting_at_the_end(recording).items():
        takers.setdefault(lock, set()).add(thread)
    return {lock for lock, threads in takers.items() if len(threads) > 1}


def waiting_at_the_end(recording: Recording) -> dict[int, str]:
    """What each thread waits for that can not go on after the last step."""
    last = recording.moments[-1]
    return {
        thread: about_to.partition(" ")[2]
        for thread, about_to in enumerate(last.about_to)
        if about_to is not None and last.blocked[thread]
    }


def steps_that_matter(recording: Recording) -> list[Step]:
    """The same as steps alone."""
    failure = recording.failure
    history = History(recording.steps)
    if failure is not None and failure.kind == "deadlock":
        wanted = taken_for_good(recording)
    elif failure is None or failure.thread is None or not recording.steps:
        met = history.pairs() if failure is None else history.pairs(meetings)
        pairs = one_a_look(history, met)
        looks = [look for pair in pairs for look in pair if is_frame(look)]
        wanted = numbers(pairs) | numbers(history.last_use(look) for look in looks)
    elif (shown := reported_step(recording)) is not None:
        wanted = history.other_side(shown, failure) | taken_before(recording, shown)
    else:
        wanted = history.seen(last_looks(recording, history))
        wanted |= history.between(wanted)
        wanted |= history.overtaken(wanted)
    return [step for step in recording.steps if step.number in wanted]


def taken_for_good(recording: Recording) -> set[int]:
    """In a deadlock, the steps that took the locks which others wait for."""
    wanted = set(waiting_at_the_end(recording).values())
    held = recording.moments[-1].held
    taken = {
        (step.thread, step.target): step.number
        for step in recording.steps
        if step.kind in TAKING and step.target in held[step.thread]
    }
    return {number for (_, lock), number in taken.items() if lock in wanted}


def reported_step(recording: Recording) -> Step | None:
    """The step that showed a report, which is the failure of a strict search."""
    failure = recording.failure
    assert failure is not None
    if failure.kind not in REPORTS:
        return None
    for step in recording.steps:
        if step.trace != failure.trace:
            continue
        if failure.kind == "lock_order" and step.kind in TAKING:
            return step
        if any(step.target in line for line in failure.details):
            return step
    return None


def taken_before(recording: Recording, shown: Step) -> set[int]:
    """If a lock is what shows it: where the locks were taken that were held then."""
    if shown.kind not in TAKING:
        return set()
    held = recording.moments[shown.number].held[shown.thread]
    taken = {
        step.target: step.number
        for step in recording.steps[: shown.number]
        if step.kind in TAKING and step.thread == shown.thread and step.target in held
    }
    return set(taken.values())


def last_looks(recording: Recording, history: History) -> list[Step]:
    """What the failing thread looked at last, and what belongs to that.

    That is what it saw of the same structure, and its look before if that was made in
    one of the calls in which it failed.  Of one that went in circles, all rounds:
    finding a lock taken is a look, too.
    """
    failure = recording.failure
    assert failure is not None
    names = [thread.name for thread in recording.threads]
    own = [s for s in recording.steps if names[s.thread] == failure.thread]
    busy = [step for step in own if found_busy(step)]
    if failure.kind == "livelock" and busy:
        return [step for step in busy if step.target == busy[-1].target]
    looks = [step for step in own if history.is_look(step)]
    if not looks:
        return own[-1:]
    calls = {where.function for where in failure.trace}
    structure = looks[-1].target.partition(".")[0]
    fields = {
        step.target: step
        for step in looks
        if step.target.partition(".")[0] == structure
    }
    return [*(one for one in looks[-2:-1] if function(one) in calls), *fields.values()]
