"""How many runs a search will make: a guess while it is going on, with its spread.

A search by depth is a walk through a tree whose size nobody knows.  But its branches
resemble each other: beside a branch that took a hundred runs, another that starts at
the same point will take about as many.  So the guess goes up the branch that is being
walked now, from its tip: at each point it takes what the branches before took, what the
present one is guessed to take, and for each that is left, their mean.

How much those that are known differ says how far the guess may be off.  Of a point from
which only one branch is known, nothing is known about the others; they are taken to be
as likely half as large, or twice.

The guess is low at first, since a reduced search plans branches as it finds reasons
for them.  Trees of another kind are measured so by Cornuejols, Karamanov and Li, "Early
estimates of the size of branch-and-bound trees", INFORMS J. Computing 18 (2006).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

from attrs import frozen

READABLE = 1e12  # what is larger is no number to wait for


@frozen
class Estimate:
    """A number of runs; the true one is within `spread` of it, more often than not."""

    runs: float
    spread: float

    @property
    def low(self) -> float:
        return max(0.0, self.runs - self.spread)

    @property
    def high(self) -> float:
        return self.runs + self.spread

    def __str__(self) -> str:
        low, high = written(self.low), written(self.high)
        return f"{written(self.runs)} ({low} to {high})"


def written(number: float) -> str:
    """A number of runs; one so large that nobody knows its digits goes without them."""
    return f"{number:,.0f}" if number < READABLE else f"{number:.0e}"


@frozen
class Branches:
    """What is known of the branches from one point."""

    sizes: tuple[int, ...]  # the runs that each of those took that are done
    left: int  # how many have yet to begin, beside the present one


def estimate(points: Iterable[Branches], present: int = 1) -> Estimate:
    """The size of a tree, by the points of the present branch, from its tip upwards.

    `present` is the number of runs that were made at the tip itself.
    """
    runs, variance = float(present), 0.0
    for point in points:
        known = [*point.sizes, runs]
        mean = sum(known) / len(known)
        if len(known) > 1:
            differ = sum((size - mean) ** 2 for size in known) / (len(known) - 1)
        else:
            differ = mean**2
        runs = sum(known) + point.left * mean
        variance += point.left * differ + (point.left / len(known)) ** 2 * variance
    return Estimate(runs, sqrt(variance))
