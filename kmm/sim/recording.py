"""A run written down step by step, for everything that shows it.

Reports and screens read a recording and never reach into the model, so any moment of
a run can be looked at, in any order: moment 0 is before the first step, moment n is
after step n-1.  Going back is exact, because nothing is undone; it is all here.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar, cast

from attrs import evolve, fields, frozen, has

from .failure import Failure
from .machine import Chooser, Machine
from .search import Boot, with_watchers
from .strategies import Replay, Strategy
from .thread import KThread, Place
from .trap import Op, Touch, operation_text

if TYPE_CHECKING:
    from attrs import AttrsInstance

Value = TypeVar("Value")


@frozen
class ThreadInfo:
    """Who a thread is, at the start of the run."""

    comm: str
    pid: int
    cpu: int
    daemon: bool

    @property
    def name(self) -> str:
        return f"{self.comm}:{self.pid}"


@frozen
class Step:
    """One choice, and what came of it."""

    number: int  # 0 for the first; whoever prints it or writes a file counts from 1
    thread: int  # index of the thread that was chosen
    kind: str  # read, write, try, release, unshare, acquire, share or wait
    target: str  # the object, as `Op.key` names it
    before: object  # the object's value before and after the step, if it has one
    after: object
    trace: tuple[Place, ...]  # where the step was taken, innermost first
    also: tuple[tuple[str, str], ...] = ()  # what it did to others: a kind, a target


@frozen
class Moment:
    """The machine between two steps."""

    state: object  # what `Machine.observe` returned
    standing: tuple[tuple[Place, ...], ...]  # each thread's call trace; () if ended
    about_to: tuple[str | None, ...]  # each thread's next operation; None if ended
    # Whether each thread must wait for its next operation.  (A daemon has nothing to
    # do then, which is another thing.)
    blocked: tuple[bool, ...]
    held: tuple[tuple[str, ...], ...]  # the locks that each thread holds
    able: tuple[int, ...] = ()  # the threads that can go on, by index


@frozen
class Recording:
    """A whole run; `moments` has one more element than `steps`."""

    threads: tuple[ThreadInfo, ...]
    steps: tuple[Step, ...]
    moments: tuple[Moment, ...]
    failure: Failure | None
    # Of a timed run, when each step was taken, and what it cost, in cycles.
    times: tuple[tuple[int, int], ...] = ()

    @property
    def choices(self) -> tuple[int, ...]:
        return tuple(step.thread for step in self.steps)

    @property
    def operations(self) -> tuple[str, ...]:
        """What each step did, by operation and object: enough to tell runs apart."""
        return tuple(operation_text(step.kind, step.target) for step in self.steps)

    @property
    def preemptions(self) -> int:
        """How often the CPU was taken from a thread that could have gone on.

        The other context switches come where a thread has ended, or must wait.
        """
        pairs = zip(pairwise(self.steps), self.moments[1:], strict=False)
        return sum(
            before.thread != step.thread and before.thread in between.able
            for (before, step), between in pairs
        )

    @cached_property  # drawings ask for it at every step
    def columns(self) -> tuple[int, ...]:
        """The threads that a drawing gives a column, in order.

        A daemon shares the column of a thread on its CPU, and has one of its own only
        if there is none and it did something.
        """
        busy = {step.thread for step in self.steps}
        cpus = {thread.cpu for thread in self.threads if not thread.daemon}
        return tuple(
            index
            for index, thread in enumerate(self.threads)
            if not thread.daemon or (index in busy and thread.cpu not in cpus)
        )

    def column_of(self, thread: int) -> int:
        """The place among `columns` of the one in which a thread is drawn."""
        cpu = self.threads[thread].cpu
        if thread in self.columns:
            return self.columns.index(thread)
        return next(
            place
            for place, index in enumerate(self.columns)
            if self.threads[index].cpu == cpu
        )

    @property
    def fingerprint(self) -> str:
        """Four hex digits that nearly always change when an operation does."""
        text = "\n".join(f"{s.thread} {s.kind} {s.target}" for s in self.steps)
        return f"{zlib.crc32(text.encode()) & 0xFFFF:04x}"


def record(boot: Boot, chooser: Chooser) -> Recording:
    """Make one run, chosen by `chooser`, and write it down.

    Unlike `search.run_once`, it takes who is no strategy, and looks at the machine once
    more before that is closed.  Of a strategy it makes the first run, which has no
    prefix.
    """
    scribe = Scribe()
    machine = with_watchers(boot, scribe)()
    complete = machine.run(chooser)
    if isinstance(chooser, Strategy):
        chooser.ended(machine, complete)
    scribe.add(moment_of(machine))
    machine.close()
    threads = thread_infos(machine.threads)
    padded = tuple(pad(moment, len(threads)) for moment in scribe.moments)
    return Recording(threads, tuple(scribe.steps), padded, machine.failure)


def thread_infos(threads: Sequence[KThread]) -> tuple[ThreadInfo, ...]:
    return tuple(ThreadInfo(t.comm, t.pid, t.cpu, t.daemon) for t in threads)


class Scribe:
    """Looks on, and writes down each step and the moment before it."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.moments: list[Moment] = []
        self.value: object = None  # of the object, before the step that is being taken
        self.trace: tuple[Place, ...] = ()  # where that is taken

    def before(self, machine: Machine, thread: KThread) -> None:
        assert thread.pending is not None
        self.add(moment_of(machine))
        self.value, self.trace = thread.pending.peek(), thread.call_trace()

    def add(self, moment: Moment) -> None:
        """Most of it is as it was a step ago, and is not kept a second time."""
        self.moments.append(
            shared(moment, self.moments[-1]) if self.moments else moment
        )

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        self.steps.append(
            Step(
                len(self.steps),
                thread.index,
                op.kind.name.lower(),
                op.key,
                self.value,
                op.peek(),
                self.trace,
                in_text(op.also),
            )
        )


