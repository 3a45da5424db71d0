"""Sleep sets: what the reduced searches know of who need not go on.

Once a thread has been explored from some point, it sleeps in the branches beside it,
until a step is taken there that conflicts with its own: to wake it sooner would only
swap two steps that can be swapped.

Godefroid, "Partial-order methods for the verification of concurrent systems", LNCS 1032
(1996).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..trap import Op

Asleep = Mapping[int, Op]  # by thread: the step that it would take
ALL_AWAKE: Asleep = {}


def still_asleep(asleep: Asleep, taken: Op) -> Asleep:
    """Who sleeps on after a step: those with whose own it does not conflict."""
    return {thread: op for thread, op in asleep.items() if not taken.conflicts(op)}


def mask_of(threads: Iterable[int]) -> int:
    """A set of threads as a number: bit i is thread i."""
    return sum(1 << thread for thread in threads)


def check_threads(before: int, now: int) -> None:
    """Refuse a program whose runs differ in their threads.

    The searches know a thread by its index, which goes by who started first.
    """
    if before != now:
        raise RuntimeError("a reduced search cannot cover threads that are started")
