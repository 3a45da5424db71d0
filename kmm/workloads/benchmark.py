"""What a benchmark is: tests, each of which is run on a machine of its own.

A run is given a kernel, a table of costs and a seed, and gives figures.  The same seed
means the same programs, which do the same things in the same order: what two kernels
differ in is the kernel.

Figures follow from virtual clocks alone.  They are those of a small machine at work for
some milliseconds: what compares is the two kernels, not a figure with one of 2010.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Literal

from attrs import field, frozen

from ..designs import KernelSpec
from ..fs.audit import audit_files
from ..fs.ramfs import init_rootfs
from ..mm.audit import audit
from ..mm.kernel import Config, Kernel
from ..sim.failure import Failure
from .cycles import Table, usual_table
from .userland import System, boot

CPUS = 4
MACHINE = Config(
    cpus=CPUS,
    frames=8192,  # 32 MiB: nobody is short of memory
    min_free_kbytes=None,
)
LONGEST = 60.0  # seconds; a run that takes longer is going in circles


@frozen
class Conditions:
    """What a run is made under."""

    spec: KernelSpec
    table: Table = field(factory=usual_table)
    seed: int = 0


@frozen
class Result:
    """What one run of one test gave."""

    figures: Mapping[str, float]  # by row
    counts: Mapping[str, float] = field(factory=dict)  # for each operation


@frozen
class Benchmark:
    """One of the letter's three."""

    name: str
    unit: str  # of its figures
    scale: str  # what a run consists of
    tests: tuple[str, ...]  # in the order of the rows
    better: Literal["lower", "higher"]
    runs: int  # as many as usual
    spread: bool  # whether rows are a mean and a standard deviation
    run: Callable[[str, Conditions], Result]


@frozen
class Run:
    """One run of one test on one of the two kernels."""

    test: str
    column: int  # 0 for the baseline
    seed: int
    result: Result


class RunFailed(Exception):
    """A run ended in a failure of the kernel: a BUG, a deadlock."""

    def __init__(self, where: str, failure: Failure) -> None:
        super().__init__(f"{where}: {failure.message}")
        self.where = where
        self.failure = failure


class TakesTooLong(Exception):
    """A run does not come to its end, with what things cost."""


def compare(
    benchmark: Benchmark,
    kernels: tuple[KernelSpec, KernelSpec],
    table: Table,
    seeds: Sequence[int],
) -> Iterator[Run]:
    """Every test with every seed, on the one kernel and then on the other.

    Raises RunFailed and TakesTooLong.
    """
    for test in benchmark.tests:
        for seed in seeds:
            for column, spec in enumerate(kernels):
                result = benchmark.run(test, Conditions(spec, table, seed))
                yield Run(test, column, seed, result)


@contextmanager
def machine_for(conditions: Conditions, config: Config = MACHINE) -> Iterator[System]:
    """A machine with an empty ramfs, as long as it is needed."""
    system = boot(conditions.spec, config, conditions.table, conditions.seed)
    init_rootfs(system.k)
    system.machine.check = partial(audit_all, system.k)
    try:
        yield system
    finally:
        system.machine.close()


def audit_all(k: Kernel) -> None:
    """When all programs have ended, no page and no file is left over.  Raises Leak."""
    audit(k)
    audit_files(k)


def run_to_the_end(system: System, what: str) -> None:
    """Until every program has ended.  Raises RunFailed and TakesTooLong."""
    is_over = not system.machine.run_until(system.table.cycles(LONGEST))
    check(system, what)
    if not is_over:
        raise TakesTooLong(f"{what} takes longer than {LONGEST:.0f} virtual seconds")


def run_for(system: System, seconds: float, what: str) -> None:
    """So much longer, whatever goes on.  Raises RunFailed."""
    end = max(rq.now for rq in system.machine.rqs) + system.table.cycles(seconds)
    system.machine.run_until(end)
    check(system, what)


def check(system: System, what: str) -> None:
    if system.machine.failure is not None:
        raise RunFailed(what, system.machine.failure)


def counted(system: System) -> dict[str, int]:
    """What the kernel has done so far, that designs differ in."""
    made = system.k.made
    return {
        "steps": system.machine.steps,
        "VMAs": made.get("vma", 0),
        "anon_vmas": made.get("anon_vma", 0),
    }


def per_operation(
    before: Mapping[str, int], after: Mapping[str, int], operations: int
) -> dict[str, float]:
    return {name: (after[name] - before[name]) / operations for name in after}
