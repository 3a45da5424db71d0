"""How soon each strategy meets each race that fails on some kernel.

    python tests/benchmarks/hunting.py [STRATEGY ...] [--seeds N] [--seconds S]
        [--race NAME] [--kernel NAME] [--each-race] [--json]

A search for every race and every kernel on which it sometimes fails, and for the
triggers that take longest; with each strategy, and with N seeds if it goes by chance.
For each: executions and seconds to the first failure, at the median and at worst.
Seconds are those of this process, so that others on the machine count for little.
Who has not met it after S seconds is counted as having taken for ever.  At the end,
for each strategy, how many searches take less than a second at the median.

`--each-race` takes, of each race, the first and the last kernel that fail.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from math import inf
from pathlib import Path
from statistics import median_high

from attrs import asdict, frozen

sys.path.insert(0, str(Path(__file__).parents[1]))

from history import EXPECTED

from kmm.cli import strategies
from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.sim.search import Boot, Coverage, search
from kmm.sim.strategies import Delays, Preemptions, SourceDpor, Strategy

SEEDED: dict[str, Callable[[int], Strategy]] = {
    name: named.make.kind
    for name, named in strategies.STRATEGIES.items()
    if isinstance(named.make, strategies.Seeded)
}
STRATEGIES: dict[str, Callable[[int], Strategy]] = {
    **SEEDED,
    "dpor": lambda _: SourceDpor(),
    "preemptions": lambda _: Preemptions(),
    "delays": lambda _: Delays(),
}

TRIGGERED = [
    ("exec-stack:compaction", "2.6.34"),
    ("exec-stack:hot-remove", "2.6.34"),
    ("vma-adjust:compaction", "2.6.34"),
    ("vma-adjust:hot-remove", "2.6.34"),
    ("vma-adjust:move_pages", "2.6.34"),
]

SOON = 1.0  # seconds

Case = tuple[str, str]  # a race, perhaps with a trigger, and a kernel


@frozen
class Measured:
    """One strategy's searches in one case."""

    race: str
    kernel: str
    strategy: str
    searches: int
    met: int  # searches that met the failure in time
    executions: float
    most_executions: float
    seconds: float
    most_seconds: float


def cases(options: argparse.Namespace) -> Iterator[Case]:
    """What there is to find, as far as it is wanted."""
    failing: dict[str, list[str]] = {}
    found = [case for case, verdict in EXPECTED.items() if verdict == "bug"]
    for race, kernel in [*found, *TRIGGERED]:
        failing.setdefault(race, []).append(kernel)
    for race, kernels in failing.items():
        if options.race and options.race not in (race, race.partition(":")[0]):
            continue
        if options.each_race:
            kernels = sorted({kernels[0], kernels[-1]}, key=kernels.index)
        for kernel in kernels:
            if options.kernel in (None, kernel):
                yield race, kernel


def measure(case: Case, name: str, seeds: int, limit: float) -> Measured:
    race = find_race(case[0])
    boot = race.rewinder(find_kernel(case[1]))
    number = seeds if name in SEEDED else 1
    taken = [one_search(boot, STRATEGIES[name](seed), limit) for seed in range(number)]
    executions, seconds = zip(*taken, strict=True)
    return Measured(
        *case,
        strategy=name,
        searches=number,
        met=sum(count < inf for count in executions),
        executions=median_high(executions),
        most_executions=max(executions),
        seconds=median_high(seconds),
        most_seconds=max(seconds),
    )


def one_search(boot: Boot, strategy: Strategy, limit: float) -> tuple[float, float]:
    """Executions and seconds to the first failure."""
    started = time.process_time()

    def in_time(_: Coverage) -> bool:
        return time.process_time() - started < limit

    result = search(boot, strategy, progress=in_time)
    if result.failure is None:
        return inf, inf
    return result.coverage.executions, time.process_time() - started


def line(it: Measured) -> str:
    return (
        f"{it.race:24} {it.kernel:7} {it.strategy:12} {it.met:3}/{it.searches:<3}"
        f"{it.executions:8,.0f} {it.most_executions:8,.0f}"
        f"{it.seconds:9.3f} {it.most_seconds:9.3f}"
    )


def summary(name: str, measured: Sequence[Measured]) -> str:
    """How one strategy has done."""
    mine = [it for it in measured if it.strategy == name]
    soon = sum(it.seconds < SOON for it in mine)
    worst = max(mine, key=lambda it: it.seconds)
    return (
        f"{name:12} {soon}/{len(mine)} cases in under {SOON:.0f} s at the median; "
        f"the longest took {worst.seconds:.2f} s ({worst.race}, {worst.kernel})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("strategies", nargs="*", metavar="STRATEGY")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--race", help="only this one, with its triggers")
    parser.add_argument("--kernel", help="only this one")
    parser.add_argument("--each-race", action="store_true", help="two kernels of each")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    names = options.strategies or list(STRATEGIES)
    unknown = set(names) - STRATEGIES.keys()
    if unknown:
        parser.error(f"no strategy {min(unknown)}; there are {', '.join(STRATEGIES)}")
    if not options.json:
        print(f"{'':46}met   executions       seconds, each median and most")
    measured = []
    for case in cases(options):
        for name in names:
            measured.append(measure(case, name, options.seeds, options.seconds))
            if not options.json:
                print(line(measured[-1]), flush=True)
    if options.json:
        print(json.dumps([asdict(it) for it in measured]))
    else:
        print(*(summary(name, measured) for name in names), sep="\n")


if __name__ == "__main__":
    main()
