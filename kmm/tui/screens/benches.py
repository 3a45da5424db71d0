"""The letter's benchmarks on two kernels, as they run: a table, and a plot of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from ...designs import KernelSpec
from ...report.bench import table_text
from ...report.bench_plot import plot_text
from ...report.bench_runs import Runs, work_text
from ...sim.slices import Slices
from ...workloads.benchmark import RunFailed, TakesTooLong, compare
from ...workloads.benchmarks import BENCHMARKS
from ...workloads.cycles import usual_table
from ..background import background
from ..lines import Line
from ..messages import BenchMoved
from ..widgets.pane import GUTTER
from .box import Box, Paper
from .kernels import Kernels

NOTE = "Times are virtual: what the model gives, no constant being tuned to a row."


class Benches(Box[None]):
    """First which benchmark and which kernels, then its runs as they are made."""

    DEFAULT_CSS = """
    Benches > Vertical { width: 120; }
    """
    heading = "The letter's benchmarks"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "start", "run it", key_display="enter"),
        Binding("b", "benchmark", "another benchmark"),
        Binding("k", "kernel(1)", "kernel"),
        Binding("K", "kernel(0)", "baseline"),
        Binding("p", "plot", "plot or table"),
        Binding("escape,q,ctrl+c", "stop", "stop", key_display="esc"),
        Binding("r", "again", "another"),
        Binding("escape,q", "answer", "close", key_display="esc"),
    ]

    def __init__(self, kernels: tuple[KernelSpec, KernelSpec]) -> None:
        super().__init__()
        self.kernels = list(kernels)
        self.benchmark = next(iter(BENCHMARKS))
        self.stage = "choosing"  # or running, ended
        self.is_stopping = self.is_plot = False
        self.moved: BenchMoved | None = None

    # Choosing.

    def lines(self) -> Sequence[Line]:
        benchmark = BENCHMARKS[self.benchmark]
        baseline, patched = (kernel.text for kernel in self.kernels)
        return [
            Line(f"{self.benchmark}: {benchmark.unit}, {benchmark.scale}", look="loud"),
            Line(f"on {baseline} and on {patched}"),
            Line(""),
            Line(f"rows: {', '.join(benchmark.tests)}", hang=2),
            Line(f"{benchmark.runs} runs of each, with other seeds"),
            Line(""),
            Line(NOTE, look="dim", hang=2),
        ]

    def choose(self) -> None:
        self.query_one(Paper).show(self.lines())

    def action_benchmark(self) -> None:
        names = list(BENCHMARKS)
        self.benchmark = names[(names.index(self.benchmark) + 1) % len(names)]
        self.choose()

    def action_kernel(self, column: int) -> None:
        def chosen(kernel: KernelSpec | None) -> None:
            if kernel is not None:
                self.kernels[column] = kernel
                self.choose()

        heading = ("The baseline", "The kernel beside it")[column]
        screen = Kernels(None, self.kernels[column], heading)
        _ = self.app.push_screen(screen, chosen)

    # Running.

    def action_start(self) -> None:
        self.enter("running")
        self.query_one(Paper).show([Line("The first run ...")])
        self.measure(self.benchmark, (self.kernels[0], self.kernels[1]))

    @background(exclusive=True)
    def measure(
        self, name: str, kernels: tuple[KernelSpec, KernelSpec]
    ) -> Slices[None]:
        """Beside the screen; what there is so far is sent after each run."""
        benchmark = BENCHMARKS[name]
        runs = Runs(benchmark, (kernels[0].text, kernels[1].text))
        total = 2 * benchmark.runs * len(benchmark.tests)
        problem = ""
        started = time.perf_counter()
        try:
            for run in compare(
                benchmark, kernels, usual_table(), range(benchmark.runs)
            ):
                now = time.perf_counter()
                runs.add(run, now - started)
                started = now
                if self.is_stopping:
                    break
                self.post_message(BenchMoved(runs, len(runs.runs), total))
                yield
        except (RunFailed, TakesTooLong) as error:
            problem = str(error)
        done = len(runs.runs)
        self.post_message(BenchMoved(runs, done, total, is_over=True, problem=problem))

    def on_bench_moved(self, message: BenchMoved) -> None:
        self.moved = message
        if message.is_over:
            self.enter("ended")
        if not self.is_stopping:
            self.draw()

    def draw(self) -> None:
        paper = self.query_one(Paper)
        if self.moved is not None:
            paper.show(list(results(self.moved, paper.room - GUTTER, self.is_plot)))

    def action_plot(self) -> None:
        self.is_plot = not self.is_plot
        self.draw()

    def action_stop(self) -> None:
        """The first time, wait for the run to end; the second, do not."""
        if self.is_stopping:
            self.answer(None)
        self.is_stopping = True
        self.query_one(Paper).show([Line("Stopping ...")])

    def action_again(self) -> None:
        self.enter("choosing")
        self.moved = None
        self.choose()

    # What can be done depends on how far it is.

    def enter(self, stage: str) -> None:
        self.stage, self.is_stopping = stage, False
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("start", "benchmark", "kernel"):
            return self.stage == "choosing"
        if action == "plot":
            return self.stage != "choosing"
        if action == "stop":
            return self.stage == "running"
        if action == "again":
            return self.stage == "ended"
        if action == "answer":
            return self.stage != "running"
        return True


def results(moved: BenchMoved, columns: int, is_plot: bool) -> Iterator[Line]:
    """How far it is, the table of the runs so far, and what the kernels did for it."""
    share = moved.done / max(moved.total, 1)
    if not moved.is_over:
        yield Line(f"{moved.done} of {moved.total} runs ({share:.0%})", look="loud")
        yield Line("")
    if moved.problem:
        yield Line(moved.problem, look="loud", mark="!")
    table = moved.runs.table
    if table is None:
        yield Line("No test has run on both kernels yet.", look="dim")
        return
    text = plot_text(table, columns) if is_plot else table_text(table)
    for line in text.splitlines():
        yield Line(line)
    if moved.is_over and not is_plot:
        yield Line("")
        for line in work_text(moved.runs).splitlines():
            yield Line(line, hang=2)
