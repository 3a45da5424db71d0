"""Exhaustive search with partial-order reduction: source sets with sleep sets.

Most interleavings differ from another only in the order of steps that have nothing
to do with each other.  All interleavings that order the conflicting steps alike form
one **trace**, and one run of each is enough.  The search makes a run, then asks of
every pair of steps in it: do these two conflict, and could they have come the other
way round?  Such a pair is a **race**.  For each, it plans to go back to just before
the first of the two and to let the second come first.

*Which thread to start with there* is the art.  Everything between the two that does
not depend on the first must come along; any thread whose step can come first among
those is an **initial**, and if one of the initials is planned at that point already,
nothing needs to be added.  The threads planned at a point form a **source set**.

*Not doing things twice* is what sleep sets are for (`sleep_sets`).  A run in which all
who could go on are asleep is given up; it would only repeat a trace.

Happens-before is kept in vector clocks: `clock[q]` of a step is the number of steps
of thread q that come before it in every run of the same trace, itself included.

An operation that is not possible yet races too, with whatever makes it impossible:
somebody who waits for a lock might have had it first.  Such operations are looked at
wherever a run ends, be it in a deadlock or because it was given up.  A failure also
ends the run of threads that could have gone on; another run lets them, so that one
failure does not hide the next.

Abdulla, Aronsson, Jonsson and Sagonas, "Source sets: a foundation for optimal dynamic
partial order reduction", J. ACM 64 (2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from ..estimate import Branches, Estimate, estimate
from ..machine import Machine
from ..thread import KThread
from ..trap import ACQUIRE, COMMUTING, ENABLING, Kind, Op
from .base import Strategy
from .sleep_sets import ALL_AWAKE, Asleep, check_threads, mask_of, still_asleep

Clock = list[int]  # never changed once it is a step's

# Kinds of which no two steps on one object can be swapped, nor one with another kind.
EXCLUSIVE = frozenset(Kind) - {kind for pair in COMMUTING for kind in pair}

# Asked at each step; as functions of C, since that is often.
PENDING, THREAD = attrgetter("pending"), attrgetter("thread")


class Node:
    """A point of the current run: what could be done there, and what was.

    Sets of threads are masks: bit i is thread i.
    """

    __slots__ = (
        *("asleep", "clock", "enabled", "explored", "op", "pending", "planned"),
        *("since", "sizes", "thread"),
    )

    def __init__(
        self,
        threads: Sequence[KThread],
        enabled: Sequence[KThread],
        asleep: Asleep,
        thread: int,
        since: int,
    ) -> None:
        # Of every thread; None of one that has ended.  The type leaves that out, since
        # only those are looked up that can go on or that sleep.
        self.pending: tuple[Op, ...] = tuple(map(PENDING, threads))
        self.enabled = enabled
        self.asleep = asleep  # explored from here, or before without a conflict since
        self.explored = 0  # those explored from here
        self.planned = 1 << thread  # the source set, as far as it is known
        self.clock: Clock  # once it has been compared with those before it
        self.thread = thread
        self.op = self.pending[thread]
        # For guessing how many runs there will be: how many there were before this
        # branch, and how many each branch from here took before it.
        self.since = since
        self.sizes: tuple[int, ...] = ()

    def could_choose(self, thread: int) -> bool:
        return any(one.index == thread for one in self.enabled)

    def precedes(self, clock: Clock) -> bool:
        """Whether this step happens before one with `clock`."""
        return self.clock[self.thread] <= clock[self.thread]

    def has_more(self, runs: int) -> bool:
        """Whether a thread is planned here that was not explored yet, nor sleeps.

        The one that was explored last sleeps from now on, and the next is chosen.
        `runs` is how many have been made in all.
        """
        self.explored |= 1 << self.thread
        left = self.planned & ~self.explored
        if not left:
            return False
        self.asleep = {**self.asleep, self.thread: self.op}
        left &= ~mask_of(self.asleep)
        if not left:
            return False
        self.thread = (left & -left).bit_length() - 1  # the lowest
        self.op = self.pending[self.thread]
        self.sizes, self.since = (*self.sizes, runs - self.since), runs
        return True

    def branches(self) -> Branches:
        """What is known of the branches from here."""
        gone = self.explored | mask_of(self.asleep) | 1 << self.thread
        return Branches(self.sizes, (self.planned & ~gone).bit_count())


class SourceDpor(Strategy):
    """One run for each trace, or a few more where a source set was not the best."""

    name = "dpor"
    exhaustive = True

    def __init__(self) -> None:
        self.stack: list[Node] = []
        self.compared = 0  # so many steps from the bottom have been
        # An object's key -> stack positions, and what was done to it there.
        self.steps_on: dict[str, list[tuple[int, Kind]]] = {}
        self.clocks: list[list[Clock]] = []  # of every thread's steps, by its index
        self.given_up = 0  # runs that only sleepers could have continued
        self.runs = 0
        # So many steps from the bottom are not its own to change: only `subtree`, which
        # is given its beginning, has any.
        self.base = 0

    # Between runs: back to the last point with something left to try.

    def next_run(self) -> bool:
        if not self.runs:
            return True
        stack, steps_on, clocks = self.stack, self.steps_on, self.clocks
        while len(stack) > self.base:
            node = stack[-1]
            thread = node.thread
            for _, key in node.op.touches:
                steps_on[key].pop()
            clocks[thread].pop()
            if node.planned != 1 << thread and node.has_more(self.runs):
                self.compared = len(stack) - 1
                return True
            stack.pop()
        return False

    @property
    def prefix(self) -> Sequence[int]:
        return list(map(THREAD, self.stack))

    def estimate(self) -> Estimate:
        """How many runs there will be."""
        if not self.stack:
            return Estimate(self.runs, 0)  # all of them have been made
        points = (node.branches() for node in reversed(self.stack[self.base :]))
        return estimate(points)

    # During a run, past the prefix.

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread | None:
        stack, threads = self.stack, machine.threads
        chosen = enabled[0]
        asleep = ALL_AWAKE
        if stack:
            last = stack[-1]
            if last.asleep:
                asleep = still_asleep(last.asleep, last.op)
                awake = [t for t in enabled if t.index not in asleep]
                if not awake:
                    self.given_up += 1
                    return None
                chosen = awake[0]
            # The first witness has few context switches if nobody is interrupted
            # without need.
            before = threads[last.thread]
            if before in enabled and last.thread not in asleep:
                chosen = before
        stack.append(Node(threads, enabled, asleep, chosen.index, self.runs))
        return chosen

    def ended(self, machine: Machine, complete: bool) -> None:
        """Plan to reverse races, those with operations that were never done too."""
        self.runs += 1
        if not self.stack:
            return
        self._compare(machine)
        last = self.stack[-1]
        for thread in machine.threads:
            op = thread.pending
            if op is None or (op.possible() and not machine.failure):
                continue
            self._find_races(thread.index, op)
            if op.possible() and last.could_choose(thread.index):
                # A failure cut it short.  In another run it goes on without that step.
                last.planned |= 1 << thread.index

    def _compare(self, machine: Machine) -> None:
        """Compare the steps that are new with those before them."""
        number = len(machine.threads)
        if not self.clocks:
            self.clocks = [[[0] * number] for _ in range(number)]
        check_threads(len(self.clocks), number)
        stack, steps_on, clocks = self.stack, self.steps_on, self.clocks
        for position in range(self.compared, len(stack)):
            node = stack[position]
            thread, op = node.thread, node.op
            if op.also or steps_on.get(op.key):
                self.compared = position
                before = self._find_races(thread, op)
            else:
                before = clocks[thread][-1]  # nobody was there before
            node.clock = clock = before[:]
            clock[thread] += 1
            clocks[thread].append(clock)
            for kind, key in op.touches:
                steps_on.setdefault(key, []).append((position, kind))
        self.compared = len(stack)

    # Races.

    def _find_races(self, thread: int, op: Op) -> Clock:
        """Plan the reversal of every race of `op`; return what happens before it."""
        before = ordered = self.clocks[thread][-1]  # by program order
        stack, steps_on = self.stack, self.steps_on
        for kind, key in op.touches:
            for position, there in reversed(steps_on.get(key, ())):
                earlier = stack[position]
                who, clock = earlier.thread, earlier.clock
                if clock[who] <= ordered[who]:
                    if there in EXCLUSIVE:
                        break  # all that came before it on this object precedes it
                    continue
                pair = (there, kind)
                if pair in COMMUTING:
                    continue
                before = later_of(before, clock)
                if pair in ENABLING:
                    continue
                self._plan_reversal(position, thread, op)
                if can_surely_go_first(op, there):
                    # The runs in which it does will see to what comes before the two.
                    ordered = later_of(ordered, clock)
        return before

    def _plan_reversal(self, position: int, thread: int, op: Op) -> None:
        """See to it that some run does `op` of `thread` before the step there."""
        node = self.stack[position]
        free = [
            s
            for s in self.stack[position + 1 : self.compared]
            if not node.precedes(s.clock)
        ]
        initials = find_initials(free)
        if not any(s.thread == thread or s.op.conflicts(op) for s in free):
            if not node.could_choose(thread):
                return  # it was impossible before that step as well
            initials.append(thread)
        if not any(node.planned >> initial & 1 for initial in initials):
            node.planned |= 1 << (thread if thread in initials else initials[0])


def can_surely_go_first(op: Op, there: Kind) -> bool:
    """Whether `op` is possible right before a step that does `there` to its object.

    One that waits might not be: whoever looked at the lock while it was held is not who
    to come before.  But before it was taken it was free, if that is all that it takes.
    """
    return op.kind < ACQUIRE or (there is ACQUIRE and not op.also)


def find_initials(steps: Sequence[Node]) -> list[int]:
    """The threads of `steps` whose first step needs none of the others before it."""
    initials: list[int] = []
    seen: set[int] = set()
    for i, step in enumerate(steps):
        if step.thread in seen:
            continue
        seen.add(step.thread)
        if not any(earlier.precedes(step.clock) for earlier in steps[:i]):
            initials.append(step.thread)
    return initials


def later_of(one: Clock, other: Clock) -> Clock:
    """The later of the two, thread by thread."""
    return [a if a > b else b for a, b in zip(one, other, strict=True)]
