"""What happens before what in a run: a vector clock for each thread.

What a thread knows of the others' time it has from those who let it go on:

- who takes a lock knows what those knew who gave it back;
- who reads what is marked knows what its writers knew, and who writes to it what its
  readers knew as well;
- who waits for something (a wake-up, a grace period) knows what those knew who brought
  it about;
- a thread knows what the thread knew that started it.
"""

from __future__ import annotations

from collections.abc import Mapping

from .trap import (
    ACQUIRE,
    READ,
    RELEASE,
    SHARE,
    TRY,
    UNSHARE,
    WAIT,
    WRITE,
    GateOp,
    Kind,
    Op,
)

Clock = list[int]  # by thread: the last moment of it that is known

# What each kind of operation learns from: the earlier ones on its object.
LEARNS_FROM: Mapping[Kind, tuple[Kind, ...]] = {
    READ: (WRITE, RELEASE),
    WRITE: (WRITE, READ),
    TRY: (RELEASE, UNSHARE),
    RELEASE: (),
    UNSHARE: (),
    ACQUIRE: (RELEASE, UNSHARE, WRITE),
    SHARE: (RELEASE,),
    WAIT: (WRITE, RELEASE, UNSHARE),
}
TEACHING = frozenset(kind for kinds in LEARNS_FROM.values() for kind in kinds)


class VectorClocks:
    """The clocks of all threads, and what they have left with objects."""

    def __init__(self, threads: int) -> None:
        self.clocks: list[Clock] = [[0] * threads for _ in range(threads)]
        for thread in range(threads):
            self.clocks[thread][thread] = 1
        # What can be learned from each object, by the kind of operation that left it.
        self.left: dict[str, dict[Kind, Clock]] = {}

    def now(self, thread: int) -> int:
        return self.clocks[thread][thread]

    def knows(self, thread: int, other: int, when: int) -> bool:
        """Whether a moment of `other` came before the present one of `thread`."""
        return when <= self.clocks[thread][other]

    def learn(self, thread: int, op: Op) -> None:
        """What an operation tells who does it, if it is going to succeed."""
        if op.kind is TRY and not succeeds(op):
            return
        for kind, key in op.touches:
            left = self.left.get(key, {})
            for other in LEARNS_FROM[kind]:
                if other in left:
                    catch_up(self.clocks[thread], left[other])

    def teach(self, thread: int, op: Op) -> None:
        """Leave what `thread` knows with the object; what it does next is news."""
        taught = [(kind, key) for kind, key in op.touches if kind in TEACHING]
        if not taught:
            return
        clock = self.clocks[thread]
        for kind, key in taught:
            catch_up(self.left.setdefault(key, {}).setdefault(kind, []), clock)
        clock[thread] += 1

    def start(self, starter: int, threads: int) -> None:
        """Threads that were started in this step know what their starter knew."""
        if threads == len(self.clocks):
            return
        for clock in self.clocks:
            clock.extend([0] * (threads - len(clock)))
        for thread in range(len(self.clocks), threads):
            self.clocks.append(self.clocks[starter].copy())
            self.clocks[thread][thread] = 1
        self.clocks[starter][starter] += 1


def succeeds(op: Op) -> bool:
    """Whether a TRY is going to get its lock."""
    return isinstance(op, GateOp) and op.gate.admits(Op(ACQUIRE, op.key))


def catch_up(clock: Clock, other: Clock) -> None:
    """Make `clock` the later of the two, thread by thread."""
    clock.extend([0] * (len(other) - len(clock)))
    for thread, when in enumerate(other):
        if when > clock[thread]:
            clock[thread] = when
