"""How fast the race exec-stack is searched, and how its space grows.

    python tests/benchmarks/exec_stack.py [--seconds S] [--passes N]

Prints how long it takes to set the scene and to put it back; then, for one kernel
after the other, executions a second of the exhaustive search and of random runs, and
the executions that a proof takes with 1 to N attempts of migrate_pages at the page
(Linux makes up to 10), each given up after S seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

from attrs import evolve

from kmm.designs import find_kernel
from kmm.scenarios import Race, find_race
from kmm.scenarios.play import hunt
from kmm.sim.machine import Machine
from kmm.sim.search import Coverage
from kmm.sim.strategies import RandomWalk, RoundRobin, SourceDpor, Strategy

KERNELS = ("v6", "2.6.35")
RANDOM_RUNS = 500
BOOTS = 200


def measure(
    race: Race, kernel: str, strategy: Strategy, seconds: float, budget: int | None
) -> str:
    """One search in one line."""
    started = time.perf_counter()

    def in_time(_: Coverage) -> bool:
        return time.perf_counter() - started < seconds

    played = hunt(race, find_kernel(kernel), strategy, budget=budget, progress=in_time)
    took = time.perf_counter() - started
    done = played.coverage
    return (
        f"{kernel:7} {race.config.migrate_passes:2} attempt(s)  {strategy.name:7} "
        f"{played.verdict:9} {done.executions:8,} executions  {took:7.2f} s  "
        f"{done.executions / took:7,.0f}/s  {done.steps / took:9,.0f} steps/s"
    )


def beginning(boot: Callable[[], Machine], called: str) -> str:
    """The time up to the first step, at the median."""
    times = []
    for _ in range(BOOTS):
        started = time.perf_counter()
        machine = boot()
        times.append(time.perf_counter() - started)
        machine.run(RoundRobin())
        machine.close()
    return f"{called:22} {1e6 * median(times):7,.0f} us"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--passes", type=int, default=1)
    options = parser.parse_args()
    race = find_race("exec-stack")
    spec = find_kernel(KERNELS[0])
    print(beginning(race.booter(spec), "the scene is set"))
    print(beginning(race.rewinder(spec), "the scene is put back"))
    for kernel in KERNELS:
        walk = RandomWalk(0)
        print(measure(race, kernel, walk, options.seconds, RANDOM_RUNS), flush=True)
        for passes in range(1, options.passes + 1):
            larger = evolve(race, config=evolve(race.config, migrate_passes=passes))
            line = measure(larger, kernel, SourceDpor(), options.seconds, None)
            print(line, flush=True)


if __name__ == "__main__":
    main()
