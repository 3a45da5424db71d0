"""The strategies, by the names that --strategy gives them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping

from attrs import frozen

from ..sim.strategies import (
    Delays,
    Enumeration,
    Merging,
    Pct,
    Portfolio,
    Pos,
    Preemptions,
    RandomWalk,
    RoundRobin,
    SourceDpor,
    Strategy,
    Surw,
)

Make = Callable[[Namespace], Strategy]


@frozen
class Named:
    """What there is to know of a strategy before it is made."""

    told: str  # for --help
    make: Make
    is_bounded: bool = False  # whether --bound is for it
    is_endless: bool = False  # whether it makes runs until it is stopped


@frozen
class Seeded:
    """Makes a strategy that has its chance from a seed."""

    kind: Callable[[int], Strategy]

    def __call__(self, options: Namespace) -> Strategy:
        return self.kind(options.seed or 0)


def bounded(kind: Callable[[int | None], Strategy]) -> Make:
    return lambda options: kind(options.bound)


def plain(kind: Callable[[], Strategy]) -> Make:
    return lambda _: kind()


STRATEGIES: Mapping[str, Named] = {
    "portfolio": Named(
        "dpor, and after a while preemptions and pos beside it", Seeded(Portfolio)
    ),
    "dpor": Named("one run for each order that can matter", plain(SourceDpor)),
    "merging": Named(
        "no state twice, for many threads that want one lock", plain(Merging)
    ),
    "preemptions": Named(
        "runs that interrupt a thread seldom come first",
        bounded(Preemptions),
        is_bounded=True,
    ),
    "delays": Named(
        "runs that pass over a thread seldom come first",
        bounded(Delays),
        is_bounded=True,
    ),
    "pct": Named(
        "by chance, with few switches, without end", Seeded(Pct), is_endless=True
    ),
    "pos": Named(
        "by chance, with priorities for steps, without end",
        Seeded(Pos),
        is_endless=True,
    ),
    "surw": Named(
        "by chance, even over the orders of one object, without end",
        Seeded(Surw),
        is_endless=True,
    ),
    "random": Named("by chance, without end", Seeded(RandomWalk), is_endless=True),
    "enumeration": Named("every order, for very small programs", plain(Enumeration)),
    "round-robin": Named("the threads take turns", plain(RoundRobin)),
}
BOUNDED = tuple(name for name, one in STRATEGIES.items() if one.is_bounded)
