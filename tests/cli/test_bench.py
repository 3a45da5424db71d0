"""`kmm bench`: given figures in the letter's form, and benchmarks that are run."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from attrs import evolve
from cli.running import Ran, fresh_kmm, kmm, refused

from kmm.report.bench import SIMULATED
from kmm.workloads import benchmarks
from kmm.workloads.aim9 import AIM9 as AIM9_OF_THE_MODEL
from kmm.workloads.aim9 import aim9
from kmm.workloads.benchmark import Benchmark, Conditions, Result
from kmm.workloads.kernbench import KERNBENCH, kernbench
from kmm.workloads.sysbench import SYSBENCH, sysbench

pytestmark = pytest.mark.slow

LETTER = str(Path(__file__).parents[1] / "report" / "data" / "letter.json")
AIM9 = {
    "title": "AIM9",
    "columns": ["aim9-vanilla", "fixraces-v5r1"],
    "rows": [{"name": "fork_test", "better": "higher", "values": [4261.91, 4110.98]}],
}


def bench(*arguments: str) -> Ran:
    return kmm("bench", "--from", LETTER, *arguments)


def test_the_letters_three_tables_are_printed_in_its_form() -> None:
    ran = bench()
    assert (ran.code, ran.err) == (0, "")
    assert [block.split("\n")[0] for block in ran.out.split("\n\n")] == [
        "KERNBENCH",
        "AIM9",
        "SYSBENCH",
    ]
    assert "exec_test        226.67 ( 0.00%)      232.67 ( 2.58%)\n" in ran.out
    assert "imulated" not in ran.out


def test_a_plot_stands_below_each_table() -> None:
    plain, drawn = bench().out, bench("--plot").out
    assert len(drawn.split("\n\n")) > len(plain.split("\n\n"))
    for table in plain.rstrip("\n").split("\n\n"):
        assert table in drawn
    assert max(map(len, drawn.splitlines())) <= 80
    assert "\x1b" not in drawn


def test_svg_goes_to_a_file_or_to_standard_output(tmp_path: Path) -> None:
    path = tmp_path / "letter.svg"
    assert bench("--svg", "-o", str(path)).out == ""
    text = path.read_text(encoding="utf-8")
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert bench("--svg").out == text


def test_json_read_again_is_the_same_json(tmp_path: Path) -> None:
    path = tmp_path / "again.json"
    first = bench("--json", "-o", str(path))
    assert (first.code, first.out) == (0, "")
    again = kmm("bench", "--from", str(path), "--json")
    assert again.out == path.read_text()
    assert kmm("bench", "--from", str(path)).out == bench().out


def test_a_table_alone_is_an_object_and_several_are_a_list(tmp_path: Path) -> None:
    path = tmp_path / "aim9.json"
    path.write_text(json.dumps(AIM9))
    found = kmm("bench", "--from", str(path), "--json").json
    assert found["title"] == "AIM9"
    assert found["simulated"] is False
    assert f"{found['rows'][0]['delta']:.2f}" == "-3.67"
    assert [one["title"] for one in json.loads(bench("--json").out)][1] == "AIM9"


def test_dash_reads_standard_input() -> None:
    ran = fresh_kmm("bench", "--from", "-", stdin=json.dumps(AIM9))
    assert ran.out.splitlines()[-1] == ("fork_test  4261.91 ( 0.00%)  4110.98 (-3.67%)")


def test_what_is_simulated_is_called_so_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "simulated.json"
    path.write_text(json.dumps({**AIM9, "simulated": True}))
    for form, times in ((), 1), (("--plot",), 2), (("--svg",), 1):
        out = kmm("bench", "--from", str(path), *form).out
        assert out.count("no machine was measured") == times
    assert kmm("bench", "--from", str(path), "--json").json["simulated"] is True


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is nested too deeply"),
        ("\x00", "is not JSON"),
        ("7", "the table is not an object"),
        ('{"title": "AIM9"}', "the table has no 'columns'"),
        (json.dumps([AIM9, {**AIM9, "rows": 0}]), "rows of table 2 is not a list"),
        (json.dumps(AIM9).replace("4261.91", "1e999"), "row 1 of the table"),
        (json.dumps(AIM9).replace("4261.91", "9" * 5000), "is not JSON"),
        (json.dumps(AIM9).replace("AIM9", "\\ud800"), "the title of the table"),
    ],
)
def test_a_bad_file_is_one_line_with_the_cause_and_the_way_out(
    tmp_path: Path, text: str, cause: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    ran = kmm("bench", "--from", str(path))
    assert refused(ran, cause)
    assert str(path) in ran.err
    assert ran.err.endswith("see kmm bench --help\n")


def test_what_is_no_file_at_all_is_refused(tmp_path: Path) -> None:
    assert refused(kmm("bench", "--from", "/nonexistent"), "No such file or directory")
    assert refused(kmm("bench", "--from", str(tmp_path)), "Is a directory")
    assert refused(kmm("bench"), "--from")


def test_output_has_one_form_and_a_place_to_go() -> None:
    assert refused(bench("--json", "--svg"), "not allowed with")
    assert refused(bench("--svg", "-o", "/nonexistent/x.svg"), "cannot write")


# Benchmarks that are run; in the tests they are small ones.

SMALL = (
    evolve(KERNBENCH, run=partial(kernbench, jobs=2)),
    evolve(AIM9_OF_THE_MODEL, run=partial(aim9, duration=0.000_05)),
    evolve(SYSBENCH, tests=("1", "2"), run=partial(sysbench, duration=0.002)),
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for benchmark in SMALL:
        replace(monkeypatch, benchmark)
    return monkeypatch


def replace(patch: pytest.MonkeyPatch, benchmark: Benchmark) -> None:
    patch.setitem(benchmarks.BENCHMARKS, benchmark.name, benchmark)


@pytest.mark.usefixtures("small")
def test_three_tables_have_the_letters_rows_and_are_called_simulated() -> None:
    ran = kmm("bench", "all")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count(SIMULATED) == 3
    for row in ("Elapsed mean", "CPU stddev", "creat-clo", "link_test", "2  "):
        assert f"\n{row}" in ran.out
    for heading in ("kernbench-vanilla", "aim9-vanilla", "sysbench-vanilla", " v6\n"):
        assert heading in ran.out


@pytest.mark.usefixtures("small")
def test_the_same_seed_prints_the_same_table_and_each_run_has_its_own() -> None:
    asked = ("bench", "kernbench", "--runs", "2", "--json")
    first = kmm(*asked, "--seed", "5")
    assert kmm(*asked, "--seed", "5").out == first.out
    assert kmm(*asked).json["rows"] != first.json["rows"]
    assert first.json["seeds"] == [5, 6]
    deviation = next(r for r in first.json["rows"] if r["name"] == "User stddev")
    assert min(deviation["values"]) > 0


@pytest.mark.usefixtures("small")
def test_any_kernel_is_measured_against_any() -> None:
    asked = ("--kernel", "vanilla", "--design", "exec-stack=move-vma")
    ran = kmm("bench", "aim9", *asked, "--against", "2.6.35", "--json")
    assert ran.json["columns"] == ["aim9-2.6.35", "2.6.34,exec-stack=move-vma"]
    baseline, patched = ran.json["kernels"]
    assert (baseline["exec-stack"], patched["exec-stack"]) == (
        "skip-temporary",
        "move-vma",
    )
    assert ran.json["simulated"] is True


@pytest.mark.usefixtures("small")
def test_what_an_exec_does_is_counted_beside_its_rate() -> None:
    work = kmm("bench", "aim9", "--json").json["work"]
    assert "signal_test" not in work
    baseline, patched = work["exec_test"]["VMAs"]
    assert patched == baseline + 1
    out = kmm("bench", "aim9").out
    assert f"{baseline:.2f} and {patched:.2f} VMAs" in out


@pytest.mark.usefixtures("small")
def test_json_of_a_run_is_read_by_from(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    kmm("bench", "sysbench", "--json", "-o", str(path))
    out = kmm("bench", "sysbench").out
    assert kmm("bench", "--from", str(path)).out.split() == out.split()


@pytest.mark.usefixtures("small")
def test_the_hosts_time_is_a_table_of_its_own_and_not_called_simulated() -> None:
    text = kmm("bench", "sysbench", "kernbench", "--wall").out
    assert text.count("wall-clock ms a run (of this host, never twice the same") == 2
    assert text.count(SIMULATED) == 2
    assert "Wall mean" in text
    found: Any = json.loads(kmm("bench", "sysbench", "--wall", "--json").out)
    assert [one["simulated"] for one in found] == [True, False]
    assert min(found[1]["rows"][0]["values"]) > 0


@pytest.mark.usefixtures("small")
def test_a_file_of_costs_is_used(tmp_path: Path) -> None:
    path = tmp_path / "slow.toml"
    path.write_text("[machine]\nmhz = 300\n")

    def signals(*more: str) -> float:
        rows = kmm("bench", "aim9", "--json", *more).json["rows"]
        rate: float = next(r for r in rows if r["name"] == "signal_test")["values"][0]
        return rate

    slow = signals("--costs", str(path))
    assert slow == pytest.approx(signals() / 10, rel=0.05)


def test_a_kernel_that_fails_is_a_failure_with_its_oops() -> None:
    ran = kmm("bench", "aim9", "--design", "exec-stack=hold-lock")
    assert ran.code == 1
    assert ran.out.startswith("BUG: sleeping function called from invalid context")
    assert "shift_arg_pages" in ran.out
    found = kmm("bench", "aim9", "--design", "exec-stack=hold-lock", "--json")
    assert found.json["failure"]["kind"] == "atomic_sleep"


def test_ctrl_c_prints_the_rows_of_which_both_kernels_have_a_run(
    small: pytest.MonkeyPatch,
) -> None:
    def run(test: str, conditions: Conditions) -> Result:
        if test == "brk_test":
            raise KeyboardInterrupt
        return aim9(test, conditions, 0.000_05)

    replace(small, evolve(AIM9_OF_THE_MODEL, run=run))
    ran = kmm("bench", "all")
    assert ran.code == 130
    assert ran.err == "kmm: aim9: interrupted after 4 of 14 runs\n"
    assert "Elapsed mean" in ran.out
    assert "page_test" in ran.out
    assert "brk_test" not in ran.out
    assert "SYSBENCH" not in ran.out
    assert kmm("bench", "aim9", "--json").json["stopped"] == "interrupt"


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (
            ("kernbnch",),
            "called 'kernbnch' (did you mean kernbench?); there is kernbench",
        ),
        (("aim9", "--kernel", "v7"), "no kernel is called 'v7'"),
        (("aim9", "--against", "v7"), "no kernel is called 'v7'"),
        (("aim9", "--design", "exec-stack"), "QUESTION=ANSWER"),
        (("aim9", "--runs", "0"), "not a whole number above 0"),
        (("aim9", "--seed", "-1"), "not a whole number from 0 on"),
        (("aim9", "--costs", "/nonexistent"), "cannot read '/nonexistent'"),
        (("aim9", "--costs", LETTER), "is no TOML file"),
        (("aim9", "--from", LETTER), "runs nothing; leave out that or 'aim9'"),
        (("--wall", "--from", LETTER), "runs nothing; leave out that or 'wall'"),
        (("--seed", "0", "--from", LETTER), "runs nothing; leave out that or 'seed'"),
    ],
)
def test_a_run_that_cannot_be_made_is_refused(
    arguments: tuple[str, ...], cause: str
) -> None:
    assert refused(kmm("bench", *arguments), cause)


def test_costs_with_which_nothing_ends_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "forever.toml"
    path.write_text("[cost.kernel_step]\ncycles = 1_000_000_000\n")
    ran = kmm("bench", "kernbench", "--costs", str(path))
    assert refused(ran, "tar takes longer than 60 virtual seconds")
