"""The last steps of a run of the recipe, written down while it is made again.

Up to the slice of time in which it ended nobody looks on, so that this takes no longer
than the run itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

from attrs import define, evolve, field

from ..mm.observe import observe
from ..sim.clock import Cross
from ..sim.machine import Machine
from ..sim.recording import Moment, Recording, Step, ThreadInfo, in_text
from ..sim.slices import Slices, at_once
from ..sim.thread import KThread
from ..sim.timed import TimedMachine
from ..sim.trap import Op
from .endurance import SLICE, Progress, StressResult, nobody_looks, slices
from .stress import set_up

Held = tuple[str, ...]


@define
class LastSteps:
    """A watcher (`sim.machine.Watcher`) that notes what comes after so many steps."""

    machine: TimedMachine
    skipped: int
    steps: list[Step] = field(factory=list)
    held: list[tuple[Held, Held]] = field(factory=list)  # by each step's thread
    times: list[tuple[int, int]] = field(factory=list)
    state: object = None  # of the machine, before the first of them
    pending: tuple[Step, Held] | None = None

    def before(self, machine: Machine, thread: KThread) -> None:
        if self.machine.steps <= self.skipped:
            return
        if self.state is None:
            self.state = self.machine.observe()
        op = thread.pending
        assert op is not None
        kind, trace = op.kind.name.lower(), thread.call_trace()
        number = len(self.steps)
        also, before = in_text(op.also), op.peek()
        step = Step(number, thread.index, kind, op.key, before, None, trace, also)
        self.pending = (step, held_by(thread))

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        if self.pending is not None:
            step, held = self.pending
            self.steps.append(evolve(step, after=op.peek()))
            self.held.append((held, held_by(thread)))
            self.times.append((self.machine.at, self.price(op)))

    def price(self, op: Op) -> int:
        """What an operation costs, without what is chance."""
        if isinstance(op, Cross):
            return op.cycles
        row = self.machine.prices.get(type(op))
        return self.machine.costs.cycles(op) if row is None else row[op.kind]


def held_by(thread: KThread) -> Held:
    return tuple(lock.name for lock in thread.held)


class NotWanted(Exception):
    """Nobody wants the steps any more."""


def last_steps(
    result: StressResult, number: int, progress: Progress = nobody_looks
) -> Recording:
    """Run a recipe again, as far as it came, and write its last steps down.

    They are numbered from 0, as if the run had begun there.  Raises NotWanted if
    `progress` says to stop.
    """
    return at_once(writing_down(result, number, progress))


def writing_down(
    result: StressResult, number: int, progress: Progress = nobody_looks
) -> Slices[Recording]:
    """As `last_steps`, in slices of virtual time."""
    system = set_up(result.recipe)
    machine = system.machine
    machine.observe = lambda: observe(system.k)
    notes = LastSteps(machine, max(0, result.steps - number))
    quiet = int((result.seconds - SLICE) / SLICE)  # slices in which nobody looks on
    if quiet <= 0:
        machine.watchers.append(notes)
    with closing(machine):
        for done in slices(system, result.seconds + SLICE):
            if not progress(system):
                raise NotWanted
            if done == quiet:
                machine.watchers.append(notes)
            if machine.steps >= result.steps:
                break
            yield
        return recording_of(notes)


def recording_of(notes: LastSteps) -> Recording:
    """Only the threads that took one of the steps are in it."""
    machine = notes.machine
    indexes = sorted({step.thread for step in notes.steps})
    place = {index: n for n, index in enumerate(indexes)}
    steps = [evolve(step, thread=place[step.thread]) for step in notes.steps]
    return Recording(
        tuple(infos([machine.threads[index] for index in indexes], machine)),
        tuple(steps),
        tuple(moments(notes, place)),
        machine.failure,
        tuple(notes.times),
    )


def infos(threads: Iterable[KThread], machine: TimedMachine) -> list[ThreadInfo]:
    """The threads; of those on one CPU, one has the column, and the rest share it.

    That is the one that failed, if it is there, and else a process.
    """
    failed = machine.failure.thread if machine.failure else None
    first: dict[int, KThread] = {}
    for thread in sorted(threads, key=lambda t: (t.name != failed, t.daemon, t.index)):
        first.setdefault(thread.cpu, thread)
    return [
        ThreadInfo(t.comm, t.pid, t.cpu, daemon=t is not first[t.cpu]) for t in threads
    ]


def moments(notes: LastSteps, place: dict[int, int]) -> list[Moment]:
    """Between the steps: which locks are held, and at the end who waits for what."""
    now: list[Held] = [()] * len(place)
    for step, (before, _) in reversed(list(zip(notes.steps, notes.held, strict=True))):
        now[place[step.thread]] = before
    found = [Moment(notes.state, (), (), (), tuple(now))]
    for step, (_, after) in zip(notes.steps, notes.held, strict=True):
        now[place[step.thread]] = after
        found.append(Moment(None, (), (), (), tuple(now)))
    threads = [notes.machine.threads[index] for index in place]
    found[-1] = evolve(
        found[-1],
        state=notes.machine.observe(),
        standing=tuple(t.call_trace() if t.pending else () for t in threads),
        about_to=tuple(repr(t.pending) if t.pending else None for t in threads),
        blocked=tuple(waits(thread) for thread in threads),
    )
    return found


def waits(thread: KThread) -> bool:
    op = thread.pending
    return op is not None and not thread.daemon and not op.possible()
