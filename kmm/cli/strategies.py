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
from .person import Person

Make = Callable[[Namespace], Strategy]


@frozen
class Named:
    """What there is to know of a strategy before it is made."""

    told: str  # for --help
    make: Make
    is_bounded: bool = False  # whether --bound is for it
    is_endless: bool = False  # whether it makes runs until it is stopped
    offered_by: tuple[str, ...] = ("hunt",)  # the commands


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


# Each command offers its own in this order; of `hunt` and `prove` the first is usual.
STRATEGIES: Mapping[str, Named] = {
    "portfolio": Named(
        "dpor, and after a while preemptions and pos beside it", Seeded(Portfolio)
    ),
    "dpor": Named(
        "one run for each order that can matter",
        plain(SourceDpor),
        offered_by=("hunt", "prove"),
    ),
    "merging": Named(
        "no state twice, for many threads that want one lock",
        plain(Merging),
        offered_by=("hunt", "prove"),
    ),
    "preemptions": Named(
        "runs that interrupt a thread seldom come first",
        bounded(Preemptions),
        is_bounded=True,
        offered_by=("hunt", "prove"),
    ),
    "delays": Named(
        "runs that pass over a thread seldom come first",
        bounded(Delays),
        is_bounded=True,
        offered_by=("hunt", "prove"),
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
    "random": Named(
        "by chance, without end",
        Seeded(RandomWalk),
        is_endless=True,
        offered_by=("run", "hunt"),
    ),
    "enumeration": Named(
        "every order, for very small programs",
        plain(Enumeration),
        offered_by=("hunt", "prove"),
    ),
    "round-robin": Named(
        "the threads take turns", plain(RoundRobin), offered_by=("run",)
    ),
    "person": Named("you say who goes on", plain(Person), offered_by=("run",)),
}
BOUNDED = tuple(name for name, one in STRATEGIES.items() if one.is_bounded)


def offered_by(command: str) -> tuple[str, ...]:
    """The names of the strategies that a command offers."""
    return tuple(name for name, one in STRATEGIES.items() if command in one.offered_by)
