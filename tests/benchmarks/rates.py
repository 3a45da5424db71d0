"""What searches cost: executions and scheduling points a second, beside doing nothing.

    python tests/benchmarks/rates.py [--executions N] [--rounds N] [--json]

Each search is measured beside a bare trampoline: the same coroutines, made anew for
each execution and resumed in the order of one run that is known to be good, with nobody
asked who can go on, nothing chosen and nothing remembered.  How much of that rate a
search has is a figure that can be compared between machines.

Points that are taken again to get to where a new run begins are points too.  The
figures are the best of some rounds, in processor time; rounds of all take turns, so
that a busy machine does not hit only one of them.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from attrs import evolve, frozen

# The programs are among the tests, which are not installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

from sim.programs import Parts, counter_parts, toy_parts, untraced

from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.sim.search import Boot, search
from kmm.sim.strategies import Pct, RandomWalk, RoundRobin, SourceDpor, Strategy
from kmm.sim.thread import KThread
from kmm.sim.trap import Question

MOST_BARE = 5000  # executions in one round of the trampoline, each like the others

Begin = Callable[[], Sequence[KThread]]


@frozen
class Program:
    """Something to search, and how to have its threads at their first trap."""

    name: str
    boot: Boot
    begin: Begin
    runs: int  # in one round


@frozen
class Rate:
    """What was done in one round."""

    executions: int
    points: int
    seconds: float  # of processor time

    @property
    def per_second(self) -> float:
        return self.points / self.seconds


def begun(make: Callable[[], Parts]) -> Sequence[KThread]:
    threads, _ = make()
    for thread in threads:
        thread.body.send(None)  # type: ignore[arg-type]  # None starts it
    return threads


def small(name: str, make: Callable[[], Parts], runs: int) -> Program:
    return Program(name, untraced(make), partial(begun, make), runs)


def exec_stack(runs: int) -> Program:
    """The race, under the kernel in which it cannot be lost."""
    boot = find_race("exec-stack").rewinder(find_kernel("v6"))
    return Program("exec-stack, v6", boot, lambda: boot().threads, runs)


# The two ways to run a program.


def bare(program: Program, choices: Sequence[int]) -> Rate:
    """Executions that all follow `choices`."""
    started = time.process_time()
    for _ in range(program.runs):
        threads = program.begin()
        resumes = [(thread.body.send, thread) for thread in threads]
        for index in choices:
            resume, thread = resumes[index]
            try:
                op = resume(thread)
                while isinstance(op, Question):
                    op = resume(thread)
            except StopIteration:
                pass
        for thread in threads:
            thread.body.close()
    took = time.process_time() - started
    return Rate(program.runs, program.runs * len(choices), took)


def searched(program: Program, strategy: Callable[[], Strategy]) -> Rate:
    started = time.process_time()
    result = search(
        program.boot, strategy(), budget=program.runs, stop_at_failure=False
    )
    took = time.process_time() - started
    return Rate(result.coverage.executions, result.coverage.steps, took)


def good_run(program: Program) -> tuple[int, ...]:
    """A run without a failure: of threads that take turns, or of chance."""
    for strategy in (RoundRobin(), *map(RandomWalk, range(100))):
        result = search(program.boot, strategy, budget=1)
        if result.failure is None:
            return result.choices
    raise AssertionError(f"{program.name} always fails")


# All of them.

SEARCHES: dict[str, Callable[[], Strategy]] = {
    "dpor": SourceDpor,
    "random": RandomWalk,
    "PCT": Pct,
}


def measured(executions: int, rounds: int) -> dict[str, dict[str, Rate]]:
    """By program and search; the trampoline is the search called `bare`."""
    plan = {
        small("toy", toy_parts(fixed=False), 3000): ("random", "PCT"),
        small("3 x 5, 1 lock", counter_parts(sections=5, locks=1), executions): (
            "dpor",
        ),
        exec_stack(700): ("dpor", "random", "PCT"),
    }
    best: dict[str, dict[str, Rate]] = {program.name: {} for program in plan}
    for _ in range(rounds):
        for program, searches in plan.items():
            found = best[program.name]
            fewer = evolve(program, runs=min(program.runs, MOST_BARE))
            rate = bare(fewer, good_run(program))
            found["bare"] = faster(rate, found.get("bare"))
            for name in searches:
                rate = searched(program, SEARCHES[name])
                found[name] = faster(rate, found.get(name))
    return best


def faster(one: Rate, other: Rate | None) -> Rate:
    return one if other is None or one.per_second > other.per_second else other


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--executions", type=int, default=60_000, help="of the large program")
    add("--rounds", type=int, default=5)
    add("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    rates = measured(options.executions, options.rounds)
    if options.json:
        figures = {
            program: {
                name: {
                    "executions_per_second": rate.executions / rate.seconds,
                    "points_per_second": rate.per_second,
                    "of_bare": rate.per_second / found["bare"].per_second,
                }
                for name, rate in found.items()
            }
            for program, found in rates.items()
        }
        print(json.dumps({"python": platform.python_version(), "rates": figures}))
        return
    print(f"Python {platform.python_version()}")
    for program, found in rates.items():
        for name, rate in found.items():
            print(
                f"{program:20} {name:8} {rate.executions:7,} executions  "
                f"{rate.executions / rate.seconds:9,.0f}/s  "
                f"{rate.per_second:11,.0f} points/s  "
                f"{rate.per_second / found['bare'].per_second:5.2f} of bare"
            )


if __name__ == "__main__":
    main()
