"""The run loop: threads, one of which goes on at each step.

A run is the list of choices that made it.  `Machine` lets a strategy choose among
the threads that can go on, lets the chosen one do what it announced, and stops when
all have ended, when none can go on, or when one fails.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from attrs import evolve

from .failure import (
    Failure,
    ModelFailure,
    deadlock,
    failure_of,
    held_at_exit,
    livelock,
    sleeping_in_atomic,
)
from .thread import KThread
from .trap import ACQUIRE, ASK, WHO, Op, Start, get_current, let_go_ahead

T = TypeVar("T")

# Far beyond any run that gets somewhere; a run that reaches it is going in circles.
MAX_STEPS = 20_000


class Chooser(Protocol):
    """Decides who goes on: the heart of a strategy."""

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread | None:
        """One of `enabled` (never empty), or None to give this run up."""
        ...


class Watcher(Protocol):
    """Looks on while a run goes on, and says afterwards what it has seen."""

    def before(self, machine: Machine, thread: KThread) -> None:
        """`thread` is about to do what it announced (`thread.pending`)."""
        ...

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        """It has done so, and has come to its next trap or to its end."""
        ...


def no_check() -> None:
    """A program with nothing to check once its threads have ended."""


class Machine:
    """Kernel threads that share memory, and nothing else that moves.

    `check` looks at the memory once every thread has ended and raises ModelFailure
    if it is not as it should be; `always` does so after every step, if `is_checked`.
    `observe` describes the machine for a recording; searches never call it.  `model`
    is what the threads share, for those who want to look at more than that.

    There are four ways to take steps, and what each looks at is:

    - one (`step`): watchers, `always`, who sleeps and must not, `max_steps`;
    - all that are left (`run`): the same, and at the end deadlocks and `check`;
    - known ones again: watchers and `always`, and if there are none of these, nothing
      but failures;
    - those of a coroutine by itself (`run_alone`, below): nothing at all, and what it
      raises is raised.
    """

    def __init__(
        self,
        threads: Sequence[KThread],
        check: Callable[[], None] = no_check,
        observe: Callable[[], object] = no_check,
        max_steps: int = MAX_STEPS,
        *,
        always: Callable[[], None] = no_check,
        model: object = None,
    ) -> None:
        self.threads: list[KThread] = []
        self.check = check
        self.observe = observe
        self.max_steps = max_steps
        self.always = always
        self.is_checked = False
        self.watchers: list[Watcher] = []
        self.model = model
        self.choices: list[int] = []  # the run so far, as thread indexes
        self.failure: Failure | None = None
        self.cut_short = False  # whether a failure ended the run before the threads did
        for thread in threads:
            self.add(thread)

    def add(self, thread: KThread) -> None:
        """One more thread, which goes up to its first trap."""
        thread.index = len(self.threads)
        self.threads.append(thread)
        self._resume(thread, None)

    def enabled(self) -> list[KThread]:
        """The threads that can go on now, in order."""
        if self.failure is not None:
            return []
        return [
            thread
            for thread in self.threads
            if (op := thread.pending) is not None
            and (op.kind < ACQUIRE or op.possible())
        ]

    def unfinished(self) -> list[KThread]:
        """The threads that have not come to their end, daemons aside."""
        return [t for t in self.threads if t.pending and not t.daemon]

    def step(self, thread: KThread) -> None:
        """Let `thread` do what it announced, and run it to its next trap."""
        self.choices.append(thread.index)
        self._how_to_resume()(thread, thread)

    def _how_to_resume(self) -> Callable[[KThread, KThread | None], None]:
        is_watched = self.watchers or self.is_checked
        return self._resume_watched if is_watched else self._resume

    def _resume_watched(self, thread: KThread, value: KThread | None) -> None:
        op = thread.pending
        assert op is not None
        for watcher in self.watchers:
            watcher.before(self, thread)
        self._resume(thread, value)
        for watcher in self.watchers:
            watcher.after(self, thread, op)
        if self.is_checked and self.failure is None:
            self._ask(self.always, thread)

    def fast_forward(self, choices: Sequence[int]) -> None:
        """Take known steps again: the start of a run that has been made before.

        Searches spend most of their time here.  Where nobody looks on, all that is
        left of a step is to resume the thread: whether it may sleep was seen when the
        step was taken first.
        """
        threads = self.threads
        if self.watchers or self.is_checked:
            for index in choices:
                self.step(threads[index])
            return
        resume = [thread.body.send for thread in threads]
        for index in choices:
            thread = threads[index]
            try:
                op = resume[index](thread)
                if op.kind is ASK:
                    op = self._heed(thread, op)
                    resume = [each.body.send for each in threads]  # one may be new
            except (StopIteration, ModelFailure) as end:
                self._end(thread, end)
            else:
                thread.pending = op
        self.choices += choices

    def run(self, chooser: Chooser) -> bool:
        """Run on to the end; False if `chooser` gave the run up before that.

        A step is the operation that the thread has announced, and the code after it up
        to the next trap; the value that is sent in is what `trap` returns there, the
        running thread ("current").  Steps are as `step` takes them, inlined for speed.
        """
        choose, resume, choices = chooser.choose, self._how_to_resume(), self.choices
        while enabled := self.enabled():
            thread = choose(self, enabled)
            if thread is None:
                return False
            choices.append(thread.index)
            resume(thread, thread)
        self.finish()
        return True

    def close(self) -> None:
        """Drop threads that will not run on."""
        for thread in self.threads:
            thread.body.close()

    def _resume(self, thread: KThread, value: KThread | None) -> None:
        """Run a thread to its next trap; `value` is None if it has yet to start."""
        try:
            op = thread.body.send(value)  # type: ignore[arg-type]  # None starts it
            if op.kind >= ACQUIRE:
                op = self._heed(thread, op)
        except (StopIteration, ModelFailure) as end:
            self._end(thread, end)
        else:
            thread.pending = op
            if len(self.choices) >= self.max_steps and self.failure is None:
                self.failure = livelock(thread, self.max_steps)

    def _heed(self, thread: KThread, op: Op) -> Op:
        """What a thread announces, its questions having been answered.

        If it may have to sleep for that, see whether it is allowed to.
        """
        while op.kind is ASK:
            if op is not WHO:
                self._answer(op)
            op = thread.body.send(thread)
        if op.sleeps and thread.in_atomic:
            self._fail_to_sleep(thread, op)
        return op

    def _fail_to_sleep(self, thread: KThread, op: Op) -> None:
        """A thread may have to sleep for `op`, and is not allowed to."""
        thread.pending = op
        self.failure = sleeping_in_atomic(thread)

    def _answer(self, said: Op) -> None:
        """A thread says something to the run loop, beyond asking who it is."""
        if isinstance(said, Start):
            self.add(said.thread)

    def _end(self, thread: KThread, end: StopIteration | ModelFailure) -> None:
        """A thread is done, or has failed."""
        thread.pending = None
        if self.failure is not None:
            return  # the first failure is what ended the run
        if isinstance(end, ModelFailure):
            self.failure = failure_of(thread, end)
        elif thread.held:
            self.failure = held_at_exit(thread)

    def finish(self) -> None:
        """Nobody can go on.  Is that because everybody is done?"""
        if self.failure is not None:
            self.cut_short = True
            return
        stuck = self.unfinished()
        if stuck:
            self.failure = deadlock(stuck)
            return
        self._ask(self.check)

    def _ask(self, check: Callable[[], None], thread: KThread | None = None) -> None:
        """Let a check look at the memory; `thread` has taken the last step."""
        try:
            check()
        except ModelFailure as error:
            failure = Failure(error.kind, error.message, details=error.details)
            if thread is not None:
                failure = evolve(
                    failure,
                    thread=thread.name,
                    cpu=thread.cpu,
                    trace=thread.call_trace(),
                )
            self.failure = failure


async def idle() -> KThread:
    """What runs before anything else does."""
    return await get_current()


SWAPPER = KThread("swapper", 0, 0, idle())
SWAPPER.body.close()


def run_alone(
    body: Coroutine[Any, Any, T],
    current: KThread | None = None,
    daemons: Sequence[KThread] = (),
) -> T:
    """Run a coroutine of the model to its end with no other CPU about.

    For setting a scene, and for using a part of the model outside of any run.
    `current` is the thread that its locks will name as their holder.  `daemons` go on
    whenever it would have to wait.  Raises what `body` raises, and RuntimeError if it
    would wait for ever: what it took and did not give back then is nobody's, so that
    whatever runs alone next starts as this did.
    """
    thread = current or SWAPPER
    held_before = list(thread.held)
    let_go_ahead(None)  # these steps are none of a run that goes on around this
    others = Machine(daemons, max_steps=sys.maxsize)
    value: Any = None
    try:
        while True:
            op = body.send(value)
            value = thread
            if isinstance(op, Start):
                others.add(op.thread)
            while not op.possible():
                ready = others.enabled()
                if not ready:
                    raise RuntimeError(f"{thread.name} would wait for ever: {op!r}")
                others.step(ready[0])
                if others.failure is not None:
                    raise RuntimeError(others.failure.message)
    except StopIteration as end:
        result: T = end.value
        return result
    except BaseException:
        thread.held[:] = held_before
        raise
    finally:
        for ready in iter(others.enabled, []):
            others.step(ready[0])
        others.close()
