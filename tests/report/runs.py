"""Runs for the tests of the reports: found once, and then only looked at."""

from __future__ import annotations

from functools import cache

from kmm.designs import parse_kernel
from kmm.scenarios import find_race, play
from kmm.scenarios.play import Played
from kmm.sim.failure import Failure, FailureKind
from kmm.sim.locks import SpinLock
from kmm.sim.machine import Machine
from kmm.sim.recording import Recording, Step, record
from kmm.sim.strategies import RoundRobin, SourceDpor
from kmm.sim.thread import KThread, Place

BUG_LINE = "kernel BUG at include/linux/swapops.h:105!"


@cache
def hunted(kernel: str, budget: int | None = None) -> Played:
    """The outcome of an exhaustive hunt in exec-stack."""
    return play.hunt(
        find_race("exec-stack"), parse_kernel(kernel), SourceDpor(), budget=budget
    )


@cache
def witness(race: str, kernel: str) -> Recording:
    """The shortest failing run of another race, as a hunt finds it."""
    return recorded(play.hunt(find_race(race), parse_kernel(kernel), SourceDpor()))


@cache
def single(kernel: str = "2.6.34") -> Played:
    """One run in turns; it does not fail."""
    return play.run(find_race("exec-stack"), parse_kernel(kernel), RoundRobin())


def recorded(played: Played) -> Recording:
    assert played.recording is not None
    return played.recording


@cache
def deadlocked() -> Recording:
    """Two threads take two locks in opposite orders, in turns."""

    def boot() -> Machine:
        one, two = SpinLock("one"), SpinLock("two")

        async def take(first: SpinLock, second: SpinLock) -> None:
            async with first, second:
                pass

        return Machine(
            [KThread("a", 1, 0, take(one, two)), KThread("b", 2, 1, take(two, one))]
        )

    return record(boot, RoundRobin())


@cache
def in_a_circle() -> Recording:
    """Three threads, each of which has a lock that the one before it waits for."""

    def boot() -> Machine:
        locks = [SpinLock(name) for name in ("one", "two", "three")]

        async def take(first: SpinLock, second: SpinLock) -> None:
            async with first, second:
                pass

        return Machine(
            [
                KThread(name, n + 1, n, take(locks[n], locks[(n + 1) % 3]))
                for n, name in enumerate("abc")
            ]
        )

    return record(boot, RoundRobin())


def step(kind: str, target: str, before: object = None, after: object = None) -> Step:
    """A step that only its words are wanted of."""
    return Step(0, 0, kind, target, before, after, (Place("f", "kmm/mm/f.py", 1),))


def failed(kind: FailureKind, message: str, *details: str, trace: int = 2) -> Recording:
    """The recording of a run that did nothing but fail."""
    places = tuple(Place(f"f{n}", "kmm/mm/f.py", n) for n in range(trace))
    failure = Failure(kind, message, "date:4021", 1, places, details)
    return Recording((), (), (), failure)
