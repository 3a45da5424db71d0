"""Timed runs: CPUs with clocks of their own, and threads that share them.

An exploration asks what can happen; a timed run asks what does, and how long it takes.
The threads are the same coroutines.  Whose turn it is follows from the clocks: a step
happens at one moment, and then its CPU is busy for what it costs (`Costs`); the CPU
whose next moment is the earliest goes on (a discrete-event simulation).  Of two at the
same moment the one with the lower number is first.  What is chance in a machine, as
whether a cache has what is wanted, is drawn before the run (`Costs.delays`).

What a thread waits for decides how it waits.  For a spinlock it spins, and its CPU is
busy meanwhile.  For what may sleep it gives its CPU to another, and has it again some
time after it is woken.  Who wants a lock to himself is woken by himself, in the order
of coming; whoever asks for it before he gets there has it first, as in Linux.

An interrupt comes in between whatever its CPU does, computes or spins for, unless that
has interrupts off (`Cpu.interrupts`, a lock like others).

The scheduler is a small one in the manner of Linux's CFS (kernel/sched_fair.c): the
thread that has had the least of a CPU goes on, for a slice, and one that has slept may
go first.  A thread stays on the CPU that it was made for.  As in a kernel without
preemption (CONFIG_PREEMPT_NONE), a CPU is taken from a thread only while that is in its
program.

All times are in cycles, since the start of the run.  `runqueue` has the CPUs.

Left out: who waits for ever while others go on is not found; a deadlock is one of all.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any

from .clock import Cross, Sleep, Spend, Work
from .costs import Costs
from .failure import sleeping_in_atomic
from .garbage import no_collections
from .machine import Machine, no_check
from .runqueue import NEVER, Entity, RunQueue
from .thread import KThread
from .trap import (
    ACQUIRE,
    ASK,
    READ,
    SHARE,
    WAIT,
    WHO,
    Kind,
    Op,
    Touch,
    let_go_ahead,
)

FAR = 500  # cycles, in which a few steps are done: nearer, asking does not pay


class TimedMachine(Machine):
    """Threads on CPUs with clocks.

    `interrupts` are the threads that answer for a CPU, in the order of the CPUs; they
    go first whenever they can go on.
    """

    running: Entity  # whose step is being done

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
        self.delays = itertools.cycle(costs.delays)
        self.at = 0  # the moment of the step that is being done
        self.steps = 0
        self.until = 0  # until when a thread may go on with nobody else asked
        self.worked = 0  # cycles of this step, beyond its price
        self.doing: Op | None = None  # in this step, until it has been paid for
        self.is_asked = False  # by `trap`, whether a thread may go ahead
        self.caller = 0  # the thread of Python in which it goes on
        self.rqs = [RunQueue(number) for number in range(len(interrupts))]
        self.entities: list[Entity] = []  # by the index of their threads
        # By the key of what they wait for, in the order in which they came.
        self.waiting: dict[str, list[Entity]] = {}
        self.timers: list[tuple[int, int]] = []  # a heap: when, and whose index
        super().__init__(
            [], check, observe, max_steps=NEVER, always=always, model=model
        )
        for rq, thread in zip(self.rqs, interrupts, strict=True):
            self._add(thread, rq, answers=True)
        for thread in threads:
            self.add(thread)

    # Threads.

    def add(self, thread: KThread) -> None:
        """One more thread, on the CPU that it names, from this moment on."""
        self._add(thread, self.rqs[thread.cpu])

    def _add(self, thread: KThread, rq: RunQueue, *, answers: bool = False) -> None:
        rq.pass_time(self.at)
        rq.update_min_vruntime()
        entity = Entity(thread, rq, vruntime=rq.min_vruntime, started=self.at)
        if answers:
            rq.irq = entity
        self.entities.append(entity)
        let_go_ahead(None)  # it has yet to come to its first trap
        self.is_asked = False
        super().add(thread)
        op = thread.pending
        if op is None:
            entity.ended = self.at
        elif op.takes_time:
            self._take_time(entity, op, self.at)
        else:
            self._ready(entity)

    def entity(self, thread: KThread) -> Entity:
        return self.entities[thread.index]

    def task_times(self, entity: Entity) -> tuple[int, int]:
        """What a thread has had up to this moment: user time and system time."""
        entity.rq.pass_time(self.at)
        return entity.user, entity.system

    def least_loaded(self) -> int:
        """The number of the CPU that the fewest threads want."""
        return min(self.rqs, key=lambda rq: (rq.load, rq.number)).number

    # The run.

    def run_until(self, end: int) -> bool:
        """Go on to this moment; False if the run was over before that.

        Where it stops makes no difference to what happens.
        """
        self.caller = get_ident()
        with no_collections():
            try:
                is_over = not self._run(end)
            finally:
                let_go_ahead(None)
                self.is_asked = False
        if self.failure is None:
            self.at = max(rq.now for rq in self.rqs) if is_over else max(self.at, end)
        for rq in self.rqs:
            rq.pass_time(self.at)
        return not is_over

    def _run(self, end: int) -> bool:
        # This is written out for speed.  So is `_pay`, which a run is made of.
        first, *others = self.rqs
        timers = self.timers
        while self.failure is None:
            rq, at, until = first, first.event, end + 1
            for other in others:
                event = other.event
                if event < at:
                    rq, at, until = other, event, min(at, until)
                elif event < until:
                    until = event
            if timers and timers[0][0] < until:
                until = timers[0][0]
                if until <= at:
                    self._time_out()
                    continue
            if at > end:
                if at < NEVER or timers:
                    return True
                self.finish()
                return False
            self._go_on(rq, at, until)
        return False

    def _go_on(self, rq: RunQueue, at: int, until: int) -> None:
        """Let a CPU do what it does at this moment, by itself until another's comes."""
        current = rq.current
        if current is None or current.left or rq.irq_at <= at:
            self._do_other_than_step(rq, at)
            return
        if rq.irq_at < until:
            until = rq.irq_at
        if current.in_user and rq.ready and rq.slice_end < until:
            until = rq.slice_end
            if until <= at and rq.is_slice_over():
                self._do_other_than_step(rq, at)
                return
        self.until = until
        self._step(rq, current)

    def _time_out(self) -> None:
        """The earliest timer: who waited for it may go on."""
        self.at, index = heapq.heappop(self.timers)
        self._ready(self.entities[index])

    def _do_other_than_step(self, rq: RunQueue, at: int) -> None:
        """A CPU is interrupted, or a slice is over, or what a thread computes."""
        rq.pass_time(at)
        if rq.irq_at <= at:
            self._interrupt(rq)
        elif rq.is_slice_over():
            self._reschedule(rq)
        rq.event = rq.next_event()

    def _interrupt(self, rq: RunQueue) -> None:
        """A step of who answers when a CPU is interrupted.  It is not interrupted."""
        irq = rq.irq
        assert irq is not None
        rq.account()
        self.until = 0
        self._step(rq, irq)
        passed = rq.now - rq.since
        rq.since = rq.now
        rq.in_irq += passed
        irq.system += passed
        if rq.current is None and rq.irq_at > rq.now:
            self._pick(rq)

    def _step(self, rq: RunQueue, entity: Entity) -> None:
        """Do what a thread has announced, if that is possible.

        And then what it announces next, as long as that comes before all else.
        """
        thread, resume = entity.thread, self._how_to_resume()
        self.running = entity
        is_far = self.until - rq.now > FAR
        if is_far is not self.is_asked:
            self._be_asked(wanted=is_far)
        op = thread.pending
        assert op is not None
        while True:
            if op.kind >= ACQUIRE and not op.possible():
                self._wait(rq, entity, op)
                return
            self.at = rq.now
            self.steps += 1
            self.doing = op
            resume(thread, thread)
            self._pay()
            op = thread.pending
            if op is None or op.takes_time or rq.now >= self.until:
                break
        rq.event = rq.now
        if op is None:
            self._ended(entity)
        elif op.takes_time:
            self._take_time(entity, op, rq.now)

    def _be_asked(self, *, wanted: bool) -> None:
        """Let threads go ahead, unless somebody looks on, or stop that."""
        self.is_asked = wanted
        is_watched = self.watchers or self.is_checked
        let_go_ahead(self._go_ahead if wanted and not is_watched else None)

    def _go_ahead(self, op: Op) -> KThread | None:
        """The running thread announces `op`: that thread, if it may do it at once.

        Runs in other threads of Python ask as well, and if this one was interrupted
        those that come after it.
        """
        entity = self.running
        body: Any = entity.thread.body
        if get_ident() != self.caller or not body.cr_running:
            return None
        if op.kind is ASK:
            return entity.thread if op is WHO else None
        self._pay()
        now = entity.rq.now
        if now >= self.until or op.takes_time:
            return None
        if op.kind >= ACQUIRE and (
            (op.sleeps and entity.thread.in_atomic) or not op.possible()
        ):
            return None
        self.at = now
        self.steps += 1
        self.doing = op
        return entity.thread

    def _pay(self) -> None:
        """A step is over: who waited for what was done is woken, and it costs."""
        op, rq = self.doing, self.running.rq
        if op is None:
            return
        self.doing = None
        if op.kind is not READ and op.key in self.waiting:
            self._wake(op.key)
        if op.also:
            self._wake_all(op.also)
        row = self.prices.get(type(op))
        if row is None:
            self._pay_as_asked(self.running, op)
        elif cost := row[op.kind]:
            rq.now += cost + next(self.delays)
        if self.worked:
            rq.now += self.worked
            self.worked = 0

    def _answer(self, said: Op) -> None:
        """What was done without a step takes its time as well."""
        if isinstance(said, Work):
            self.worked += self.costs.cycles(said)
        else:
            super()._answer(said)

    def _fail_to_sleep(self, thread: KThread, op: Op) -> None:
        super()._fail_to_sleep(thread, op)
        self.until = 0

    def _pay_as_asked(self, entity: Entity, op: Op) -> None:
        """For what no list of prices has."""
        if type(op) is Cross:
            self._cross(entity, op)
        else:
            entity.rq.now += self.costs.cycles(op)

    def _cross(self, entity: Entity, op: Cross) -> None:
        """The way itself, in or out, is system time.  Its CPU may be another's turn."""
        rq = entity.rq
        rq.account()
        entity.in_user = False
        rq.now += op.cycles
        rq.account()
        entity.in_user = op.to_user
        self.until = 0

    def _ended(self, entity: Entity) -> None:
        entity.ended = entity.rq.now
        self._leave(entity)

    # Waiting.

    def _take_time(self, entity: Entity, op: Op, now: int) -> None:
        """A thread computes, or sleeps until a moment that is known."""
        rq = entity.rq
        if type(op) is Spend:
            if entity is rq.irq:
                rq.now += op.cycles
            else:
                entity.left = op.cycles
            if entity is rq.current or entity is rq.irq:
                rq.event = rq.next_event()
            else:
                self._ready(entity)
        elif entity.thread.in_atomic:
            self.failure = self.failure or sleeping_in_atomic(entity.thread)
        else:
            at = now + op.cycles if type(op) is Sleep else self.costs.until(op, now)
            heapq.heappush(self.timers, (at, entity.thread.index))
            self.until = 0
            self._leave(entity)

    def _wait(self, rq: RunQueue, entity: Entity, op: Op) -> None:
        """What a thread wants to do is not possible yet."""
        for _, key in op.touches:
            self.waiting.setdefault(key, []).append(entity)
        if op.sleeps or entity is rq.irq:
            self._leave(entity)
        else:
            entity.spinning = True
        rq.event = rq.next_event()

    def _leave(self, entity: Entity) -> None:
        """A thread needs its CPU no longer, for now."""
        rq = entity.rq
        if entity is rq.irq:
            rq.irq_at = NEVER
        elif rq.current is entity:
            rq.account()
            rq.update_min_vruntime()
            entity.nvcsw += 1
            rq.current = None
            self._pick(rq)

    def _wake_all(self, touches: Sequence[Touch]) -> None:
        """The same for each of the objects that an operation has changed."""
        for kind, key in touches:
            if kind is not READ and key in self.waiting:
                self._wake(key)

    def _wake(self, key: str) -> None:
        """Something has changed for those who wait there.

        Whoever would take it for himself is the last of those who want it to be woken,
        and if he comes after one who would share it he is not: it will be given back,
        and then those who are left are asked again.
        """
        still: list[Entity] = []
        taker: Kind = WAIT  # how those who were woken want it; WAIT takes nothing
        for entity in self.waiting.pop(key):
            op = entity.thread.pending
            assert op is not None
            kind = op.kind
            if kind is not WAIT and (
                taker is ACQUIRE or (taker is SHARE and kind is ACQUIRE)
            ):
                taker = ACQUIRE
                still.append(entity)
            elif op.possible():
                if kind is not WAIT:
                    taker = kind
                if op.also:
                    self._forget(entity, op, key)
                self._ready(entity)
            else:
                still.append(entity)
        if still:
            self.waiting[key] = still

    def _forget(self, entity: Entity, op: Op, woken_by: str) -> None:
        """Who was woken by one of the things that he waited for waits for none."""
        for _, key in op.touches:
            if key != woken_by:
                self.waiting[key].remove(entity)
                if not self.waiting[key]:
                    del self.waiting[key]

    def _ready(self, entity: Entity) -> None:
        """A thread can go on, from this moment."""
        rq = entity.rq
        self.until = 0
        if entity is rq.irq:
            rq.irq_at = self.at
        else:
            rq.pass_time(self.at)
            if entity is rq.current:
                entity.spinning = False
            else:
                self._enqueue(rq, entity)
        rq.event = rq.next_event()

    # Whose turn it is.

    def _enqueue(self, rq: RunQueue, entity: Entity) -> None:
        """A thread wants its CPU."""
        rq.update_min_vruntime()
        rq.ready.append(entity)
        # Who has slept goes before others, but not for all the time that it slept.
        least = rq.min_vruntime - self.costs.slice
        has_slept = entity.vruntime <= least
        if has_slept:
            entity.vruntime = least
        if rq.current is not None:
            if has_slept:
                rq.slice_end = min(rq.slice_end, self.at)
        elif rq.irq_at > rq.now:
            self._pick(rq)

    def _reschedule(self, rq: RunQueue) -> None:
        """A slice is over: whoever has had the least has the next one."""
        before = rq.current
        assert before is not None
        rq.account()
        rq.ready.append(before)
        rq.update_min_vruntime()
        rq.current = None
        self._pick(rq)
        before.nivcsw += rq.current is not before

    def _pick(self, rq: RunQueue) -> None:
        """Give a CPU that nobody has to the thread that has had the least of it.

        Of those that have had as much as one another, to the one that came first.
        """
        if rq.ready:
            chosen = min(rq.ready, key=lambda entity: entity.vruntime)
            rq.ready.remove(chosen)
            rq.current = chosen
            if chosen is not rq.last:
                rq.last = chosen
                self._switch(rq, chosen)
            rq.slice_end = rq.now + self.costs.slice
        rq.event = rq.next_event()

    def _switch(self, rq: RunQueue, to: Entity) -> None:
        """The way from one thread to another is the other's system time."""
        cost = self.costs.switch
        rq.switches += 1
        rq.now += cost
        rq.since = rq.now
        rq.system += cost
        to.system += cost

    # The end.

    def finish(self) -> None:
        """Nothing will happen any more.  Is that because everybody is done?"""
        lost = self.not_woken()
        assert not lost, f"nobody has woken {', '.join(lost)}"
        super().finish()

    def not_woken(self) -> list[str]:
        """Who waits for what is possible: nobody, once all who were woken have gone on.

        Anybody here is an error of the model: a gate that is opened by an operation
        on another object than those that are waited for.
        """
        waiting = (
            entity.thread for entities in self.waiting.values() for entity in entities
        )
        return [t.name for t in waiting if t.pending is None or t.pending.possible()]
