"""frontrun: threads under its own scheduler, dynamic partial-order reduction.

It watches attributes and items at the level of bytecodes, so the programs are plain
Python.  The toy is written twice, since its answer depends on that: what is shared are
objects in a list, or numbers in a list.  `preemption_bound=None` asks for everything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.metadata import version
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.explorers.programs import FIXED, SCALED, TOY, scaled
from benchmarks.explorers.rows import Effort, Goal, Outcome, Row, hand_on, stopwatch
from benchmarks.explorers.toy import MIGRATION, NEW, NONE, OLD, PRESENT


class Objects:
    """A word of memory that is an object of its own."""

    class Cell:
        def __init__(self, value: int) -> None:
            self.value = value

    def __init__(self) -> None:
        self.anon_vma, self.page_table_lock = threading.Lock(), threading.Lock()
        self.pte = [self.Cell(MIGRATION), self.Cell(NONE), self.Cell(MIGRATION)]
        self.start = [self.Cell(0), self.Cell(OLD)]

    def walk(self) -> None:
        with self.anon_vma:
            for vma in (0, 1):
                address = self.start[vma].value
                with self.page_table_lock:
                    if self.pte[address].value == MIGRATION:
                        self.pte[address].value = PRESENT

    def move(self) -> None:
        with self.page_table_lock:
            entry = self.pte[OLD].value
            self.pte[OLD].value = NONE
            self.pte[NEW].value = entry
        self.start[1].value = NEW

    def move_locked(self) -> None:
        with self.anon_vma:
            self.move()

    def is_right(self) -> bool:
        return all(entry.value != MIGRATION for entry in self.pte)


class Numbers:
    """All words of memory in two lists."""

    def __init__(self) -> None:
        self.anon_vma, self.page_table_lock = threading.Lock(), threading.Lock()
        self.pte = [MIGRATION, NONE, MIGRATION]
        self.start = [0, OLD]

    def walk(self) -> None:
        with self.anon_vma:
            for vma in (0, 1):
                address = self.start[vma]
                with self.page_table_lock:
                    if self.pte[address] == MIGRATION:
                        self.pte[address] = PRESENT

    def move(self) -> None:
        with self.page_table_lock:
            entry = self.pte[OLD]
            self.pte[OLD] = NONE
            self.pte[NEW] = entry
        self.start[1] = NEW

    def move_locked(self) -> None:
        with self.anon_vma:
            self.move()

    def is_right(self) -> bool:
        return MIGRATION not in self.pte


class Counters:
    """A counter under each lock."""

    def __init__(self, locks: int) -> None:
        self.guards = [threading.Lock() for _ in range(locks)]
        self.cells = [0] * locks


def count(first: int, sections: int, counters: Counters) -> None:
    cells, guards = counters.cells, counters.guards
    for section in range(first, first + sections):
        place = section % len(cells)
        with guards[place]:
            cells[place] = cells[place] + 1


def adds_up(total: int, counters: Counters) -> bool:
    return sum(counters.cells) == total


def explored(
    setup: Callable[[], Any],
    workers: list[Callable[[Any], object]],
    invariant: Callable[[Any], bool],
    **options: Any,
) -> Any:
    frontrun: Any = import_module("frontrun")
    return frontrun.explore(
        setup, workers, invariant, reproduce_on_failure=0, detect_io=False, **options
    )


OUTCOMES = {True: Outcome.COVERED, False: Outcome.BUG, None: Outcome.STOPPED}


def row(method: str, program: str, goal: Goal, seconds: float, result: Any) -> Row:
    holds = result.property_holds
    says = f"property_holds={holds}"
    if holds:
        result.assert_holds()  # would raise if it did not take this for a pass
        says += ", assert_holds() passes"
    number = result.num_explored
    return Row(method, program, goal, OUTCOMES[holds], number, seconds, says)


def toys(
    setup: type[Objects] | type[Numbers], of: str, effort: Effort
) -> Iterator[Row]:
    for program, move in ((TOY, setup.move), (FIXED, setup.move_locked)):
        for goal in (Goal.FIRST, Goal.ALL) if program == TOY else (Goal.ALL,):
            time = stopwatch()
            result = explored(
                setup,
                [setup.walk, move],
                setup.is_right,
                preemption_bound=None,
                stop_on_first=goal == Goal.FIRST,
                total_timeout=effort.seconds,
            )
            yield row(f"dpor, {of}", program, goal, time(), result)


def at_random(effort: Effort) -> Row:
    """The first bug at the median of some seeds."""
    seeds = range(3 if effort.quick else 11)
    numbers = []
    time = stopwatch()
    for seed in seeds:
        result = explored(
            Objects,
            [Objects.walk, Objects.move],
            Objects.is_right,
            strategy="random",
            seed=seed,
        )
        assert result.property_holds is False
        numbers.append(result.num_explored)
    seconds = time() / len(seeds)
    said = "property_holds=False"
    return Row(
        "random, objects", TOY, Goal.FIRST, Outcome.BUG, median(numbers), seconds, said
    )


def larger(effort: Effort) -> Iterator[Row]:
    for program in (scaled(3, 1), scaled(3, 2), scaled(3, 3)):
        sections, locks = SCALED[program]
        started, time = perf_counter(), stopwatch()
        result = explored(
            partial(Counters, locks),
            [partial(count, first, sections) for first in range(3)],
            partial(adds_up, 3 * sections),
            preemption_bound=None,
            total_timeout=effort.seconds,
        )
        found = row("dpor, numbers", program, Goal.ALL, time(), result)
        if perf_counter() - started >= effort.seconds:  # the result does not tell
            found = replace(found, outcome=Outcome.STOPPED)
        yield found


def measure(effort: Effort) -> Iterator[Row]:
    for _ in toys(Objects, "nothing yet", effort):
        pass  # the first searches of a process take longer
    yield from toys(Objects, "objects", effort)
    yield from toys(Numbers, "numbers", effort)
    yield at_random(effort)
    yield from larger(effort)


if __name__ == "__main__":
    hand_on("frontrun", version("frontrun"), measure)
