"""Runs compared by what can be told of them afterwards.

Two runs that differ only in the order of independent steps are of one trace.  A search
with partial-order reduction claims to make a run of each trace; here is what it takes
to hold that claim against plain enumeration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from statistics import fmean

from attrs import define, field, frozen

from kmm.sim.machine import Machine, no_check
from kmm.sim.search import run_once
from kmm.sim.strategies import Enumeration, RandomWalk, SourceDpor, Strategy
from kmm.sim.thread import KThread
from kmm.sim.trap import Op

Step = tuple[int, Op]  # a thread's index, and what it did
Trace = frozenset[tuple[int, int, str]]
Ending = tuple[str, Trace]


def trace_of(steps: Sequence[Step]) -> Trace:
    """The steps, each with its level: equal for runs that order conflicts alike.

    A step is one level above the highest of those before it that are of its thread
    or conflict with it (this is Foata's normal form).
    """
    trace = set()
    level_of: dict[int, int] = {}  # a thread -> the level of its last step
    steps_on: dict[str, list[tuple[int, Op]]] = {}  # a key -> levels and steps
    for thread, op in steps:
        on_same = [steps_on.setdefault(key, []) for _, key in op.touches]
        below = [
            level
            for before in on_same
            for level, earlier in before
            if earlier.conflicts(op)
        ]
        level = 1 + max([*below, level_of.get(thread, 0)])
        trace.add((level, thread, repr(op)))
        level_of[thread] = level
        for before in on_same:
            before.append((level, op))
    return frozenset(trace)


def causes_of_last(steps: Sequence[Step]) -> Trace:
    """The trace of only those steps that the last one depends on."""
    causes = [steps[-1]]
    for thread, op in reversed(steps[:-1]):
        if any(thread == other or op.conflicts(later) for other, later in causes):
            causes.append((thread, op))
    return trace_of(causes[::-1])


class TracedMachine(Machine):
    """A machine that remembers what was done.  `observe` gives what the run left."""

    def __init__(
        self,
        threads: Sequence[KThread],
        check: Callable[[], None] = no_check,
        observe: Callable[[], object] = no_check,
    ) -> None:
        super().__init__(threads, check, observe)
        self.done: list[Step] = []
        self.watchers.append(self)

    def before(self, machine: Machine, thread: KThread) -> None:
        assert thread.pending is not None
        self.done.append((thread.index, thread.pending))

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        pass

    def ending(self) -> Ending:
        """How the run ended, whatever the order of its independent steps."""
        failure = self.failure
        if failure is None:
            return f"ends with {self.observe()}", trace_of(self.done)
        if failure.kind == "deadlock":
            return f"deadlock: {'; '.join(failure.details)}", trace_of(self.done)
        what = f"{failure.kind}: {failure.message}"
        if failure.thread is None:  # found once all had ended
            return f"{what} {self.observe()}", trace_of(self.done)
        # The others were cut short, anywhere: only what led here counts.
        return what, causes_of_last(self.done)


TracedBoot = Callable[[], TracedMachine]


def whole_state(boot: TracedBoot) -> TracedBoot:
    """The same program, of which all that `ending` says belongs to the state."""

    def booted() -> TracedMachine:
        machine = boot()
        machine.model = machine.observe
        return machine

    return booted


def every_run(boot: Callable[[], Machine]) -> Iterator[Machine]:
    """The machine at the end of every interleaving of a small program."""
    strategy = Enumeration()
    while strategy.next_run():
        machine, _ = run_once(boot, strategy)
        yield machine


@define
class Found:
    """What a strategy found out about one program."""

    executions: int = 0
    given_up: int = 0
    endings: set[Ending] = field(factory=set)

    def can(self, kind: str) -> bool:
        """Whether a run can end in a failure of this kind."""
        return any(outcome.startswith(kind) for outcome, _ in self.endings)


def explore(boot: TracedBoot, strategy: Strategy, limit: int) -> Found | None:
    """Make every run that the strategy wants; None if that is more than `limit`."""
    found = Found()
    while strategy.next_run():
        if found.executions == limit:
            return None
        machine, complete = run_once(boot, strategy)
        assert isinstance(machine, TracedMachine)
        if complete:
            found.executions += 1
            found.endings.add(machine.ending())
        else:
            found.given_up += 1
    return found


@frozen
class Comparison:
    """All interleavings of a program beside the runs of the reduced search."""

    plain: Found
    reduced: Found

    @property
    def lost(self) -> set[Ending]:
        return self.plain.endings - self.reduced.endings

    @property
    def made_up(self) -> set[Ending]:
        return self.reduced.endings - self.plain.endings

    @property
    def agrees(self) -> bool:
        return not self.lost and not self.made_up

    def __str__(self) -> str:
        lines = sorted(f"lost: {outcome}" for outcome, _ in self.lost)
        lines += sorted(f"made up: {outcome}" for outcome, _ in self.made_up)
        return "\n".join(lines) or "the two agree"


def compare(boot: TracedBoot, limit: int = 5000) -> Comparison | None:
    """Run a program both ways; None if it has too many interleavings."""
    # Most programs that are far too large are told by a few random runs.
    if guess_interleavings(boot) > 2 * limit:
        return None
    plain = explore(boot, Enumeration(), limit)
    if plain is None:
        return None
    reduced = explore(boot, SourceDpor(), limit)
    assert reduced is not None, "more runs than there are interleavings"
    return Comparison(plain, reduced)


class Widths(RandomWalk):
    """Random runs that remember how many threads could go on at each step."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.widths: list[int] = []

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        self.widths.append(len(enabled))
        return super().choose(machine, enabled)


def guess_interleavings(boot: TracedBoot, runs: int = 8) -> float:
    """Knuth's estimate of the size of a tree: the mean product of its widths."""
    strategy = Widths()
    guesses = []
    for _ in range(runs):
        strategy.widths = []
        run_once(boot, strategy)
        guesses.append(prod(strategy.widths))
    return fmean(guesses)
