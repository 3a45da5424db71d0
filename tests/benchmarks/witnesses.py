"""How alike the witnesses are that different seeds lead to, and what they cost.

    python tests/benchmarks/witnesses.py toy exec-stack/2.6.34 --seeds 100
    python tests/benchmarks/witnesses.py all --seeds 3

`toy` stands for the toys with a bystander, which random runs fail in; races are met by
PCT, and by the exhaustive search where PCT does not meet them within its budget.  `all`
stands for every race on every kernel where history has it, or running it, fail.

A line for each failure: the runs that were found and how many of them differ; the
switches of theirs; the witnesses that came out, with an = where it is the least of all;
its switches, steps and preemptions; the runs that shrinking took at most, and its time
at the median.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from attrs import frozen

sys.path.insert(0, str(Path(__file__).parents[1]))

from history import EXPECTED
from sim.programs import toy

from kmm.designs import parse_kernel
from kmm.scenarios import find_race
from kmm.sim.recording import record_choices
from kmm.sim.schedule import context_switches, encode
from kmm.sim.search import Boot, SearchResult, search
from kmm.sim.shrink import Witness, find_witness
from kmm.sim.strategies import Pct, RandomWalk, SourceDpor, Strategy

BYSTANDERS = (0, 1, 2, 4)
BUDGET = 2000  # runs of a seed


@frozen
class Subject:
    """A program that can fail."""

    name: str
    boot: Boot
    strategy: Callable[[int], Strategy]  # for a seed


@frozen
class Shrunk:
    """A failing run, and what became of it."""

    found: SearchResult
    witness: Witness
    seconds: float


def subjects(names: list[str]) -> Iterator[Subject]:
    for name in names:
        if name == "toy":
            for bystander in BYSTANDERS:
                boot = toy(fixed=False, bystander=bystander)
                yield Subject(f"toy, bystander {bystander}", boot, RandomWalk)
        elif name == "all":
            yield from subjects(
                [f"{race}/{k}" for (race, k), word in EXPECTED.items() if word == "bug"]
            )
        else:
            race_name, _, kernel_name = name.partition("/")
            race = find_race(race_name)
            yield Subject(name, race.rewinder(parse_kernel(kernel_name)), Pct)


def shrink_from(subject: Subject, seed: int) -> Shrunk:
    found = search(subject.boot, subject.strategy(seed), budget=BUDGET)
    if found.failure is None:
        found = search(subject.boot, SourceDpor())
    assert found.failure is not None
    started = time.perf_counter()
    witness = find_witness(subject.boot, found.choices, found.failure)
    return Shrunk(found, witness, time.perf_counter() - started)


def lines(subject: Subject, seeds: int) -> Iterator[str]:
    """One for each failure."""
    by_failure: dict[str, list[Shrunk]] = {}
    for seed in range(seeds):
        shrunk = shrink_from(subject, seed)
        assert shrunk.found.failure is not None
        by_failure.setdefault(shrunk.found.failure.message, []).append(shrunk)
    for message, all_shrunk in by_failure.items():
        witnesses = dict.fromkeys(one.witness for one in all_shrunk)
        before = [context_switches(one.found.choices) for one in all_shrunk]
        distinct = len({one.found.choices for one in all_shrunk})
        forms = {witness.choices: witness for witness in witnesses}
        yield (
            f"{subject.name}: {message}\n"
            f"    {len(all_shrunk)} found, {distinct} different, "
            f"{min(before)} to {max(before)} switches; "
            f"{len(forms)} witness{'es' * (len(forms) > 1)}; "
            f"at most {max(one.witness.runs for one in all_shrunk)} runs, "
            f"{1000 * median(one.seconds for one in all_shrunk):.1f} ms"
        )
        for choices, witness in forms.items():
            yield (
                f"    {'=' if witness.is_least else '~'} {encode(choices)}: "
                f"{context_switches(choices)} switches, {len(choices)} steps, "
                f"{record_choices(subject.boot, choices).preemptions} preemptions"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subjects", nargs="+", metavar="toy|all|RACE/KERNEL")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    for subject in subjects(options.subjects):
        for line in lines(subject, options.seeds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
