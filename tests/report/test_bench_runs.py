"""Runs of a benchmark as a table: pairs of runs, means, and what kernels did."""

from __future__ import annotations

from collections.abc import Mapping

from kmm.report.bench import SIMULATED, table_text
from kmm.report.bench_runs import Runs, work_text
from kmm.workloads.aim9 import AIM9
from kmm.workloads.benchmark import Benchmark, Result, Run
from kmm.workloads.kernbench import KERNBENCH

COLUMNS = ("aim9-vanilla", "v6")


def runs_of(
    benchmark: Benchmark,
    *figures: tuple[str, float, float],
    counts: Mapping[str, float] = {},
    more: Mapping[str, float] = {},
) -> Runs:
    """A run on each kernel for each of `figures`; v6 does `more` beside `counts`."""
    runs = Runs(benchmark, COLUMNS)
    for seed, (name, baseline, patched) in enumerate(figures):
        test = name if name in benchmark.tests else benchmark.tests[0]
        done = (counts, {**counts, **more})
        for column, figure in enumerate((baseline, patched)):
            result = Result({name: figure}, done[column])
            runs.add(Run(test, column, seed, result), seconds=figure / 1000)
    return runs


def test_each_kernel_has_its_column_and_each_test_its_row() -> None:
    table = runs_of(AIM9, ("creat-clo", 100, 100), ("exec_test", 50, 40)).table
    assert table is not None
    assert table.columns == COLUMNS
    assert [(row.name, row.values) for row in table.rows] == [
        ("creat-clo", (100, 100)),
        ("exec_test", (50, 40)),
    ]
    assert table.rows[1].delta == -25
    assert table_text(table).endswith(SIMULATED)


def test_several_runs_are_their_mean_and_the_title_says_how_many() -> None:
    table = runs_of(AIM9, ("brk_test", 10, 20), ("brk_test", 30, 40)).table
    assert table is not None
    assert table.rows[0].values == (20, 30)
    assert table.title.endswith("; 2 runs)")


def test_kernbench_has_means_and_deviations() -> None:
    table = runs_of(KERNBENCH, ("CPU", 356, 356), ("CPU", 357, 356)).table
    assert table is not None
    assert [(row.name, row.values) for row in table.rows] == [
        ("CPU mean", (356.5, 356)),
        ("CPU stddev", (0.5, 0)),
    ]


def test_a_run_of_which_there_is_no_other_is_left_out() -> None:
    runs = runs_of(AIM9, ("brk_test", 10, 20))
    runs.add(Run("brk_test", 0, 1, Result({"brk_test": 99})), 1.0)
    runs.add(Run("exec_test", 0, 0, Result({"exec_test": 99})), 1.0)
    table = runs.table
    assert table is not None
    assert [(row.name, row.values) for row in table.rows] == [("brk_test", (10, 20))]


def test_nothing_run_is_no_table() -> None:
    runs = Runs(AIM9, COLUMNS)
    assert (runs.table, runs.wall, runs.work, work_text(runs)) == (None, None, {}, "")


def test_what_the_host_took_is_lower_for_better_and_measured() -> None:
    wall = runs_of(AIM9, ("brk_test", 10, 20)).wall
    assert wall is not None
    assert not wall.simulated
    assert wall.rows[0].values == (10, 20)
    assert wall.rows[0].delta == -100


def test_work_is_told_of_the_tests_in_which_kernels_differ() -> None:
    same = runs_of(AIM9, ("brk_test", 1, 1), counts={"steps": 8, "VMAs": 1})
    assert work_text(same) == ""
    differ = runs_of(
        AIM9, ("exec_test", 1, 1), counts={"steps": 8, "VMAs": 1}, more={"VMAs": 2}
    )
    assert work_text(differ).splitlines() == [
        "For each operation, aim9-vanilla and v6:",
        "exec_test  1.00 and 2.00 VMAs",
    ]
