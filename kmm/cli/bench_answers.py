"""`kmm bench forktree`, and its like: rival answers, run one after the other."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from attrs import define, field

from ..designs import KernelSpec, UnknownName
from ..report.outcome import failure_json, kernel_json
from ..report.sheet_runs import AnswerRuns
from ..workloads.benchmark import TakesTooLong
from ..workloads.comparison import Comparison, answers_to, compare_answers
from ..workloads.cycles import Table as Costs
from .bench_shown import Shown
from .exits import INTERRUPTED, OK, Usage, complain
from .progress import Meter

Kernels = Sequence[tuple[str, KernelSpec]]  # each with the name of its row


@define
class Answers:
    """What is to be run, and what has come of it so far."""

    options: Namespace
    kernels: Kernels | None  # None for all answers to the question
    costs: Costs
    shown: list[Shown] = field(factory=list)
    code: int = OK

    def run(self, comparison: Comparison) -> None:
        kernels = self.kernels or chosen_answers(comparison, self.options.answers)
        runs = AnswerRuns(comparison, [name for name, _ in kernels])
        seed = self.options.seed or 0
        seeds = range(seed, seed + (self.options.runs or 1))
        stopped = None
        total = len(comparison.tests) * len(seeds) * len(kernels)
        try:
            self.make_runs(runs, kernels, seeds, total)
        except TakesTooLong as error:
            raise Usage(f"{comparison.name}: {error}; try lower --costs") from None
        except KeyboardInterrupt:
            self.code, stopped = INTERRUPTED, "interrupt"
            complain(
                f"{comparison.name}: interrupted after {len(runs.runs)} of {total} runs"
            )
        more = {
            "benchmark": comparison.name,
            "question": comparison.question,
            "kernels": [kernel_json(spec, name) for name, spec in kernels],
            "seeds": list(seeds),
            "stopped": stopped,
            "failures": failures(runs),
        }
        self.shown += [Shown(sheet, more=more) for sheet in runs.sheets()]

    def make_runs(
        self, runs: AnswerRuns, kernels: Kernels, seeds: range, total: int
    ) -> None:
        name, quiet = runs.comparison.name, self.options.quiet
        unit = f"of {total} runs"
        with Meter(name, None, quiet=quiet, unit=unit, rate=False) as meter:
            meter.start()
            specs = [spec for _, spec in kernels]
            for run in compare_answers(runs.comparison, specs, self.costs, seeds):
                runs.runs.append(run)
                meter.count(len(runs.runs))


def chosen_answers(comparison: Comparison, names: list[str] | None) -> Kernels:
    """2.6.34 with the answers that are named, in that order; else with all."""
    every = answers_to(comparison.question)
    for name in names or ():
        if name not in every:
            what = f"answer to {comparison.question}"
            raise Usage(str(UnknownName(what, name, list(every))))
    return [(name, every[name]) for name in names or every]


def failures(runs: AnswerRuns) -> dict[str, Any]:
    """By the name of the answer."""
    return {
        runs.names[run.column]: failure_json(run.failure)
        for run in runs.runs
        if run.failure is not None
    }
