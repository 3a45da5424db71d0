"""`kmm bench NAME`: benchmarks, run on two kernels of the model."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import Any

from attrs import define, field

from ..designs import KernelSpec, UnknownName
from ..report.bench_runs import Runs, work_text
from ..report.oops import oops_of
from ..report.outcome import failure_json, kernel_json
from ..workloads.benchmark import Benchmark, RunFailed, TakesTooLong, compare
from ..workloads.benchmarks import BENCHMARKS, COMPARISONS
from ..workloads.comparison import Comparison
from ..workloads.cycles import Table as Costs
from .bench_answers import Answers, Kernels
from .bench_shown import Shown
from .exits import FAILED, INTERRUPTED, OK, Usage, complain
from .naming import costs_of, kernel_named
from .progress import Meter

ALL = "all"
BASELINE, KERNEL = "vanilla", "v6"


@define
class Bench:
    """What is to be run, and what has come of it so far."""

    options: Namespace
    kernels: tuple[KernelSpec, KernelSpec]
    costs: Costs
    shown: list[Shown] = field(factory=list)
    code: int = OK

    def run(self, benchmark: Benchmark) -> None:
        """All runs of a benchmark, or as many as there are until one fails."""
        seeds = range(self.seed, self.seed + (self.options.runs or benchmark.runs))
        runs = Runs(benchmark, self.columns(benchmark))
        total = 2 * len(seeds) * len(benchmark.tests)
        note, more = "", self.more(benchmark, seeds)
        try:
            self.make_runs(runs, seeds, total)
        except RunFailed as failed:
            self.code = FAILED
            note = oops_of(failed.failure, self.failed_on(runs).name)
            more["failure"] = failure_json(failed.failure)
        except TakesTooLong as error:
            raise Usage(f"{benchmark.name}: {error}; try lower --costs") from None
        except KeyboardInterrupt:
            self.code = INTERRUPTED
            more["stopped"] = "interrupt"
            complain(
                f"{benchmark.name}: interrupted after {len(runs.runs)} of {total} runs"
            )
        self.show(runs, note, more)

    def make_runs(self, runs: Runs, seeds: range, total: int) -> None:
        name, quiet = runs.benchmark.name, self.options.quiet
        unit = f"of {total} runs"
        with Meter(name, None, quiet=quiet, unit=unit, rate=False) as meter:
            meter.start()
            started = time.perf_counter()
            for run in compare(runs.benchmark, self.kernels, self.costs, seeds):
                now = time.perf_counter()
                runs.add(run, now - started)
                meter.count(len(runs.runs))
                started = time.perf_counter()

    def failed_on(self, runs: Runs) -> KernelSpec:
        """The kernels take turns."""
        return self.kernels[len(runs.runs) % 2]

    def show(self, runs: Runs, note: str, more: dict[str, Any]) -> None:
        more["work"] = {
            test: {what: list(pair) for what, pair in counts.items()}
            for test, counts in runs.work.items()
        }
        notes = [text for text in (work_text(runs), note) if text]
        self.shown.append(Shown(runs.table, "\n\n".join(notes), more))
        if self.options.wall and runs.wall is not None:
            self.shown.append(Shown(runs.wall))

    @property
    def seed(self) -> int:
        return self.options.seed or 0

    def columns(self, benchmark: Benchmark) -> tuple[str, str]:
        baseline, patched = self.names
        return f"{benchmark.name}-{baseline}", patched

    @property
    def names(self) -> tuple[str, str]:
        """As they were asked for."""
        patched = self.options.kernel or KERNEL
        return (
            self.options.against or BASELINE,
            self.kernels[1].text if self.options.design else patched,
        )

    def more(self, benchmark: Benchmark, seeds: range) -> dict[str, Any]:
        return {
            "benchmark": benchmark.name,
            "kernels": [
                kernel_json(kernel, name)
                for kernel, name in zip(self.kernels, self.names, strict=True)
            ],
            "seeds": list(seeds),
            "stopped": None,
        }


def run_benchmarks(options: Namespace) -> tuple[list[Shown], int]:
    """What is to be shown, and the exit code.  Raises Usage."""
    benchmarks, comparisons = asked_for(options.names)
    if options.answers and (benchmarks or is_of_two(options)):
        raise Usage(
            f"--answers is for {', '.join(COMPARISONS)} alone, without --kernel, "
            "--against and --design"
        )
    if options.wall and comparisons:
        raise Usage(f"--wall is for {', '.join(BENCHMARKS)}")
    kernels, costs = kernels_of(options), costs_of(options.costs)
    bench = Bench(options, kernels, costs)
    pairs: Kernels | None = None
    if is_of_two(options):
        pairs = list(zip(bench.names, kernels, strict=True))
    answers = Answers(options, pairs, costs, bench.shown)
    for benchmark in benchmarks:
        bench.run(benchmark)
        if bench.code != OK:
            return bench.shown, bench.code
    for comparison in comparisons:
        answers.run(comparison)
        if answers.code != OK:
            break
    return answers.shown, answers.code


def asked_for(names: list[str]) -> tuple[list[Benchmark], list[Comparison]]:
    """Those that are named, in their order; "all" are the letter's.  Raises Usage."""
    for name in names:
        if name not in (*BENCHMARKS, *COMPARISONS, ALL):
            known = [*BENCHMARKS, *COMPARISONS, ALL]
            raise Usage(str(UnknownName("benchmark", name, known)))
    return (
        [one for one in BENCHMARKS.values() if one.name in names or ALL in names],
        [one for one in COMPARISONS.values() if one.name in names],
    )


def is_of_two(options: Namespace) -> bool:
    """Whether two kernels are asked for, and not all answers."""
    return bool(options.kernel or options.against or options.design)


def kernels_of(options: Namespace) -> tuple[KernelSpec, KernelSpec]:
    """The baseline, and the kernel that is held against it."""
    patched = kernel_named(options.kernel or KERNEL, options.design)
    return kernel_named(options.against or BASELINE, []), patched
