"""The letter's recipe and its tables, in a program."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from api.pages import page
from cli.running import kmm as command

import kmm

RECIPE = ("--small", "--only", "c", "--seed", "1")
AS_COMMAND = ["--kernel", "2.6.36", "--against", "2.6.34", "--runs", "1", "--seed", "3"]
FAILS: dict[str, Any] = {"small": True, "only": "c", "seed": 1, "duration": 0.014}


@cache
def failing() -> kmm.Stress:
    return kmm.stress(**FAILS)


@cache
def benchmark() -> kmm.Bench:
    return kmm.bench("aim9", runs=1, kernel="2.6.36", seed=3)


def test_a_recipe_is_the_commands() -> None:
    ran = command("stress", *RECIPE, "--duration", "0.014", "--json").json
    made_again = ran.pop("replay")
    assert made_again.startswith("kmm stress")
    assert failing().json() == {**ran, "seconds": 0}


def test_a_failure_is_an_oops_and_its_last_steps_can_be_drawn() -> None:
    run = failing()
    assert repr(run) == "<kmm stress: 2.6.34, seed 1: bug>"
    assert run.failure is not None
    assert run.failure.message == "kernel BUG at include/linux/swapops.h:105!"
    assert str(run).startswith("------------[ cut here ]")
    assert str(run).count("failed after") == 1
    assert "kernel BUG at" in page(run).text
    drawn = run.last(400)
    assert "migration_entry_to_page" in drawn
    assert drawn.caption == f"the end of {run!r}"


@pytest.mark.parametrize("steps", [0, -1, 2.5, True])
def test_a_drawing_has_a_whole_number_of_steps(steps: Any) -> None:
    with pytest.raises(ValueError, match="steps is a whole number above 0"):
        failing().last(steps)


def test_a_kernel_that_survives_says_how_much_work_that_was() -> None:
    run = kmm.stress(kernel="v6", small=True, only="c", duration=0.003)
    assert (run.verdict, run.failure, run.seconds) == ("survived", None, 0.003)
    assert run.works["execs"] > 0
    assert "execs" in page(run).text
    assert len(re.findall(r"^ {3}[123] ", run.last(3), re.MULTILINE)) == 3


def test_a_benchmark_is_the_commands() -> None:
    ran = command("bench", "aim9", *AS_COMMAND, "--json").json
    found = benchmark().json()
    assert found["rows"] == ran["rows"]
    assert found["columns"] == ran["columns"]


def test_a_benchmark_is_a_table_that_says_that_it_is_simulated() -> None:
    table = benchmark()
    assert [row["name"] for row in table][:2] == ["creat-clo", "page_test"]
    assert table["signal_test"]["gain"] == 0.0
    assert "Simulated" in str(table)
    assert "simulated" in repr(table)
    rows = page(table).rows
    assert rows[0] == ["name", "aim9-2.6.34", "2.6.36", "gain", "better"]
    assert rows[4][3] == "0.00%"
    assert "loss | gain" in table.plot()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"only": "z"}, "'z' is not of a,b,c,d"),
        ({"colour": 1}, "no option is called 'colour'; there is seed, duration"),
        ({"against": "v6"}, "no option is called 'against'"),
        ({"kernel": "v9"}, "no kernel is called 'v9'"),
        ({"memory": "1K"}, "--memory is from 2M to 64G"),
        ({"duration": 0}, "--duration"),
        ({"design": {"exec-stack": "x"}}, "no answer to exec-stack is called 'x'"),
        ({"costs": "/no/such/file"}, "cannot read '/no/such/file'"),
    ],
)
def test_bad_input_is_told_as_the_command_tells_it(
    asked: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        kmm.stress(**asked)


def test_a_benchmark_that_is_not_there_is_told() -> None:
    with pytest.raises(ValueError, match="there is kernbench, aim9, sysbench"):
        kmm.bench("aim7")
    with pytest.raises(ValueError, match="--runs"):
        kmm.bench("aim9", runs=0)
