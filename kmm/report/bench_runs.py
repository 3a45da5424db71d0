"""The runs of a benchmark on two kernels, as a table of the letter's form.

Where runs were cut short there are as many of each kernel as both have made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define, field

from ..workloads.benchmark import Benchmark, Run
from .bench import Better, Row, Table, average, summary

Pair = tuple[list[float], list[float]]  # the baseline's figures, the other kernel's


@define
class Runs:
    """What has been run so far, and how long each run kept the host, in seconds."""

    benchmark: Benchmark
    columns: tuple[str, str]
    runs: list[Run] = field(factory=list)
    seconds: list[float] = field(factory=list)

    def add(self, run: Run, seconds: float) -> None:
        self.runs.append(run)
        self.seconds.append(seconds)

    @property
    def table(self) -> Table | None:
        """The figures; None if there is no test that both kernels have run."""
        figures = by_row(self.runs, [run.result.figures for run in self.runs])
        benchmark = self.benchmark
        name, better = benchmark.name.upper(), benchmark.better
        title = f"{name}, {benchmark.unit} ({benchmark.scale}"
        return self._table(title, figures, better, simulated=True)

    @property
    def wall(self) -> Table | None:
        """How long the runs took here."""
        figures = by_row(
            self.runs,
            [
                {"Wall" if self.benchmark.spread else run.test: 1000 * seconds}
                for run, seconds in zip(self.runs, self.seconds, strict=True)
            ],
        )
        name = self.benchmark.name.upper()
        title = f"{name}, wall-clock ms a run (of this host, never twice the same"
        return self._table(title, figures, "lower", simulated=False)

    @property
    def work(self) -> dict[str, dict[str, tuple[float, float]]]:
        """What the kernels did for an operation, by row: where they differ at all."""
        found: dict[str, dict[str, tuple[float, float]]] = {}
        for test in self.benchmark.tests:
            runs = [run for run in self.runs if run.test == test]
            counts = by_row(runs, [run.result.counts for run in runs])
            means = {
                what: (average(pair[0]), average(pair[1]))
                for what, pair in counts.items()
            }
            if any(baseline != patched for baseline, patched in means.values()):
                found[test] = means
        return found

    def _table(
        self,
        title: str,
        figures: Mapping[str, Pair],
        better: Better,
        *,
        simulated: bool,
    ) -> Table | None:
        rows: list[Row] = []
        for name, pair in figures.items():
            if self.benchmark.spread:
                rows += summary(name, pair, better)
            else:
                rows.append(Row(name, better, (average(pair[0]), average(pair[1]))))
        if not rows:
            return None
        number = min(len(pair[0]) for pair in figures.values())
        title += f"; {number} runs)" if number > 1 else ")"
        return Table(title, self.columns, rows, simulated)


def by_row(
    runs: Sequence[Run], figures: Sequence[Mapping[str, float]]
) -> dict[str, Pair]:
    """The figures of each row, in the order of the runs."""
    found: dict[str, Pair] = {}
    for run, of_run in zip(runs, figures, strict=True):
        for name, figure in of_run.items():
            found.setdefault(name, ([], []))[run.column].append(figure)
    both = {name: min(map(len, pair)) for name, pair in found.items()}
    return {
        name: (pair[0][: both[name]], pair[1][: both[name]])
        for name, pair in found.items()
        if both[name]
    }


def work_text(runs: Runs) -> str:
    """What an operation takes, where the kernels differ; "" if they do not."""
    work = runs.work
    if not work:
        return ""
    width = max(map(len, work))
    lines = [f"For each operation, {runs.columns[0]} and {runs.columns[1]}:"]
    for test, counts in work.items():
        parts = [
            f"{baseline:.2f} and {patched:.2f} {what}"
            for what, (baseline, patched) in counts.items()
            if baseline != patched
        ]
        lines.append(f"{test:{width}}  {', '.join(parts)}")
    return "\n".join(lines)
