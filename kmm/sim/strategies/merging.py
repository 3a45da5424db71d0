"""Exhaustive search that never goes on twice from the same state.

Partial-order reduction makes one run for each way in which conflicting steps can be
ordered.  Where all threads want one lock, nearly every order is such a way: three
threads that take a lock ten times each can do so in 399 million orders.  But most of
them lead to states that others have led to.  When the lock has been taken by each as
often as in another run, and what it protects is the same, it does not matter any more
who came first.

So this search remembers every state in which there was a choice (`sim.state`), and
gives a run up when it comes to one of them.  What is left is one run for each *step*
between two states, rather than for each way through all of them.

Sleep sets (`sleep_sets`) spare it most of these: what they leave out would lead to a
state that is known.  The two ideas need care together: a state may have been explored
while some thread slept that is awake now.  Then what it was spared is made up for, by
the rule of Godefroid: of the threads that slept when the state was last explored, those
that are awake now are still to be explored; if there are none, nothing is.

Third, most steps are nobody else's business.  A thread that is about to touch what no
other thread ever touches (or what all only look at) may as well do so at once, and no
other choice is needed there: it is a persistent set by itself.  What is contested is
not known beforehand, so the search begins with the belief that nothing is, and learns:
when two threads have been seen to conflict on an object, it knows of one contested
object more, forgets its states, and begins again.  It ends when a whole search has met
nothing that it did not know.  Then no run from any state at which it made no choice
could have touched that thread's object: by the same swaps, it would have met that too.

States, sleep and persistent sets: Godefroid, "Partial-order methods for the
verification of concurrent systems", LNCS 1032 (1996).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..machine import Machine
from ..state import State, States
from ..thread import KThread
from ..trap import COMMUTING, Kind, Op
from .base import Strategy
from .sleep_sets import ALL_AWAKE, Asleep, check_threads, mask_of, still_asleep


class Junction:
    """A point of the current run: who is to go on from there, and who sleeps."""

    __slots__ = ("asleep", "left", "op", "put_off", "thread")

    def __init__(
        self, asleep: Asleep, left: Sequence[KThread], put_off: Sequence[KThread]
    ) -> None:
        self.asleep = asleep
        self.left = [(one.index, one.pending) for one in left]
        # Who could go on too, and need not, as nobody disturbs the one who does.
        self.put_off = [(one.index, one.pending) for one in put_off]
        self.choose_next()

    def choose_next(self) -> None:
        thread, op = self.left.pop(0)
        assert op is not None
        self.thread, self.op = thread, op


class Merging(Strategy):
    """Every state is reached at which there is a choice that matters."""

    name = "merging"
    exhaustive = True

    def __init__(self) -> None:
        self.known = States()
        self.states: int = 0  # that are known, at which there was a choice that matters
        # Who slept when a state was last explored, as a mask: bit i is thread i.
        self.slept: dict[State, int] = {}
        self.touched: dict[str, set[tuple[int, Kind]]] = {}  # by key: who did what
        self.contested: set[str] = set()
        self.begin_again = True
        self.stack: list[Junction] = []
        self.threads = 0  # in every run

    # Between runs: back to the last point with somebody left.

    def next_run(self) -> bool:
        if self.begin_again:
            self.begin_again = False
            self.stack.clear()
            self.slept.clear()
            return True
        while self.stack:
            last = self.stack[-1]
            if last.left:
                last.asleep = {**last.asleep, last.thread: last.op}
                last.choose_next()
                self.note(last.thread, last.op)
                return True
            self.stack.pop()
        return False

    @property
    def prefix(self) -> Sequence[int]:
        return [junction.thread for junction in self.stack]

    # During a run, past the prefix.

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread | None:
        last = self.stack[-1] if self.stack else None
        asleep = still_asleep(last.asleep, last.op) if last else ALL_AWAKE
        self.threads = self.threads or len(machine.threads)
        check_threads(self.threads, len(machine.threads))
        # Nobody is interrupted without need, so that witnesses are easy to read.
        if last and len(enabled) > 1:
            enabled = sorted(enabled, key=lambda one: one.index != last.thread)
        awake = [one for one in enabled if one.index not in asleep]
        left = self.undisturbed(enabled)
        put_off = [one for one in awake if one not in left] if left else []
        if not left:
            left = awake
            if len(enabled) > 1:
                left, asleep = self.unexplored(machine, left, asleep)
        if not left:
            return None
        new = Junction(asleep, left, put_off)
        self.stack.append(new)
        self.note(new.thread, new.op)
        return machine.threads[new.thread]

    def ended(self, machine: Machine, complete: bool) -> None:
        """Who could not go on, or was not let, would have touched something too.

        A failure cuts the others short, whom it has nothing to do with.  They go on
        without it in another run, so that one failure does not hide the next.
        """
        for thread in machine.threads:
            if thread.pending is not None:
                self.note(thread.index, thread.pending)
        if complete and machine.failure is not None and self.stack:
            last = self.stack[-1]
            last.left += last.put_off
            last.put_off = []

    def undisturbed(self, enabled: Sequence[KThread]) -> list[KThread]:
        """A thread whose next step is nobody else's business, if there is one."""
        for one in enabled:
            op = one.pending
            if op is not None and not any(k in self.contested for _, k in op.touches):
                return [one]
        return []

    def note(self, thread: int, op: Op) -> None:
        """Learn who touches what."""
        for kind, key in op.touches:
            touched = self.touched.setdefault(key, set())
            if key in self.contested or (thread, kind) in touched:
                continue
            touched.add((thread, kind))
            if any(
                who != thread and (other, kind) not in COMMUTING
                for who, other in touched
            ):
                self.contested.add(key)
                self.begin_again = True

    def unexplored(
        self, machine: Machine, awake: list[KThread], asleep: Asleep
    ) -> tuple[list[KThread], Asleep]:
        """Of those who are awake, who has not gone on from this state; and who sleeps.

        Raises Unmergeable.
        """
        state = self.known.of((machine.threads, machine.check, machine.model))
        mask = mask_of(asleep)
        before = self.slept.get(state)
        if before is None:
            self.slept[state] = mask
            self.states = len(self.slept)
            return awake, asleep
        self.slept[state] = before & mask
        return (
            [one for one in awake if before >> one.index & 1],
            {thread: op for thread, op in asleep.items() if before >> thread & 1},
        )
