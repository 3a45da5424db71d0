"""`kmm.stress` and `kmm.bench`: the letter's recipe and its tables, in virtual time.

Both are silent.  Ctrl-C (in a notebook: interrupting the kernel) ends a run of the
recipe, and what it has done is returned; of a benchmark it is raised.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from ..cli.bench_runs import Bench as Asked
from ..cli.bench_runs import kernels_of
from ..cli.naming import costs_of
from ..cli.options import make_parser
from ..cli.stress import SETTINGS, recipe
from ..designs import UnknownName
from ..report.bench import Table as Figures
from ..report.bench import table_json, table_text
from ..report.bench_plot import plot_text
from ..report.bench_runs import Runs
from ..report.oops import oops_of
from ..report.stress import last_text, stress_json, work_text
from ..sim.failure import Failure
from ..workloads.benchmark import Benchmark, RunFailed, TakesTooLong, compare
from ..workloads.benchmarks import BENCHMARKS
from ..workloads.endurance import StressResult
from ..workloads.endurance import run as endure
from ..workloads.tail import last_steps
from . import html
from .calls import AS_NAMED, Design
from .errors import plainly
from .table import Table, plain_cell
from .text import Text

WIDTH = 80


class Stress:
    """What became of the letter's recipe on one kernel."""

    def __init__(self, result: StressResult) -> None:
        self.result = result

    @property
    def verdict(self) -> str:
        """bug, or survived."""
        return self.result.verdict

    @property
    def failure(self) -> Failure | None:
        return self.result.failure

    @property
    def seconds(self) -> float:
        """Of virtual time."""
        return self.result.seconds

    @property
    def works(self) -> dict[str, int]:
        """All that was done, by name: forks, page faults, migrations, ..."""
        return self.result.works

    def last(self, steps: int = 400, *, why: bool | None = None) -> Text:
        """The last steps, a column for each CPU: `kmm stress --last N`.

        The run is made again.  Of a failing one only those steps are drawn from which
        the failure follows, unless `why` is False.  Raises ValueError for a run that
        somebody stopped.
        """
        if self.result.stopped:
            raise ValueError("the run was stopped: it has no end to be drawn")
        if type(steps) is not int or steps < 1:
            raise ValueError(f"steps is a whole number above 0, not {steps!r}")
        recording = last_steps(self.result, steps)
        chosen = self.failure is not None if why is None else why
        words = last_text(self.result, recording, WIDTH, why=chosen)
        return Text(f"the end of {self!r}", words)

    def json(self) -> dict[str, Any]:
        """What `kmm stress` prints with --json, but for the command of the run.

        `seconds`, which are the host's, are 0.
        """
        return stress_json(self.result, 0.0)

    def __repr__(self) -> str:
        recipe = self.result.recipe
        end = self.verdict if self.result.stopped is None else "stopped"
        return f"<kmm stress: {recipe.spec.text}, seed {recipe.seed}: {end}>"

    def __str__(self) -> str:
        return "\n\n".join(self._blocks())

    def _blocks(self) -> list[str]:
        failure, work = self.result.failure, work_text(self.result)
        if failure is None:
            return [work]
        return [oops_of(failure, self.result.recipe.spec.name), work]

    def _repr_html_(self) -> str:
        return html.whole(*map(html.pre, self._blocks()))


class Bench(Table):
    """A benchmark on two kernels, in the form of the letter's tables.

    A row has the figures of both, and what the second gains on the first in per cent
    (None if that cannot be said).
    """

    def __init__(self, figures: Figures) -> None:
        self.figures = figures
        baseline, patched = figures.columns
        rows = [
            {
                "name": row.name,
                "better": row.better,
                baseline: row.values[0],
                patched: row.values[1],
                "gain": row.delta,
            }
            for row in figures.rows
        ]
        columns = ["name", baseline, patched, "gain", "better"]
        super().__init__(f"{figures.title}, simulated", rows, columns, rounded)

    def plot(self) -> Text:
        """Bars, as `kmm bench --plot` draws them."""
        return Text(self.title, plot_text(self.figures, WIDTH))

    def json(self) -> dict[str, Any]:
        """The table of what `kmm bench` prints with --json."""
        return table_json(self.figures)

    def __str__(self) -> str:
        return table_text(self.figures)


def rounded(name: str, value: Any) -> str:
    """A cell of a benchmark, as the letter has it: two digits."""
    if isinstance(value, float):
        value = f"{value:.2f}%" if name == "gain" else f"{value:.2f}"
    return plain_cell(name, value)


def stress(
    *, kernel: str = "2.6.34", design: Design = AS_NAMED, **settings: Any
) -> Stress:
    """The letter's recipe on one kernel, until it fails or its time is over.

    `settings` are the options of `kmm stress`, with the values that are written there:
    seed, duration (in seconds of virtual time), small, check, costs; memory and mapping
    ("64M"), cpus, children, holes, jobs, only ("a,c"), trigger, pause and block_order.
    """
    known = ["seed", "duration", "small", "check", "costs", *SETTINGS]
    with plainly():
        options = options_of("stress", known, settings, design)
        made = recipe(options, kernel)
        return Stress(endure(made, options.duration, check=options.check))


def bench(
    benchmark: str,
    *,
    kernel: str = "v6",
    against: str = "2.6.34",
    design: Design = AS_NAMED,
    **settings: Any,
) -> Bench:
    """kernbench, aim9 or sysbench on two kernels, side by side.

    `settings` are options of `kmm bench`: runs, seed and costs.
    """
    if benchmark not in BENCHMARKS:
        raise UnknownName("benchmark", benchmark, list(BENCHMARKS))
    with plainly():
        known = ["runs", "seed", "costs"]
        options = options_of(f"bench {benchmark}", known, settings, design)
        options.kernel, options.against = kernel, against
        asked = Asked(options, kernels_of(options), costs_of(options.costs))
        return Bench(figures_of(BENCHMARKS[benchmark], asked))


def figures_of(benchmark: Benchmark, asked: Asked) -> Figures:
    """Raises ValueError if a run would take too long, RuntimeError if one fails."""
    found = Runs(benchmark, asked.columns(benchmark))
    seeds = range(asked.seed, asked.seed + (asked.options.runs or benchmark.runs))
    try:
        for run in compare(benchmark, asked.kernels, asked.costs, seeds):
            found.add(run, 0.0)  # how long it took here is not asked
    except RunFailed as failed:
        kernel = asked.failed_on(found)
        oops = oops_of(failed.failure, kernel.name)
        raise RuntimeError(f"a run on {kernel.text} failed:\n{oops}") from None
    except TakesTooLong as error:
        raise ValueError(f"{benchmark.name}: {error}; try lower costs") from None
    assert found.table is not None
    return found.table


def options_of(
    command: str, known: Sequence[str], settings: Mapping[str, Any], design: Design
) -> Namespace:
    """What the command makes of these, having checked them.  Raises Usage."""
    words = command.split()
    for name, value in settings.items():
        if name not in known:
            raise UnknownName("option", name, list(known))
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            words += [option, str(value)]
    for question, answer in design.items():
        words += ["--design", f"{question}={answer}"]
    return make_parser(words).parse_args(words)