def shared(new: Value, old: Value) -> Value:
    """`new`, in which whatever equals what was in its place in `old` is that itself.

    Both are plain values: tuples and frozen attrs classes, to any depth.  What is in
    one place is of one type always, so that no True comes to stand where a 1 was.
    """
    if type(new) is not type(old):
        return new
    if new == old:
        return old
    if isinstance(new, tuple) and isinstance(old, tuple):
        kept = tuple(shared(one, other) for one, other in zip(new, old, strict=False))
        return cast("Value", kept + new[len(kept) :])
    if has(type(new)):
        # `has` tells a type checker about the class, and not about its instance.
        names = [each.name for each in fields(cast("type[AttrsInstance]", type(new)))]
        return type(new)(**{n: shared(getattr(new, n), getattr(old, n)) for n in names})
    return new


def in_text(touches: Sequence[Touch]) -> tuple[tuple[str, str], ...]:
    return tuple((kind.name.lower(), key) for kind, key in touches)


def pad(moment: Moment, threads: int) -> Moment:
    """The same moment, with a place for threads that had not been started then."""
    missing = threads - len(moment.standing)
    if not missing:
        return moment
    return evolve(
        moment,
        standing=moment.standing + ((),) * missing,
        about_to=moment.about_to + (None,) * missing,
        blocked=moment.blocked + (False,) * missing,
        held=moment.held + ((),) * missing,
    )


def record_choices(
    boot: Boot,
    choices: Sequence[int],
    operations: Sequence[str] | None = None,
    *,
    is_part: bool = False,
) -> Recording:
    """Make a known run again, in which each step does what `operations` say.

    With `is_part`, the run may stop in the middle of things.  Raises ScheduleError
    where it does not fit the program.
    """
    return record(boot, Replay(choices, operations, is_part=is_part))


def moment_of(machine: Machine) -> Moment:
    threads = machine.threads
    return Moment(
        machine.observe(),
        tuple(t.call_trace() if t.pending else () for t in threads),
        tuple(repr(t.pending) if t.pending else None for t in threads),
        tuple(
            bool(t.pending and not t.daemon and not t.pending.possible())
            for t in threads
        ),
        tuple(tuple(lock.name for lock in t.held) for t in threads),
        tuple(thread.index for thread in machine.enabled()),
    )
