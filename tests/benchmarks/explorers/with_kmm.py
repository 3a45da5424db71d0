"""kmm: the searches of `kmm.sim.strategies`, and the numbers that they must come to.

The exhaustive search makes one run for each trace, and how many traces a program has
is a fact about the program, on which model checkers for C agree.  So they are asserted
here, and a search that gave runs up on the way to them is an error too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from statistics import median
from time import perf_counter

from benchmarks.explorers.programs import FIXED, SCALED, TOY, scaled
from benchmarks.explorers.rows import Effort, Goal, Outcome, Row, hand_on, stopwatch
from sim.programs import counter_parts, opposite_locks, toy_parts, untraced

from kmm import __version__
from kmm.sim.search import Boot, Coverage, search
from kmm.sim.strategies import (
    Enumeration,
    Merging,
    Pct,
    Preemptions,
    RandomWalk,
    SourceDpor,
    Strategy,
)

OPPOSITE = "opposite locks"
BYSTANDERS = (1, 2, 4)


def beside(bystander: int, *, fixed: bool = False) -> str:
    """The toy, and a third thread that takes the lock of the page table so often."""
    return f"{FIXED if fixed else TOY}, third thread x {bystander}"


PROGRAMS: dict[str, Boot] = {
    TOY: untraced(toy_parts(fixed=False)),
    FIXED: untraced(toy_parts(fixed=True)),
    **{
        beside(number, fixed=fixed): untraced(toy_parts(fixed=fixed, bystander=number))
        for number in BYSTANDERS
        for fixed in (False, True)
    },
    OPPOSITE: opposite_locks,
    **{
        name: untraced(counter_parts(sections=sections, locks=locks))
        for name, (sections, locks) in SCALED.items()
    },
}

# Executions of the exhaustive search.  Of two programs of the scaled family the traces
# are known but out of reach: 399,072,960 and 3,614,248.
TRACES = {
    TOY: 5,
    FIXED: 2,
    beside(1): 20,
    beside(1, fixed=True): 8,
    beside(2): 50,
    beside(2, fixed=True): 20,
    beside(4): 175,
    beside(4, fixed=True): 70,
    OPPOSITE: 7,
    scaled(3, 1): 1_680,
    scaled(3, 2): 200,
    scaled(3, 3): 64,
    scaled(5, 1): 756_756,
    scaled(5, 2): 25_106,
    scaled(5, 3): 4_057,
    scaled(7, 3): 316_633,
}
FIRST_BUG = {TOY: 2, beside(1): 3, beside(2): 4, beside(4): 6}
LONG = {scaled(5, 1), scaled(7, 3)}
NOT_QUICK = {scaled(5, 2)}
GIVEN_UP = {OPPOSITE}  # where the search may give runs up: those that a deadlock cuts


def searched(
    method: str, strategy: Strategy, program: str, goal: Goal, seconds: float
) -> Row:
    """One search; of the exhaustive one's numbers all that are known are asserted."""
    started, time = perf_counter(), stopwatch()

    def in_time(_: Coverage) -> bool:
        return perf_counter() - started < seconds

    result = search(
        PROGRAMS[program],
        strategy,
        stop_at_failure=goal == Goal.FIRST,
        progress=in_time,
    )
    took, executions = time(), result.coverage.executions
    outcome = Outcome.BUG if result.verdict == "bug" else Outcome.COVERED
    if result.stopped:
        outcome = Outcome.STOPPED
    if isinstance(strategy, SourceDpor):
        known = FIRST_BUG if goal == Goal.FIRST else TRACES
        assert outcome != Outcome.STOPPED, f"{program}: too slow"
        assert executions == known[program], f"{program}: {executions} executions"
        given_up = result.coverage.given_up
        assert program in GIVEN_UP or not given_up, f"{program}: {given_up} given up"
    return Row(method, program, goal, outcome, executions, took, result.verdict)


def exhaustive(effort: Effort) -> Iterator[Row]:
    for program in FIRST_BUG:
        yield searched("dpor", SourceDpor(), program, Goal.FIRST, effort.seconds)
    for program in TRACES:
        if (program in LONG and not effort.long) or (
            program in NOT_QUICK and effort.quick
        ):
            continue
        limit = 3600.0 if program in LONG else 120.0
        yield searched("dpor", SourceDpor(), program, Goal.ALL, limit)


def plain(effort: Effort) -> Iterator[Row]:
    for program, goal in (
        (TOY, Goal.FIRST),
        (TOY, Goal.ALL),
        (FIXED, Goal.ALL),
        (beside(1), Goal.ALL),
        (scaled(3, 1), Goal.ALL),
    ):
        yield searched("enumeration", Enumeration(), program, goal, effort.seconds)


def merging(effort: Effort) -> Iterator[Row]:
    """Counted in states: those in which there was a choice."""
    for program, goal in (
        *((TOY, Goal.FIRST), (TOY, Goal.ALL), (FIXED, Goal.ALL)),
        *((scaled(sections, locks), Goal.ALL) for sections, locks in SCALED.values()),
    ):
        strategy = Merging()
        row = searched("merging", strategy, program, goal, effort.seconds)
        yield replace(row, number=strategy.states, unit="states")


def at_random(method: str, sampler: Callable[[int], Strategy], effort: Effort) -> Row:
    """The first bug at the median of some seeds."""
    seeds = range(20 if effort.quick else 100)
    time = stopwatch()
    numbers = [
        search(PROGRAMS[TOY], sampler(seed)).coverage.executions for seed in seeds
    ]
    seconds = time() / len(seeds)
    return Row(method, TOY, Goal.FIRST, Outcome.BUG, median(numbers), seconds, "bug")


def spent() -> Row:
    """What a spent budget is called."""
    time, program = stopwatch(), scaled(3, 1)
    result = search(PROGRAMS[program], SourceDpor(), budget=100)
    number, says = result.coverage.executions, result.verdict
    return Row("dpor", program, Goal.ALL, Outcome.STOPPED, number, time(), says)


def measure(effort: Effort) -> Iterator[Row]:
    yield from exhaustive(effort)
    yield spent()
    yield from merging(effort)
    yield from plain(effort)
    yield searched("preemptions", Preemptions(), TOY, Goal.FIRST, effort.seconds)
    yield at_random("random", RandomWalk, effort)
    for depth in (2, 3):
        yield at_random(f"PCT, depth {depth}", partial(Pct, depth=depth), effort)


if __name__ == "__main__":
    hand_on("kmm", __version__, measure)
