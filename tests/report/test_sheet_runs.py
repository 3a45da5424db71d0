"""Runs of a comparison as sheets."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

from attrs import evolve

from kmm.report.sheet import sheet_text
from kmm.report.sheet_runs import AnswerRuns
from kmm.sim.failure import Failure
from kmm.workloads.benchmark import Result
from kmm.workloads.comparison import AnswerRun
from kmm.workloads.execrate import EXECRATE
from kmm.workloads.forktree import FORKTREE

FAILURE = Failure("bug_on", "kernel BUG at mm/rmap.c:740")


def run(
    test: str,
    column: int,
    figures: Mapping[str, float],
    counts: Mapping[str, float] = {},
    seed: int = 0,
) -> AnswerRun:
    return AnswerRun(test, column, seed, Result(figures, counts))


def test_there_is_a_sheet_for_each_measure_and_for_each_tally() -> None:
    runs = AnswerRuns(EXECRATE, ["one", "two"])
    assert list(runs.sheets()) == []
    counts = {name: 100.0 for tally in EXECRATE.tallies for name in tally.counts}
    runs.runs.append(run("1", 0, {"near": 3, "far": 2}, counts))
    near, _, work, _ = runs.sheets()
    assert near.columns == ("1", "4")
    assert [line.name for line in near.lines] == ["one", "two"]
    assert near.lines[0].values[0] == 3
    assert isnan(near.lines[0].values[1])
    assert work.columns[0] == "steps"
    assert work.lines[0].values[0] == 100


def test_several_seeds_are_their_mean() -> None:
    runs = AnswerRuns(evolve(EXECRATE, tallies=()), ["one"])
    for seed, rate in enumerate((10, 30)):
        runs.runs.append(run("1", 0, {"near": rate, "far": rate}, seed=seed))
    assert next(runs.sheets()).lines[0].values[0] == 20


def test_what_was_counted_stands_beside_a_figure() -> None:
    runs = AnswerRuns(evolve(FORKTREE, tests=("1",)), ["one"])
    figures = {measure.name: 1.0 for measure in FORKTREE.measures}
    counts = {m.beside[0]: 7 for m in FORKTREE.measures if m.beside}
    runs.runs.append(run("1", 0, figures, counts))
    assert "one       1.00 (7)" in sheet_text(next(runs.sheets()))


def test_an_answer_that_failed_says_why() -> None:
    runs = AnswerRuns(evolve(EXECRATE, tallies=()), ["one", "two"])
    runs.runs.append(run("1", 0, {"near": 1, "far": 1}))
    runs.runs.append(AnswerRun("1", 1, 0, None, FAILURE))
    assert f"two        {FAILURE.message}" in sheet_text(next(runs.sheets()))
