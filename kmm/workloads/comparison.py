"""A benchmark of the answers to one question: one figure of each, test by test.

The letter's three (`benchmark`) are for two kernels.  These are for the places where
designs do differ; they run on 2.6.34 with each answer in turn, or on the kernels that
are asked for.

An answer that fails under the load is a result like others: its own runs end there, and
the rest goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from attrs import define, frozen

from ..designs import QUESTIONS, KernelSpec, find_kernel
from ..sim.failure import Failure
from ..sim.machine import Machine
from ..sim.thread import KThread
from ..sim.trap import ACQUIRE, TRY, WRITE, Op
from .benchmark import Conditions, Result, RunFailed, counted
from .counting import is_anon_vma_lock
from .cycles import Table
from .userland import System

MICROSECONDS = 1e6  # in a second
MILLISECONDS = 1e3

# What is counted while a rate is measured, as it is called there and in a table.
WORK = {
    "steps": "steps",
    "VMAs": "VMAs made",
    "locks": "anon_vma locks",
    "chains": "chain changes",
}


@frozen
class Measure:
    """A figure of each run: a table of its own, in which a test is a column."""

    name: str  # among the figures of a Result
    title: str
    unit: str
    better: Literal["lower", "higher"]
    digits: int  # behind the point, as many as tell answers apart
    # What is counted beside it: its name among the counts of a Result, and what that
    # is.  Without one, what an answer gains on the first stands there.
    beside: tuple[str, str] | None = None


@frozen
class Tally:
    """What was counted in the smallest test: a table in which a count is a column."""

    title: str
    counts: Mapping[str, str]  # the columns' names, by their names in a Result


@frozen
class Comparison:
    """A benchmark of every answer to a question."""

    name: str
    question: str
    tests: tuple[str, ...]  # in the order of the columns, the smallest first
    across: str  # what a test's name is a number of
    measures: tuple[Measure, ...]
    run: Callable[[str, Conditions], Result]
    tallies: tuple[Tally, ...] = ()


@frozen
class AnswerRun:
    """One run of one test with one answer."""

    test: str
    column: int  # which of the kernels
    seed: int
    result: Result | None  # None if it failed
    failure: Failure | None = None


def answers_to(question: str) -> Mapping[str, KernelSpec]:
    """2.6.34 with each answer to a question, by the answer's name."""
    base = find_kernel("2.6.34")
    return {name: base.with_answer(question, name) for name in QUESTIONS[question]}


def compare_answers(
    comparison: Comparison,
    kernels: Sequence[KernelSpec],
    table: Table,
    seeds: Sequence[int],
) -> Iterator[AnswerRun]:
    """Each test with each seed on each kernel in turn; the small tests come first.

    Who has failed is not run again.  Raises TakesTooLong.
    """
    failed: set[int] = set()
    for test in comparison.tests:
        for seed in seeds:
            for column, spec in enumerate(kernels):
                if column in failed:
                    continue
                try:
                    result = comparison.run(test, Conditions(spec, table, seed))
                except RunFailed as error:
                    failed.add(column)
                    yield AnswerRun(test, column, seed, None, error.failure)
                else:
                    yield AnswerRun(test, column, seed, result)


@define
class AnonVmaWork:
    """A watcher that counts what anybody does about anon_vmas."""

    locks: int = 0  # taken
    chain_changes: int = 0  # anon_vma_chains linked or unlinked

    def before(self, machine: Machine, thread: KThread) -> None:
        """Nothing is counted before it is done."""

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        if op.kind in (ACQUIRE, TRY):
            self.locks += is_anon_vma_lock(op.key)
        elif op.kind is WRITE:
            self.chain_changes += op.key.endswith(".anon_vma_chain")


def watched(system: System) -> AnonVmaWork:
    work = AnonVmaWork()
    system.machine.watchers.append(work)
    return work


def work_done(system: System, work: AnonVmaWork) -> dict[str, int]:
    """What the kernel has done so far, that designs differ in."""
    return {
        **counted(system),
        "locks": work.locks,
        "chains": work.chain_changes,
    }


def tally_of(name: str, title: str) -> Tally:
    """The work of one operation; `name` is that of the rate it was counted for."""
    return Tally(title, {f"{name}: {what}": shown for what, shown in WORK.items()})
