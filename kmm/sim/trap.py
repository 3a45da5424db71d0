"""The trap: how a kernel thread gives up its CPU.

A kernel thread is a coroutine.  Before it does anything that another CPU can see
or undo, it says what it is about to do, and waits to be chosen:

    current = await trap(op)

There a thread is suspended, and nowhere else.  These are the rules that follow from it:

1. A plain `def` is atomic.  Another CPU may run where an await comes to `trap` with
   anything but a question (5).  An `async def` in which no await does so is atomic too.
2. One step of a run is one operation on one shared object, seldom on two (`Op.also`),
   and the code from there to the next trap.  That code may touch only what the thread
   owns, or what a lock that it holds protects.
3. Two steps of different threads may be swapped without anyone noticing unless they
   conflict on an object that both touch (`Op.conflicts`).  Searches rely on this, so
   a lockless access that is not announced here is an error in the model: a proof
   misses what it would show.  `datarace` looks for such accesses, and a test has found
   none in any race on 2.6.36.  What is known of the rest of the model is in
   docs/design.md, "What the races' bounds mean".
4. A thread that must wait announces an operation that is not possible yet.  It is
   blocked until it is; the run loop asks (`Op.possible`).  Only kinds from ACQUIRE on
   ever have to wait, so of the others nobody asks.
5. A `Question` is said to the run loop, which answers at once, so it is no preemption
   point.  `get_current` says one, and so `failure.might_sleep`; `start_thread`; and
   `clock.work`.
6. These coroutines are not asyncio's.  `Machine` steps them.
7. A run loop that knows already that this thread is the next one may say so when it is
   asked (`let_go_ahead`), and the thread goes on without having been suspended.  What
   happens is the same; the way down and up again through the awaits is saved.  Only
   timed runs do so, if nobody looks on.

Most code traps through `access`, `locks` and `kmm.hw.memory`.  A few modules of `mm` do
so themselves, where they wait for something that is no lock.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Generator
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .thread import KThread


class Kind(IntEnum):
    """What an operation does to its object.

    The order matters: those that may have to wait come last, from ACQUIRE on, and after
    them ASK.  `machine`, `timed`, `locks` and `strategies.source_dpor` compare with
    ACQUIRE, and `workloads.cycles` has a price for each kind at its number.
    """

    READ = 0  # looks at it
    WRITE = 1  # changes it; an atomic read-modify-write counts as one
    TRY = 2  # takes a lock if it is free, and never waits
    RELEASE = 3  # gives up an exclusive hold
    UNSHARE = 4  # gives up a shared hold
    ACQUIRE = 5  # takes it exclusively, once nobody holds it
    SHARE = 6  # takes it together with other readers, once no writer holds it
    WAIT = 7  # takes nothing, but goes on only once the object allows it
    ASK = 8  # is no operation, but said to the run loop (`Question`)


READ, WRITE, TRY, RELEASE, UNSHARE, ACQUIRE, SHARE, WAIT, ASK = Kind

# Pairs that can be swapped: neither order can be told from the other afterwards.
COMMUTING = frozenset(
    {
        (READ, READ),
        (READ, WAIT),
        (WAIT, READ),
        (WAIT, WAIT),
        (SHARE, SHARE),
        (SHARE, UNSHARE),
        (UNSHARE, SHARE),
        (UNSHARE, UNSHARE),
    }
)

# Pairs in which the first makes the second possible: ordered, but never swapped.
# (WRITE, WAIT) is none of them.  Whoever holds a lock keeps all others out until it is
# given back, whereas a write may change nothing for who waits, or make it impossible to
# go on.  (UNSHARE, WAIT) is none either: a grace period does not wait for all readers.
ENABLING = frozenset(
    {
        (RELEASE, ACQUIRE),
        (RELEASE, SHARE),
        (RELEASE, WAIT),
        (UNSHARE, ACQUIRE),
    }
)


Touch = tuple[Kind, str]  # what is done to an object, and its key


class Gate(Protocol):
    """An object that can make a thread wait."""

    def admits(self, op: Op) -> bool:
        """Whether `op` is possible now."""
        ...


def operation_text(kind: str, key: str) -> str:
    """An operation in one line.  Files keep it, and a replay compares with them."""
    return f"{kind} {key}"


class Op:
    """One operation on one shared object, announced before it is done.

    `key` names the object.  It is equal in every run that has the same past, so that
    a search may compare operations of different runs; it is also what people read.
    """

    __slots__ = ("key", "kind")

    # Whether waiting for it means sleeping, which is a bug while a spinlock is held.
    sleeps = False
    # Whether a device does it, and the thread sleeps until it has (`sim.timed`).
    takes_time = False
    # What it does to other objects in the same step.  As to who may come first, it is
    # to each of its objects what its kind there says: if it waits for two locks, it is
    # possible only while both are free.
    also: tuple[Touch, ...] = ()

    def __init__(self, kind: Kind, key: str) -> None:
        self.kind = kind
        self.key = key

    @property
    def touches(self) -> tuple[Touch, ...]:
        """All that it does: to its own object, and to others besides."""
        return ((self.kind, self.key), *self.also)

    def conflicts(self, other: Op) -> bool:
        """Whether the order of the two matters, if different threads do them."""
        if self.also or other.also:
            return any(
                key == at and (kind, there) not in COMMUTING
                for kind, key in self.touches
                for there, at in other.touches
            )
        return self.key == other.key and (self.kind, other.kind) not in COMMUTING

    def possible(self) -> bool:
        """Whether the thread may go on now."""
        return True

    def peek(self) -> object:
        """The object's value at this moment, for a recording."""
        return None

    def __repr__(self) -> str:
        return operation_text(self.kind.name.lower(), self.key)


class GateOp(Op):
    """An operation on an object that may say: not yet."""

    __slots__ = ("gate", "sleeps")

    def __init__(self, kind: Kind, key: str, gate: Gate, *, sleeps: bool) -> None:
        super().__init__(kind, key)
        self.gate = gate
        self.sleeps = sleeps

    def possible(self) -> bool:
        return self.gate.admits(self)

    def peek(self) -> object:
        return str(self.gate)


class Question(Op):
    """What is no operation, but said to the run loop, which answers at once.

    The thread goes on with the answer, which is who is running, whatever it said: not a
    preemption point.  Some questions ask nothing and only say something.
    """

    __slots__ = ()

    def __init__(self, what: str) -> None:
        super().__init__(ASK, what)


class Start(Question):
    """Says that a thread is to run from now on, beside the others."""

    __slots__ = ("thread",)

    def __init__(self, thread: KThread) -> None:
        super().__init__(f"start of {thread.name}")
        self.thread = thread


WHO = Question("current")


async def get_current() -> KThread:
    """The running thread, which Linux calls `current`.  Not a preemption point."""
    return await trap(WHO)


async def start_thread(thread: KThread) -> None:
    """Let a new thread run beside this one.  Not a preemption point.

    Searches that reduce what they run cannot cover a program that does so.
    """
    await trap(Start(thread))


Judge = Callable[["Op"], "KThread | None"]

# One for all threads of Python, each of which may have runs of its own: a judge answers
# None to whom it does not know.  None in place of it is always right, and slower.
_judge: Judge | None = None


def let_go_ahead(judge: Judge | None) -> None:
    """Have `judge` asked at each trap (7), and whoever was before no more."""
    global _judge
    _judge = judge


@types.coroutine
def trap(op: Op) -> Generator[Op, KThread, KThread]:
    """Announce `op`, wait to be chosen, and return the running thread ("current")."""
    judge = _judge
    if judge is not None and (current := judge(op)) is not None:
        return current
    return (yield op)
