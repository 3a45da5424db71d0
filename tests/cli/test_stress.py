"""`kmm stress`: how it ends, what it prints, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cli.running import Ran, kmm, pretend_terminal, refused

from kmm.cli import dashboard
from kmm.cli.dashboard import Dashboard
from kmm.cli.main import main

pytestmark = pytest.mark.slow

SMALL = ["--small", "--only", "c"]
BROKEN = [*SMALL, "--seed", "1"]
SHORT = [*SMALL, "--kernel", "v6", "--duration", "0.002"]


def stress(*arguments: str) -> Ran:
    return kmm("stress", *arguments)


def test_a_kernel_that_fails_shows_its_oops_and_the_way_back() -> None:
    ran = stress(*BROKEN)
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.startswith("------------[ cut here ]------------\nkernel BUG at ")
    failed = re.search(
        r"^2\.6\.34 failed after 0\.\d{6} s of virtual time, ([\d,]+) steps\.$",
        ran.out,
        re.MULTILINE,
    )
    assert failed is not None
    first = int(failed[1].replace(",", "")) - 59
    command = ran.out.rstrip().splitlines()[-1].split()
    assert command[:2] == ["kmm", "stress"]
    again = kmm(*command[1:])
    assert again.code == 1
    assert again.out.startswith(f"Step 1 is the run's step {first:,}.\n")
    assert re.search(r"^  60 [| \d]+ migration_entry_to_page: PG_", again.out, re.M)
    assert "kernel BUG at include/linux/swapops.h:105!" in again.out


def test_of_the_last_steps_those_that_matter_can_be_had_alone() -> None:
    ran = stress(*BROKEN, "--last", "400", "--why")
    drawing = ran.out.split("\n\n")[1]
    assert len(re.findall(r"^ +\d+ ", drawing, re.MULTILINE)) < 20
    assert max(map(len, ran.out.splitlines())) <= 80


def test_the_last_steps_are_a_trace_in_virtual_time(tmp_path: Path) -> None:
    file = tmp_path / "end.json"
    ran = stress(*BROKEN, "--last", "400", "--export", "perfetto", "-o", str(file))
    assert (ran.code, ran.out, ran.err) == (1, "", "")
    events = json.loads(file.read_text())["traceEvents"]
    steps = [e for e in events if e["ph"] == "B" and "step" in e["args"]]
    assert sorted(e["args"]["step"] for e in steps) == [*range(1, 401)]
    times = [e["ts"] for e in events if e["ph"] in "BE"]
    assert times == sorted(times)
    assert 0 < times[-1] < 100  # and not one a microsecond
    assert_ends_pair(events)


def assert_ends_pair(events: list[dict[str, Any]]) -> None:
    """Whether, on each track, as much ends as has begun, and steps hold nothing."""
    open_ones: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for event in events:
        inside = open_ones.setdefault((event["pid"], event["tid"]), [])
        if event["ph"] == "B":
            assert not any("step" in one["args"] for one in inside)
            inside.append(event)
        elif event["ph"] == "E":
            inside.pop()
    assert not any(open_ones.values())


def test_a_kernel_that_survives_says_how_much_work_that_was() -> None:
    ran = stress(*SHORT)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("v6 survived 0.002000 s of virtual time, ")
    assert re.search(r"^ +\d+ compactions$", ran.out, re.MULTILINE)


def test_json_has_the_kernel_the_recipe_and_the_work() -> None:
    found = stress(*SHORT, "--json", "--seed", "3").json
    assert found["kernel"]["rmap-walk"] == "root-order"
    assert (found["verdict"], found["failure"], found["seed"]) == ("survived", None, 3)
    assert (found["virtual_seconds"], found["only"]) == (0.002, "c")
    assert (found["mapping"], found["children"], found["holes"]) == (1 << 18, 8, 1)
    assert found["counts"]["compactions"] > 0
    assert found["events"]["pgmigrate_success"] > 0
    assert found["replay"].startswith("kmm stress --kernel v6 --memory 4M ")


def test_another_answer_is_another_kernel() -> None:
    ran = stress(*SHORT, "--design", "pte-peek=unlocked")
    assert ran.out.startswith("v6,pte-peek=unlocked survived ")


def test_a_table_is_the_same_from_any_number_of_workers() -> None:
    options = [*SMALL, "--kernel", "vanilla", "--kernel", "v6"]
    options += ["--table", "2", "--duration", "0.001"]
    ran = stress(*options, "--workers", "1")
    assert ran.code == 0
    assert stress(*options, "--workers", "2").out == ran.out
    assert [line.split()[:2] for line in ran.out.splitlines()[1:3]] == [
        ["2.6.34", "0/2"],
        ["v6", "0/2"],
    ]
    runs = stress(*options, "--json").json["runs"]
    assert [(run["kernel"], run["seed"]) for run in runs] == [
        ("2.6.34", 0),
        ("2.6.34", 1),
        ("v6", 0),
        ("v6", 1),
    ]


def test_figures_of_ones_own_change_the_run(tmp_path: Path) -> None:
    slow = tmp_path / "slow.toml"
    slow.write_text("[cost.kernel_step]\ncycles = 200\n")
    usual = stress(*SHORT, "--json").json
    other = stress(*SHORT, "--json", "--costs", str(slow)).json
    assert usual["counts"] != other["counts"]


def main_here(*arguments: str) -> int:
    return main(["stress", *arguments])


def test_a_terminal_shows_a_block_of_lines_that_goes_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dashboard, "REDRAW", 0.0)
    terminal = pretend_terminal(monkeypatch, "stderr")
    code = main_here(*SHORT)
    text = terminal.getvalue()
    assert code == 0
    assert text.endswith("\x1b[J")
    block = text.split("\x1b[J")[1].partition("\x1b")[0].splitlines()
    assert len(block) < 24
    assert max(map(len, block)) < 80
    words = "\n".join(block)
    for word in (
        "faults",
        "migrations",
        "compactions",
        "free blocks by order",
        "swap [",
    ):
        assert word in words


def test_elsewhere_it_says_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "NOW_AND_THEN", 0.0)
    lines = stress(*SHORT).err.splitlines()
    assert lines[0].startswith("kmm: stress: 0.00")
    assert stress(*SHORT, "-q").err == ""


def test_ctrl_c_reports_what_was_covered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stop(self: Dashboard, system: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Dashboard, "update", stop)
    ran = stress(*SHORT)
    assert ran.code == 130
    assert ran.out.startswith("Interrupted; v6 had survived 0.00")
    assert json.loads(stress(*SHORT, "--json").out)["stopped"] == "interrupt"
    output = ("--export", "perfetto", "-o", str(tmp_path / "end.json"))
    assert stress(*SHORT, "--last", "9", *output).out.startswith("Interrupted; ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["--kernel", "v7"], "no kernel is called 'v7'"),
        (["--design", "rmap-walk"], "QUESTION=ANSWER"),
        (["--memory", "64X"], "no size such as 64M"),
        (["--memory", "1M"], "from 2M to 64G"),
        (["--mapping", "5000"], "pages of 4K"),
        (["--only", "a,e"], "not of a,b,c,d"),
        (["--pause", "-1"], "from 0 on"),
        (["--block-order", "11"], "from 1 to 10"),
        (["--cpus", "65"], "from 1 to 64"),
        (["--trigger", "luck"], "luck"),
        (["--costs", "nowhere.toml"], "cannot read 'nowhere.toml'"),
        (["--kernel", "v6", "--kernel", "v5"], "--table SEEDS"),
        (["--why"], "--last N"),
        (["--table", "2", "--seed", "1"], "its own seeds"),
        (["--table", "2", "--last", "9"], "draws no steps"),
        (["--export", "perfetto"], "about the steps that --last N draws"),
        (["--last", "9", "--export", "svg"], "invalid choice: 'svg'"),
        (["--last", "9", "--export", "perfetto", "--json"], "not allowed with"),
        (["-o", "/nonexistent/x"], "cannot write"),
        (["--duration", "0"], "above 0"),
    ],
)
def test_what_cannot_be_run_is_refused(arguments: list[str], cause: str) -> None:
    assert refused(stress(*arguments), cause)
