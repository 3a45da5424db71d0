"""Many random programs, each searched in two ways, and the sum of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from random import Random

from attrs import define, frozen
from sim.random_programs import Program, booter, random_program, text_of
from sim.traces import Comparison, compare


@frozen
class Case:
    """A program that was small enough to be compared."""

    seed: int
    number: int  # with the seed, makes the program again
    program: Program
    comparison: Comparison

    def __str__(self) -> str:
        return (
            f"seed {self.seed}, program {self.number}:\n"
            f"{text_of(self.program)}\n{self.comparison}"
        )


def comparisons(programs: int, seed: int, limit: int) -> Iterator[Case]:
    """So many programs of at most `limit` interleavings, both ways."""
    left = programs
    for number in count():
        if not left:
            return
        program = random_program(Random(f"{seed}/{number}"))
        comparison = compare(booter(program), limit)
        if comparison is not None:
            left -= 1
            yield Case(seed, number, program, comparison)


@define
class Tally:
    """What was compared; a fuzzer that compares nothing also finds nothing."""

    compared: int = 0
    skipped: int = 0
    can_deadlock: int = 0
    can_fail: int = 0
    interleavings: int = 0
    endings: int = 0
    executions: int = 0
    given_up: int = 0
    mismatches: int = 0

    def add(self, case: Case) -> None:
        plain, reduced = case.comparison.plain, case.comparison.reduced
        self.compared += 1
        self.skipped = case.number + 1 - self.compared
        self.can_deadlock += plain.can("deadlock")
        self.can_fail += plain.can("corruption")
        self.interleavings += plain.executions
        self.endings += len(plain.endings)
        self.executions += reduced.executions
        self.given_up += reduced.given_up
        self.mismatches += not case.comparison.agrees

    def __str__(self) -> str:
        return (
            f"{self.compared:,} programs compared ({self.skipped:,} skipped): "
            f"{self.can_deadlock:,} can deadlock, {self.can_fail:,} can fail; "
            f"{self.interleavings:,} interleavings, {self.endings:,} traces, "
            f"{self.executions:,} executions and {self.given_up:,} given up; "
            f"{self.mismatches:,} mismatches"
        )
