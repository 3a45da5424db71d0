"""`kmm bench` of rival answers; in the tests the loads are small ones."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from attrs import evolve
from cli.running import kmm, refused

from kmm.report.bench import SIMULATED
from kmm.workloads import benchmarks
from kmm.workloads.benchmark import Conditions, Result
from kmm.workloads.comparison import Comparison
from kmm.workloads.execrate import EXECRATE, execrate
from kmm.workloads.forktree import FORKTREE
from kmm.workloads.mmapload import MMAP, mmapload

pytestmark = pytest.mark.slow

SMALL = (
    evolve(FORKTREE, tests=("1", "3")),
    evolve(EXECRATE, tests=("1",), run=partial(execrate, duration=0.000_02)),
    evolve(MMAP, tests=("1", "2"), run=partial(mmapload, duration=0.000_02)),
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for comparison in SMALL:
        replace(monkeypatch, comparison)
    return monkeypatch


def replace(patch: pytest.MonkeyPatch, comparison: Comparison) -> None:
    patch.setitem(benchmarks.COMPARISONS, comparison.name, comparison)


def rows(out: str) -> list[str]:
    """The first words of the lines of the first table."""
    return [line.split()[0] for line in out.split("\n\n")[0].splitlines()[1:]]


def test_every_answer_to_the_question_has_a_row() -> None:
    ran = kmm("bench", "forktree")
    assert (ran.code, ran.err) == (0, "")
    assert rows(ran.out) == [
        *("children", "local-lock", "seqcount", "trylock-retry"),
        *("heavy-lock", "root-order", "root-lock"),
    ]
    assert ran.out.count(SIMULATED) == len(FORKTREE.measures)
    assert max(map(len, ran.out.splitlines())) <= 80


def test_an_answer_that_fails_is_a_row_and_not_the_end() -> None:
    ran = kmm("bench", "execrate")
    assert ran.code == 0
    row = next(line for line in ran.out.splitlines() if line.startswith("hold-lock"))
    assert "BUG: sleeping function called from invalid context" in row
    assert "skip-temporary" in ran.out
    (near, *_) = json.loads(kmm("bench", "execrate", "--json").out)
    assert near["failures"]["hold-lock"]["kind"] == "atomic_sleep"
    assert near["answers"][2]["values"] == [None]


def test_only_some_answers_and_the_first_is_the_baseline() -> None:
    ran = kmm("bench", "mmap", "--answers", "heavy-lock,local-lock", "--json")
    found: Any = json.loads(ran.out)
    assert [answer["name"] for answer in found[0]["answers"]] == [
        "heavy-lock",
        "local-lock",
    ]
    assert found[0]["answers"][0]["deltas"] == [0, 0]
    assert found[0]["answers"][1]["deltas"][0] > 0
    assert [kernel["rmap-walk"] for kernel in found[0]["kernels"]] == [
        "heavy-lock",
        "local-lock",
    ]


def test_two_kernels_are_compared_as_the_others_do() -> None:
    asked = ("--kernel", "2.6.36", "--against", "v4")
    assert rows(kmm("bench", "execrate", *asked).out) == ["processes", "v4", "2.6.36"]
    asked = ("--kernel", "vanilla", "--design", "exec-stack=move-vma")
    found = rows(kmm("bench", "execrate", *asked).out)
    assert found == ["processes", "vanilla", "2.6.34,exec-stack=move-vma"]


def test_every_form_is_there_and_from_reads_the_json_again(tmp_path: Path) -> None:
    path = tmp_path / "mmap.json"
    asked = ("bench", "mmap", "--answers", "local-lock,root-lock")
    assert kmm(*asked, "--json", "-o", str(path)).out == ""
    for form in ((), ("--plot",), ("--svg",)):
        assert kmm("bench", "--from", str(path), *form).out == kmm(*asked, *form).out
    plotted = kmm(*asked, "--plot").out
    assert max(map(len, plotted.splitlines())) <= 80
    assert plotted.count(SIMULATED) == 2 * 3 + 3  # what is counted is not drawn
    svg = kmm(*asked, "--svg").out
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert svg.count("no machine was measured") == 3


def test_runs_have_seeds_of_their_own() -> None:
    asked = ("bench", "mmap", "--answers", "local-lock", "--json")
    (found, *_) = json.loads(kmm(*asked, "--runs", "2", "--seed", "5").out)
    assert found["seeds"] == [5, 6]


def test_ctrl_c_prints_what_there_is(small: pytest.MonkeyPatch) -> None:
    def run(test: str, conditions: Conditions) -> Result:
        if test == "2" and conditions.spec.rmap_walk.name == "seqcount":
            raise KeyboardInterrupt
        return mmapload(test, conditions, 0.000_02)

    replace(small, evolve(MMAP, tests=("1", "2"), run=run))
    ran = kmm("bench", "mmap")
    assert ran.code == 130
    assert ran.err == "kmm: mmap: interrupted after 7 of 12 runs\n"
    assert "n/a" in ran.out
    assert json.loads(kmm("bench", "mmap", "--json").out)[0]["stopped"] == "interrupt"


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("forktre",), "called 'forktre' (did you mean forktree?); there is kernbench"),
        (("mmap", "--answers", "heavy"), "no answer to rmap-walk is called 'heavy'"),
        (("mmap", "--answers", ","), "names nothing"),
        (("aim9", "--answers", "heavy-lock"), "--answers is for forktree"),
        (("mmap", "--answers", "x", "--kernel", "v4"), "--answers is for forktree"),
        (("mmap", "--wall"), "--wall is for kernbench, aim9, sysbench"),
    ],
)
def test_what_cannot_be_run_is_refused(arguments: tuple[str, ...], cause: str) -> None:
    assert refused(kmm("bench", *arguments), cause)
