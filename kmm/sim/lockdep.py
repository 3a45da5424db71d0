"""Lock order: what might deadlock, though no run need have done so.

Linux: kernel/lockdep.c, Documentation/lockdep-design.txt.

Two threads that take two locks in opposite orders get stuck only if they meet.  That
the orders are opposite shows without a meeting, and not even in one run: it is enough
to remember who took what while holding what.  One `Lockdep` looks on at all runs of a
search:

    lockdep = Lockdep()
    search(with_watchers(boot, lockdep), strategy)
    lockdep.reports

Locks are told apart by class, not by instance: all anon_vmas' locks are one.  An order
between two of a class is declared where the second is taken, by a subclass
(`lock_nested`), or by an outer lock that makes it nobody's business (`lock_nest_lock`).
Each taking of a lock, other than by trying, adds dependencies from the locks in hand.
One that closes a circle is reported, and not added.

Readers of a rwsem (`RwSem`): a circle in which nobody writes is not reported, and a
second hold for reading is no recursion.  Linux says so of rwlocks only.  It holds
readers of a rwsem to the same order as writers, since a writer in the queue between two
of them keeps the second waiting; but the queues of this simulator have no order.

Left out: interrupts.  Linux also reports a lock that an interrupt takes and that others
hold with interrupts on; here the threads that serve interrupts take locks like any
other.  Lock bits and RCU are not followed (`Held.tracked`).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from weakref import WeakKeyDictionary

from attrs import define, field, frozen

from .failure import Report, ReportKind, held_by, task
from .locks import NestedOp
from .machine import Machine
from .thread import Held, KThread, Place
from .trap import ACQUIRE, RELEASE, SHARE, TRY, UNSHARE, GateOp, Op

KIND: ReportKind = "lock_order"

CIRCULAR = "INFO: possible circular locking dependency detected"
RECURSIVE = "INFO: possible recursive locking detected"

# What a name says of the instance: the 3 of anon_vma#3.lock and of flush_state[3].lock,
# and whatever follows a blank, up to the field, as in `zone 1/Normal.lock`.
INSTANCE = re.compile(r"#\d+|\[\d+\]| [^.]*")


def class_name(name: str) -> str:
    """The class of a lock by its name: `anon_vma.lock` for `anon_vma#3.lock`."""
    return INSTANCE.sub("", name)


@frozen
class LockClass:
    """Locks that follow one rule: those of a class, at one depth of nesting."""

    name: str
    subclass: int

    def __str__(self) -> str:
        return f"{self.name}/{self.subclass}" if self.subclass else self.name


@frozen(eq=False)
class Hold:
    """A lock that a thread has or wants, and where it took it or is to take it."""

    lock: Held
    lock_class: LockClass
    shared: bool
    tried: bool
    trace: tuple[Place, ...]  # innermost first

    @property
    def place(self) -> str:
        return str(self.trace[0]) if self.trace else "?"


@frozen(eq=False)
class Dependency:
    """Somebody took one lock while holding another: the first who did."""

    held: LockClass
    taken: LockClass
    writes: bool  # whether either of the two was held alone
    who: str  # comm/pid
    since: str  # where the first was taken
    trace: tuple[Place, ...]  # where the second was, innermost first


@frozen(eq=False)
class Attempt:
    """A thread is about to take a lock, and to wait for it if it must."""

    machine: Machine
    thread: KThread
    holds: list[Hold]  # what it has by now
    wanted: Hold

    def report(self, message: str, details: list[str]) -> Report:
        return Report(
            KIND,
            message,
            self.thread.name,
            self.thread.cpu,
            self.wanted.trace,
            tuple(details),
            tuple(self.machine.choices),
        )


@define(eq=False)
class Lockdep:
    """A watcher of any number of runs; `reports` is what they have shown so far.

    Each problem is reported when it is first seen, and never again.  The choices of
    its report lead to the attempt that closed the circle; the rest of the circle may
    be from earlier runs.
    """

    reports: list[Report] = field(factory=list)
    # The locks of each thread in the order of their taking.
    holds: WeakKeyDictionary[KThread, list[Hold]] = field(factory=WeakKeyDictionary)
    # Dependencies by the lock that was held; none closes a circle, but of readers.
    after_each: dict[LockClass, list[Dependency]] = field(factory=dict)
    # What need not be looked at again: held, taken, and whether either was written.
    known: set[tuple[LockClass, LockClass, bool]] = field(factory=set)
    # How each class was taken: shared or not, and with interrupts on or off.
    usage: set[tuple[LockClass, bool, bool]] = field(factory=set)

    def before(self, machine: Machine, thread: KThread) -> None:
        """Note what `thread` has, if it is about to take a lock."""
        hold = wanted_by(thread)
        if hold is not None:
            self.note_usage(thread, hold)
            self.holds.setdefault(thread, []).append(hold)

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        """Take back what was not got or is given back; look at what comes next."""
        holds = self.holds.setdefault(thread, [])
        drop_released(holds, thread, op)
        if not holds:
            return
        wanted = wanted_by(thread)
        if wanted is not None and not wanted.tried:
            self.note_usage(thread, wanted)
            self.examine(Attempt(machine, thread, holds, wanted))

    def note_usage(self, thread: KThread, hold: Hold) -> None:
        irqs_on = not any(lock.irqs_off for lock in thread.held)
        self.usage.add((hold.lock_class, hold.shared, irqs_on))

    def examine(self, attempt: Attempt) -> None:
        """Report what may come of an attempt, or remember what it depends on."""
        wanted = attempt.wanted
        alike = [hold for hold in attempt.holds if hold.lock_class == wanted.lock_class]
        if not alike:
            for hold in sources(attempt.holds):
                self.depend(attempt, hold)
        elif not is_nested(attempt):
            for hold in alike:
                if not (wanted.shared and hold.shared):
                    self.recursion(attempt, hold)

    def depend(self, attempt: Attempt, hold: Hold) -> None:
        """Add a dependency on `hold`, or report the circle that it would close."""
        wanted = attempt.wanted
        writes = not (hold.shared and wanted.shared)
        if not self.is_news(hold.lock_class, wanted.lock_class, writes):
            return
        chain = self.chain(wanted.lock_class, hold.lock_class, writes)
        if chain:
            self.known.add((hold.lock_class, wanted.lock_class, True))
            details = self.circle_lines(attempt, hold, chain)
            self.reports.append(attempt.report(CIRCULAR, details))
            return
        self.after_each.setdefault(hold.lock_class, []).append(
            Dependency(
                hold.lock_class,
                wanted.lock_class,
                writes,
                task(attempt.thread),
                hold.place,
                wanted.trace,
            )
        )

    def recursion(self, attempt: Attempt, hold: Hold) -> None:
        """Report that two locks of one class are taken, and nothing orders them."""
        if self.is_news(hold.lock_class, hold.lock_class, writes=True):
            details = self.recursion_lines(attempt, hold)
            self.reports.append(attempt.report(RECURSIVE, details))

    def is_news(self, held: LockClass, taken: LockClass, writes: bool) -> bool:
        """Whether this order was not seen before; from now on it was.

        Between readers it is no news if it was seen with a writer.
        """
        if (held, taken, True) in self.known or (held, taken, writes) in self.known:
            return False
        self.known.add((held, taken, writes))
        return True

    def chain(self, start: LockClass, end: LockClass, writes: bool) -> list[Dependency]:
        """The shortest way from `start` to `end` along dependencies; [] if none is.

        Unless the circle is written by who closes it (`writes`), somebody on the way
        has to.
        """
        ways: deque[tuple[LockClass, bool, list[Dependency]]] = deque()
        ways.append((start, writes, []))
        seen = {(start, writes)}
        while ways:
            here, written, way = ways.popleft()
            for dependency in self.after_each.get(here, []):
                there = (dependency.taken, written or dependency.writes)
                if there == (end, True):
                    return [*way, dependency]
                if there not in seen:
                    seen.add(there)
                    ways.append((*there, [*way, dependency]))
        return []

    # The words of the reports.

    def circle_lines(
        self, attempt: Attempt, hold: Hold, chain: list[Dependency]
    ) -> list[str]:
        """The report of a circle: `chain` leads from the wanted lock to `hold`."""
        lines = [
            *self.opening(attempt, hold),
            "which lock already depends on the new lock.",
            "",
            "the existing dependency chain (in reverse order) is:",
        ]
        for number in range(len(chain), 0, -1):
            link = chain[number - 1]
            lines += ["", f"-> #{number} {self.describe(link.taken)}:"]
            lines += [f"       by {link.who}, holding ({link.held}) since {link.since}"]
            lines += indented(link.trace)
        lines += ["", f"-> #0 {self.describe(attempt.wanted.lock_class)}:"]
        lines += indented(attempt.wanted.trace)
        lines += ["", "other info that might help us debug this:", ""]
        lines += two_cpus([attempt.wanted.lock_class, *(link.taken for link in chain)])
        return [*lines, "", *self.locks_held(attempt)]

    def recursion_lines(self, attempt: Attempt, hold: Hold) -> list[str]:
        return [
            *self.opening(attempt, hold),
            "other info that might help us debug this:",
            " Possible unsafe locking scenario:",
            "",
            "       CPU0",
            "       ----",
            f"  lock({hold.lock_class});",
            f"  lock({attempt.wanted.lock_class});",
            "",
            " *** DEADLOCK ***",
            "",
            " May be due to missing lock nesting notation",
            "",
            *self.locks_held(attempt),
        ]

    def opening(self, attempt: Attempt, hold: Hold) -> list[str]:
        return [
            f"{task(attempt.thread)} is trying to acquire lock:",
            f" {self.locate(attempt.wanted)}",
            "",
            "but task is already holding lock:",
            f" {self.locate(hold)}",
            "",
        ]

    def locks_held(self, attempt: Attempt) -> list[str]:
        return held_by(attempt.thread, [self.locate(hold) for hold in attempt.holds])

    def locate(self, hold: Hold) -> str:
        """A lock and where it is taken.

        Its own name stands where the kernels of later years print its address.
        """
        return f"{hold.lock.name} {self.describe(hold.lock_class)}, at: {hold.place}"

    def describe(self, lock_class: LockClass) -> str:
        """A class and its usage, e.g. `(anon_vma.lock){+.+...}`.

        Two letters each for interrupts, soft interrupts and reclaim: of writers, and of
        readers.  `+`: taken with those on.  Soft interrupts are on when interrupts are;
        what is taken in reclaim is not followed.
        """
        letters = "".join(
            "+" if (lock_class, shared, True) in self.usage else "."
            for shared in (False, True)
        )
        return f"({lock_class}){{{letters}{letters}..}}"


def wanted_by(thread: KThread) -> Hold | None:
    """The lock that a thread is about to take or to try; None if it is not."""
    op = thread.pending
    if not isinstance(op, GateOp) or op.kind not in (ACQUIRE, SHARE, TRY):
        return None
    lock = op.gate
    if not isinstance(lock, Held) or not lock.tracked:
        return None
    subclass = op.subclass if isinstance(op, NestedOp) else 0
    lock_class = LockClass(class_name(lock.name), subclass)
    shared, tried = op.kind is SHARE, op.kind is TRY
    return Hold(lock, lock_class, shared, tried, thread.call_trace())


def drop_released(holds: list[Hold], thread: KThread, op: Op) -> None:
    """Forget the last hold of a lock that was given back, or tried and not got."""
    if not isinstance(op, GateOp) or op.kind not in (RELEASE, UNSHARE, TRY):
        return
    gate: object = op.gate
    kept = sum(lock is gate for lock in thread.held)
    noted = [hold for hold in holds if hold.lock is gate]
    if len(noted) > kept:
        holds.remove(noted[-1])


def sources(holds: list[Hold]) -> Iterator[Hold]:
    """The holds from which a dependency runs to what is taken next.

    From the last back to the first that was not got by trying: what is older has one
    already, by way of that.  Of several of a class the first stands for all.
    """
    for number in range(len(holds) - 1, -1, -1):
        hold = holds[number]
        if any(earlier.lock_class == hold.lock_class for earlier in holds[:number]):
            continue
        yield hold
        if not hold.tried:
            return


def is_nested(attempt: Attempt) -> bool:
    """Whether the thread has the lock that it named as keeping others from this."""
    op = attempt.thread.pending
    return isinstance(op, NestedOp) and op.outer in attempt.thread.held


def two_cpus(circle: list[LockClass]) -> list[str]:
    """How the locks of a circle, the wanted one first, may meet on two CPUs.

    Linux has drawn this since 2011.
    """
    wanted, held, before_held = circle[0], circle[-1], circle[-2]
    lines = []
    if before_held != wanted:
        names = " --> ".join(map(str, (wanted, before_held, held)))
        lines = [" Chain exists of:", f"  {names}", ""]
    margin = " " * 31
    return [
        *lines,
        " Possible unsafe locking scenario:",
        "",
        "       CPU0                    CPU1",
        "       ----                    ----",
        f"  lock({held});",
        f"{margin}lock({before_held});",
        f"{margin}lock({held});",
        f"  lock({wanted});",
        "",
        " *** DEADLOCK ***",
    ]


def indented(trace: tuple[Place, ...]) -> list[str]:
    return [f"       {place}" for place in trace]
