"""Runs with few context switches: all that matter, the fewest first.

A run is seen as **turns**: one thread goes on for some steps, then another.  `FewTurns`
tries the runs without a switch first, then those with one, and so on.  The first number
at which any run fails is the fewest; when all runs of that number have been tried, the
least of those that failed is the least of all.

There would be far too many if a turn might end anywhere.  But who is stopped might as
well have taken its next step first, unless that step conflicts with what others do
before its next turn.  So a turn goes on for as long as it can, and it is tried shorter
only where there is a reason: when a step of a later turn is seen that conflicts with
one of its own, or that must wait for it, the turn is made to end before its own.

What a thread does in a turn depends on the trace up to there and on nothing else, so a
turn that begins after the same trace as one before it is not run again.

Bounding switches in a search that reduces orders loses runs if it is done lightly: see
Coons, Musuvathi and McKinley, "Bounded partial-order reduction", OOPSLA 2013.  Here a
turn may be made shorter for what any later turn does, and all who can go on after a
turn do, so nothing is missed: `tests/tools/fuzz_witnesses.py` holds that
against enumeration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from attrs import define, field

from .failure import Failure, alike
from .machine import Machine
from .order import Act, Block, Past, cost, least_of_trace
from .search import Boot
from .slices import Slices, at_once
from .thread import KThread
from .trap import Op


class TooMany(Exception):
    """There are more runs than may be made."""


class Unpredictable(Exception):
    """What a thread does depends on more than the trace up to there.

    So it is in programs that start threads, whose numbers go by who started first.
    """


@define
class Allowance:
    """How many steps may still be taken: a search ends alike on every machine."""

    steps: int

    def spend(self, machine: Machine) -> None:
        """A run has been made.  Raises TooMany."""
        self.steps -= len(machine.choices)
        if self.steps < 0:
            raise TooMany


@define(eq=False)
class Doing:
    """What a thread does if it goes on from some place for as long as it can."""

    ops: list[Op] = field(factory=list)
    at: dict[str, list[int]] = field(factory=dict)  # an object's key -> steps on it
    # The others that can go on, before each of the steps and after the last.
    able: list[list[int]] = field(factory=list)
    # Afterwards:
    unfinished: frozenset[int] = frozenset()  # daemons aside
    waiting: list[tuple[int, Op]] = field(factory=list)  # who, and for what
    cut_short: bool = False  # by a failure
    is_over: bool = False  # nobody can go on
    failure: Failure | None = None

    @property
    def last_stop(self) -> int:
        """The steps of the longest turn after which others can go on."""
        return len(self.ops) - self.cut_short

    def conflicting(self, cut: int, ops: Sequence[Op]) -> list[int]:
        """Those of the first `cut` steps that conflict with any of `ops`."""
        found = {
            step
            for op in ops
            for _, key in op.touches
            for step in self.at.get(key, ())
            if step < cut and self.ops[step].conflicts(op)
        }
        return sorted(found)


@define(eq=False)
class Turn:
    """A point in the tree of runs: `thread` goes on after `cut` steps of `before`."""

    before: Turn | None
    cut: int
    thread: int
    switches: int  # so far
    past: Past
    doing: Doing = field(factory=Doing)
    tried: set[tuple[int, int]] = field(factory=set)  # cuts, and who went on there

    def way(self) -> Iterator[tuple[Turn, int]]:
        """The turns before this one, last first, with the steps taken in each."""
        turn = self
        while turn.before is not None:
            yield turn.before, turn.cut
            turn = turn.before

    def choices(self) -> list[int]:
        """Who went on, up to the start of this turn."""
        turns = reversed([*self.way()])
        return [turn.thread for turn, cut in turns for _ in range(cut)]

    def steps(self) -> list[Act]:
        """All steps, up to the end of this turn."""
        turns = [*reversed([*self.way()]), (self, len(self.doing.ops))]
        return [(turn.thread, op) for turn, cut in turns for op in turn.doing.ops[:cut]]

    def had_reason_to_stop(self) -> bool:
        """Whether the thread had a reason to stop at the end of its last turn."""
        since: list[Op] = []
        for earlier, cut in self.way():
            ops = earlier.doing.ops
            if earlier.thread == self.thread:
                return cut == len(ops) or any(ops[cut].conflicts(op) for op in since)
            since += ops[:cut]
        return True


class FewTurns:
    """The runs with the fewest switches among those that fail alike."""

    def __init__(self, boot: Boot, failure: Failure, allowance: Allowance) -> None:
        self.boot = boot
        self.failure = failure
        self.allowance = allowance
        machine = boot()
        self.threads = len(machine.threads)
        self.daemons = frozenset(t.index for t in machine.threads if t.daemon)
        self.unfinished = frozenset(t.index for t in machine.unfinished())
        self.able = [thread.index for thread in machine.enabled()]
        machine.close()
        self.left: list[tuple[int, int, Turn]] = []  # by switches, then as thought of
        self.number = 0  # of turns thought of
        self.known: dict[tuple[tuple[int, ...], int], Doing] = {}  # by past and thread

    def search(self, most: int) -> list[list[Block]]:
        """Each failing run's least order, least first; [] if all take over `most`.

        Raises TooMany and Unpredictable.
        """
        return at_once(self.searching(most))

    def searching(self, most: int) -> Slices[list[list[Block]]]:
        """As `search`, in slices of a turn each."""
        found = []
        for thread in self.able:
            self._add(Turn(None, 0, thread, 0, Past(self.threads)), self.unfinished)
        while self.left and self.left[0][0] <= most:
            switches, _, turn = heappop(self.left)
            doing = turn.doing = self._doing(turn)
            if alike(doing.failure, self.failure):
                found.append(least_of_trace(turn.steps(), cut_short=doing.cut_short))
                most = switches
            self._shorten_earlier(turn)
            if not doing.is_over:
                for thread in doing.able[doing.last_stop]:
                    self._try(turn, doing.last_stop, thread)
            yield
        return sorted(found, key=cost)

    # Which turns to try.

    def _try(self, turn: Turn, cut: int, thread: int) -> None:
        """Let `turn` end after `cut` steps, and `thread` go on."""
        doing = turn.doing
        if cut == 0 or thread not in doing.able[cut] or (cut, thread) in turn.tried:
            return
        turn.tried.add((cut, thread))
        past = turn.past.copy()
        past.add(turn.thread, doing.ops[:cut])
        unfinished = doing.unfinished
        if cut < len(doing.ops):
            unfinished |= {turn.thread} - self.daemons
        after = Turn(turn, cut, thread, turn.switches + 1, past)
        if after.had_reason_to_stop():
            self._add(after, unfinished)

    def _add(self, turn: Turn, unfinished: frozenset[int]) -> None:
        """Put it among those left, by the switches that a failure takes at least."""
        ahead = 0
        if self.failure.thread is None:  # it shows when all have ended
            ahead = len(unfinished - {turn.thread})
        self.number += 1
        heappush(self.left, (turn.switches + ahead, self.number, turn))

    def _shorten_earlier(self, turn: Turn) -> None:
        """Stop turns before a step that conflicts with what is done in this one.

        Or with what somebody must wait for.  Only the last turn of each
        other thread can be meant: it has gone on since its earlier ones.
        """
        doing = turn.doing
        for who, op in doing.waiting:
            if who != turn.thread:
                for step in doing.conflicting(len(doing.ops), [op]):
                    self._try(turn, step, who)
        passed, then = {turn.thread}, turn.thread
        for earlier, cut in turn.way():
            if earlier.thread not in passed:
                passed.add(earlier.thread)
                waiting = [op for who, op in doing.waiting if who != earlier.thread]
                for step in earlier.doing.conflicting(cut, doing.ops + waiting):
                    self._try(earlier, step, then)
            then = earlier.thread

    # What is done in a turn.

    def _doing(self, turn: Turn) -> Doing:
        place = (turn.past.name, turn.thread)
        if place not in self.known:
            self._run(turn)
        return self.known[place]

    def _run(self, turn: Turn) -> None:
        """Run up to the turn, and then on to the end: what comes next is of use too."""
        machine = self.boot()
        machine.fast_forward(turn.choices())
        past, thread = turn.past.copy(), turn.thread
        while True:
            doing = self._let_go_on(machine, machine.threads[thread])
            self.known.setdefault((past.name, thread), doing)
            if doing.is_over or doing.cut_short:
                break
            past.add(thread, doing.ops)
            thread = doing.able[-1][0]
        machine.close()
        self.allowance.spend(machine)

    def _let_go_on(self, machine: Machine, thread: KThread) -> Doing:
        doing = Doing()
        others = [t for t in machine.threads if t is not thread]
        while True:
            doing.able.append([t.index for t in others if can_go_on(t)])
            op = thread.pending
            if op is None or machine.failure is not None or not op.possible():
                break
            for _, key in op.touches:
                doing.at.setdefault(key, []).append(len(doing.ops))
            doing.ops.append(op)
            machine.step(thread)
        if not doing.ops or len(machine.threads) != self.threads:
            raise Unpredictable
        self._end_turn(machine, doing)
        return doing

    @staticmethod
    def _end_turn(machine: Machine, doing: Doing) -> None:
        doing.cut_short = machine.failure is not None
        doing.is_over = not doing.cut_short and not doing.able[-1]
        if doing.is_over:
            make_last_checks(machine)
        doing.failure = machine.failure
        doing.unfinished = frozenset(t.index for t in machine.unfinished())
        doing.waiting = [
            (t.index, t.pending)
            for t in machine.threads
            if t.pending and not t.pending.possible()
        ]


def can_go_on(thread: KThread) -> bool:
    return thread.pending is not None and thread.pending.possible()


def make_last_checks(machine: Machine) -> None:
    """What comes when nobody can go on."""
    machine.run(Nobody())


class Nobody:
    """Never asked."""

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> None:
        return None
