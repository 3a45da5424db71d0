"""interleave-test: threads under its own scheduler, by chance or few preemptions.

It interrupts before each line, or before each bytecode.  The search by lines is the one
that is near kmm's preemption points, so every access has a line of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.metadata import version
from statistics import median
from typing import Any

from benchmarks.explorers.programs import FIXED, SCALED, TOY, scaled
from benchmarks.explorers.rows import Effort, Goal, Outcome, Row, hand_on, stopwatch
from benchmarks.explorers.toy import MIGRATION, NEW, NONE, OLD, PRESENT

SCHEDULES_A_SECOND = 300  # it takes a budget in schedules, not in seconds

Program = Callable[[], None]


def run_together(*bodies: Callable[[], None]) -> None:
    it: Any = import_module("interleave_test")
    for task in [it.spawn(body) for body in bodies]:
        task.join()


def toy(*, fixed: bool) -> Program:
    def program() -> None:
        anon_vma, page_table_lock = threading.Lock(), threading.Lock()
        pte = [MIGRATION, NONE, MIGRATION]
        start = [0, OLD]

        def walk() -> None:
            with anon_vma:
                for vma in (0, 1):
                    address = start[vma]
                    with page_table_lock:
                        if pte[address] == MIGRATION:
                            pte[address] = PRESENT

        def move() -> None:
            with page_table_lock:
                entry = pte[OLD]
                pte[OLD] = NONE
                pte[NEW] = entry
            start[1] = NEW

        def move_locked() -> None:
            with anon_vma:
                move()

        run_together(walk, move_locked if fixed else move)
        assert MIGRATION not in pte

    return program


def counters(sections: int, locks: int) -> Program:
    def program() -> None:
        guards = [threading.Lock() for _ in range(locks)]
        cells = [0] * locks

        def count(first: int) -> None:
            for section in range(first, first + sections):
                cell = section % locks
                with guards[cell]:
                    value = cells[cell]
                    cells[cell] = value + 1

        run_together(*(partial(count, first) for first in range(3)))

    return program


def explored(program: Program, **options: Any) -> Any:
    it: Any = import_module("interleave_test")
    return it.explore(program, raise_on_failure=False, **options)


def bounded(
    preemptions: int, name: str, goal: Goal, program: Program, effort: Effort
) -> Row:
    """All schedules with so few preemptions, at lines."""
    time = stopwatch()
    result = explored(
        program,
        strategy="dfs",
        max_preemptions=preemptions,
        granularity="line",
        iterations=int(SCHEDULES_A_SECOND * effort.seconds),
    )
    seconds = time()
    if result.failure:
        outcome, says = Outcome.BUG, "RaceFound"
    else:
        outcome = Outcome.COVERED if result.exhausted else Outcome.STOPPED
        says = f"ok={result.ok}, exhausted={result.exhausted}"
    method = f"at most {preemptions} preemption{'s' if preemptions > 1 else ''}"
    return Row(method, name, goal, outcome, result.schedules_run, seconds, says)


def at_random(method: str, strategy: str, granularity: str, effort: Effort) -> Row:
    """The first bug at the median of some seeds."""
    seeds = range(5 if effort.quick else 25)
    time = stopwatch()
    runs = [
        explored(
            toy(fixed=False),
            strategy=strategy,
            seed=seed,
            granularity=granularity,
            iterations=10_000,
        ).schedules_run
        for seed in seeds
    ]
    seconds = time() / len(seeds)
    return Row(method, TOY, Goal.FIRST, Outcome.BUG, median(runs), seconds, "RaceFound")


def measure(effort: Effort) -> Iterator[Row]:
    for strategy in ("random", "pct"):
        called = "random" if strategy == "random" else "PCT, depth 3"
        for granularity in ("line", "opcode"):
            method = f"{called}, by {granularity}s"
            yield at_random(method, strategy, granularity, effort)
    for preemptions in (1, 2):
        yield bounded(preemptions, TOY, Goal.FIRST, toy(fixed=False), effort)
        yield bounded(preemptions, FIXED, Goal.ALL, toy(fixed=True), effort)
        for program in (scaled(3, 1), scaled(3, 3)):
            asked = counters(*SCALED[program])
            yield bounded(preemptions, program, Goal.ALL, asked, effort)


if __name__ == "__main__":
    hand_on("interleave-test", version("interleave-test"), measure)
