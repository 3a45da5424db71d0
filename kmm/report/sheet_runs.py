"""The runs of a comparison as sheets: one for each figure, one for each tally.

Where runs were cut short, a cell is the mean of those that there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import nan

from attrs import define, field

from ..workloads.comparison import AnswerRun, Comparison, Measure, Tally
from .bench import average
from .sheet import Line, Sheet


@define
class AnswerRuns:
    """What has been run so far."""

    comparison: Comparison
    names: Sequence[str]  # of the answers, or the kernels
    runs: list[AnswerRun] = field(factory=list)

    def sheets(self) -> Iterator[Sheet]:
        """Without a run there is none."""
        if not self.runs:
            return
        for measure in self.comparison.measures:
            yield self.of_measure(measure)
        for tally in self.comparison.tallies:
            yield self.of_tally(tally)

    def of_measure(self, measure: Measure) -> Sheet:
        comparison, beside = self.comparison, measure.beside
        lines = []
        for column, name in enumerate(self.names):
            found = [self.results(test, column) for test in comparison.tests]
            values = [mean_of(figures, measure.name) for figures, _ in found]
            counts = (
                [mean_of(counts, beside[0]) for _, counts in found] if beside else []
            )
            lines.append(Line(name, values, counts, self.failure(column)))
        return Sheet(
            f"{comparison.name.upper()}, {measure.title}",
            measure.unit,
            comparison.across,
            comparison.tests,
            lines,
            measure.better,
            measure.digits,
            beside[1] if beside else "",
        )

    def of_tally(self, tally: Tally) -> Sheet:
        comparison = self.comparison
        lines = []
        for column, name in enumerate(self.names):
            _, counts = self.results(comparison.tests[0], column)
            values = [mean_of(counts, what) for what in tally.counts]
            lines.append(Line(name, values, failure=self.failure(column)))
        where = f"{comparison.across}: {comparison.tests[0]}"
        title = f"{comparison.name.upper()}, {tally.title} ({where})"
        return Sheet(title, "", "", list(tally.counts.values()), lines, "lower")

    def results(
        self, test: str, column: int
    ) -> tuple[list[Mapping[str, float]], list[Mapping[str, float]]]:
        """The figures of the runs of one test with one answer, and their counts."""
        results = [
            run.result
            for run in self.runs
            if (run.test, run.column) == (test, column) and run.result is not None
        ]
        return [r.figures for r in results], [r.counts for r in results]

    def failure(self, column: int) -> str:
        return next(
            (
                run.failure.message
                for run in self.runs
                if run.column == column and run.failure is not None
            ),
            "",
        )


def mean_of(runs: Sequence[Mapping[str, float]], name: str) -> float:
    return average([run[name] for run in runs]) if runs else nan
