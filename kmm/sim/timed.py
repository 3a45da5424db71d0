"""Timed runs: CPUs with clocks of their own, and threads that share them.

An exploration asks what can happen; a timed run asks what does, and how long it takes.
The threads are the same coroutines.  Whose turn it is follows from the clocks: each
step happens at a moment of its CPU, costs what a table says (`Costs`), and the CPU with
the earliest moment goes on (a discrete-event simulation).  Nothing is left to chance.

What a thread waits for decides how it waits.  For a spinlock it spins, and its CPU is
busy meanwhile.  For what may sleep it gives its CPU to another, and has it again some
time after it is woken.  Interrupts come in between what a program computes, not between
a step of the kernel and the next of the same instruction, if it holds its interrupts
off.

The scheduler is a small one in the manner of Linux's CFS (kernel/sched_fair.c): the
thread that has had the least of a CPU goes on, for a slice, and one that has slept may
go first.  A thread stays on the CPU that it was made for.  As in a kernel without
preemption (CONFIG_PREEMPT_NONE), a CPU is taken from a thread only while that is in its
program.

All times are in cycles, since the start of the run.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from attrs import define, field

from .clock import Cross, Sleep, Spend, Work
from .failure import deadlock
from .machine import Machine, no_check
from .thread import KThread
from .trap import ACQUIRE, READ, Op

NEVER = 1 << 62


class Costs(Protocol):
    """What things cost, in cycles."""

    @property
    def slice(self) -> int:
        """How long a thread may keep a CPU that others want."""
        ...

    @property
    def switch(self) -> int:
        """For a CPU, to go from one thread to another."""
        ...

    @property
    def prices(self) -> Mapping[type[Op], Sequence[int]]:
        """To do an operation of a class, by its kind, the CPU being busy.

        What is not here is asked for one by one.
        """
        ...

    def cycles(self, op: Op) -> int:
        """To do an operation whose price depends on more than that."""
        ...

    def until(self, op: Op, now: int) -> int:
        """When a device that is asked for `op` now will have done it; else `now`."""
        ...


@define(eq=False)
class Entity:
    """A thread, as who has a share of its CPU.  (struct sched_entity)"""

    thread: KThread
    rq: RunQueue
    vruntime: int = 0  # of its CPU's time, what it has had
    user: int = 0
    system: int = 0
    in_user: bool = False
    left: int = 0  # of what it computes
    started: int = 0
    ended: int | None = None
    spinning: bool = False


@define(eq=False)
class RunQueue:
    """A CPU, and the threads that it is shared by.  (struct rq)"""

    number: int
    now: int = 0  # up to when what it did is known
    since: int = 0  # when whoever has it was last accounted for
    idle: int = 0
    switches: int = 0
    current: Entity | None = None
    last: Entity | None = None  # whose registers the CPU has
    ready: list[Entity] = field(factory=list)
    slice_end: int = 0
    irq: Entity | None = None  # who answers when it is interrupted
    irq_at: int = NEVER  # when there was something to answer
    event: int = NEVER  # when it will do something

    def next_event(self) -> int:
        """When this CPU next does something that others can notice."""
        now, current = self.now, self.current
        if current is None or current.spinning:
            at = NEVER
        elif not current.left:
            at = now
        else:
            at = now + current.left
            if self.ready:
                at = min(at, max(now, self.slice_end))
        return min(at, max(now, self.irq_at))

    @property
    def load(self) -> int:
        """How many threads want this CPU."""
        return len(self.ready) + (self.current is not None)


class TimedMachine(Machine):
    """Threads on CPUs with clocks.

    `interrupts` are the threads that answer for a CPU, in the order of the CPUs; they
    go first whenever they can go on.
    """

    def __init__(
        self,
        threads: Sequence[KThread],
        interrupts: Sequence[KThread],
        costs: Costs,
        check: Callable[[], None] = no_check,
        observe: Callable[[], object] = no_check,
        *,
        always: Callable[[], None] = no_check,
        model: object = None,
    ) -> None:
        self.costs = costs
        self.prices = costs.prices
        self.at = 0  # the moment of the step that is being done
        self.steps = 0
        self.rqs = [RunQueue(number) for number in range(len(interrupts))]
        self.entities: list[Entity] = []  # by the index of their threads
        self.waiting: dict[str, list[Entity]] = {}  # by what they wait for
        self.timers: list[tuple[int, int]] = []  # a heap: when, and whose index
        super().__init__(
            [], check, observe, max_steps=NEVER, always=always, model=model
        )
        for rq, thread in zip(self.rqs, interrupts, strict=True):
            self._add(thread, rq)
        for thread in threads:
            self.add(thread)

    # Threads.

    def add(self, thread: KThread) -> None:
        """One more thread, on the CPU that it names, from this moment on."""
        self._add(thread, None)

    def _add(self, thread: KThread, answers_for: RunQueue | None) -> None:
        rq = answers_for or self.rqs[thread.cpu]
        entity = Entity(thread, rq, started=self.at)
        if answers_for is not None:
            rq.irq = entity
        elif rq.current is not None:
            entity.vruntime = rq.current.vruntime
        self.entities.append(entity)
        super().add(thread)
        op = thread.pending
        if op is None:
            return
        if not op.takes_time or not self._take_time(entity, op, self.at):
            self._ready(entity, self.at)

    def entity(self, thread: KThread) -> Entity:
        return self.entities[thread.index]

    def least_loaded(self) -> int:
        """The number of the CPU that the fewest threads want."""
        return min(self.rqs, key=lambda rq: (rq.load, rq.number)).number

    # The run.

    def run_until(self, end: int) -> bool:
        """Go on to this moment; False if the run was over before that."""
        rqs, timers = self.rqs, self.timers
        while self.failure is None:
            rq = rqs[0]
            for other in rqs:
                if other.event < rq.event:
                    rq = other
            at = rq.event
            if timers and timers[0][0] <= at:
                if timers[0][0] > end:
                    break
                self._time_out()
            elif at > end:
                if at < NEVER:
                    break
                if not self._look_again():
                    self._finish()
                    return False
            else:
                current = rq.current
                if at >= rq.slice_end or rq.irq_at <= at or not current or current.left:
                    self._advance(rq, at)
                else:
                    self._step(rq, current)
        return self.failure is None

    def _time_out(self) -> None:
        """The earliest timer: who waited for it may go on."""
        self.at, index = heapq.heappop(self.timers)
        self._ready(self.entities[index], self.at)

    def _advance(self, rq: RunQueue, at: int) -> None:
        """Let a CPU do what it does next, whatever that is."""
        current = rq.current
        if at > rq.now:
            self._elapse(rq, at)
        if rq.irq_at <= at:
            assert rq.irq is not None
            self._account(rq)
            self._step(rq, rq.irq)
            rq.irq.system += rq.now - rq.since
            rq.since = rq.now
        elif current is not None and self._is_over(rq, current):
            self._reschedule(rq)
        elif current is not None:
            self._step(rq, current)
        rq.event = rq.next_event()

    def _is_over(self, rq: RunQueue, current: Entity) -> bool:
        """Whether a thread has had its slice, and is where its CPU can be taken."""
        return (
            current.in_user
            and rq.now >= rq.slice_end
            and bool(rq.ready)
            and not current.thread.held  # in the middle of an instruction
        )

    def _elapse(self, rq: RunQueue, at: int) -> None:
        """A CPU's clock goes on: it was idle, or spun, or computed."""
        passed, current = at - rq.now, rq.current
        rq.now = at
        if current is None:
            rq.idle += passed
            rq.since = at
        elif current.left:
            current.left -= passed

    def _account(self, rq: RunQueue) -> None:
        """Whoever has a CPU has had it since last time."""
        current, passed = rq.current, rq.now - rq.since
        rq.since = rq.now
        if current is not None:
            current.vruntime += passed
            if current.in_user:
                current.user += passed
            else:
                current.system += passed

    def _step(self, rq: RunQueue, entity: Entity) -> None:
        """Do what a thread has announced, if that is possible."""
        thread = entity.thread
        op = thread.pending
        assert op is not None
        kind = op.kind
        if kind >= ACQUIRE and not op.possible():
            self._wait(rq, entity, op)
            return
        self.at = rq.now
        self.steps += 1
        if self.watchers or self.is_checked:
            self._resume_watched(thread, thread)
        else:
            self._resume(thread, thread)
        row = self.prices.get(type(op))
        cost = self.costs.cycles(op) if row is None else row[kind]
        rq.now = rq.event = rq.now + cost
        if kind is not READ:
            if self.waiting and op.key in self.waiting:
                self._wake(op.key, rq.now)
        elif type(op) is Cross:
            self._account(rq)
            entity.in_user = op.to_user
        following = thread.pending
        if following is None:
            self._ended(rq, entity)
        elif following.takes_time:
            self._take_time(entity, following, rq.now)

    def _heed(self, thread: KThread, op: Op) -> Op:
        """What was done without a step takes its time as well."""
        while isinstance(op, Work):
            self.rqs[thread.cpu].now += self.costs.cycles(op)
            op = thread.body.send(thread)
        return super()._heed(thread, op)

    def _ended(self, rq: RunQueue, entity: Entity) -> None:
        entity.ended = rq.now
        self._leave(entity)

    # Waiting.

    def _take_time(self, entity: Entity, op: Op, now: int) -> bool:
        """A thread wants to do what takes time; whether it sleeps for that."""
        if isinstance(op, Spend):
            entity.left = op.cycles
            entity.rq.event = entity.rq.next_event()
            return False
        at = now + op.cycles if isinstance(op, Sleep) else self.costs.until(op, now)
        self._sleep_until(entity, at)
        return True

    def _sleep_until(self, entity: Entity, at: int) -> None:
        heapq.heappush(self.timers, (at, entity.thread.index))
        self._leave(entity)

    def _wait(self, rq: RunQueue, entity: Entity, op: Op) -> None:
        """What a thread wants to do is not possible yet."""
        self.waiting.setdefault(op.key, []).append(entity)
        if entity is rq.irq:
            rq.irq_at = NEVER
        elif op.sleeps:
            self._leave(entity)
        else:
            entity.spinning = True
        rq.event = rq.next_event()

    def _leave(self, entity: Entity) -> None:
        """A thread needs its CPU no longer, for now."""
        rq = entity.rq
        if rq.current is entity:
            self._account(rq)
            rq.current = None
            self._pick(rq)

    def _wake(self, key: str, at: int) -> None:
        """Something has changed for those who wait there."""
        waiters = self.waiting.pop(key)
        still = [entity for entity in waiters if not self._may_go_on(entity, at)]
        if still:
            self.waiting[key] = still + self.waiting.get(key, [])

    def _may_go_on(self, entity: Entity, at: int) -> bool:
        op = entity.thread.pending
        assert op is not None
        if not op.possible():
            return False
        self._ready(entity, at)
        return True

    def _look_again(self) -> bool:
        """Ask all that wait, when nobody else is about; whether one may go on."""
        found = False
        now = max(rq.now for rq in self.rqs)
        for key in list(self.waiting):
            before = len(self.waiting[key])
            self._wake(key, now)
            found |= len(self.waiting.get(key, [])) < before
        return found

    def _ready(self, entity: Entity, at: int) -> None:
        """A thread can go on, from this moment."""
        rq = entity.rq
        current = rq.current
        if entity is rq.irq:
            rq.irq_at = at
        elif entity is current:
            entity.spinning = False
            if at > rq.now:
                self._elapse(rq, at)
        else:
            rq.ready.append(entity)
            if current is None:
                if at > rq.now:
                    self._elapse(rq, at)
                self._pick(rq)
            else:
                # Who has slept goes before others, but not for all the time it slept.
                least = current.vruntime - self.costs.slice
                if entity.vruntime <= least:
                    entity.vruntime = least
                    rq.slice_end = min(rq.slice_end, at)
        rq.event = rq.next_event()

    # Whose turn it is.

    def _reschedule(self, rq: RunQueue) -> None:
        """Another thread's turn, if there is one."""
        assert rq.current is not None
        self._account(rq)
        rq.ready.append(rq.current)
        rq.current = None
        self._pick(rq)

    def _pick(self, rq: RunQueue) -> None:
        """Give a CPU to the thread that has had the least."""
        if rq.ready:
            chosen = min(rq.ready, key=lambda entity: entity.vruntime)
            rq.ready.remove(chosen)
            rq.current = chosen
            rq.slice_end = rq.now + self.costs.slice
            if chosen is not rq.last:
                rq.last = chosen
                rq.switches += 1
                rq.now += self.costs.switch
                rq.since = rq.now
                chosen.system += self.costs.switch
        rq.event = rq.next_event()

    def _finish(self) -> None:
        """Nothing will happen any more.  Is that because everybody is done?"""
        stuck = self.unfinished()
        if stuck:
            self.failure = deadlock(stuck)
        else:
            self._ask(self.check)
