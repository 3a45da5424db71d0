"""The table says what was found, what it rests on, and what was not found out."""

from __future__ import annotations

import json

from kmm.report.matrix import matrix_json, matrix_markdown, matrix_text
from kmm.scenarios.matrix import NOT_RUN, Cell

FAILS = Cell(
    *("exec-stack", "v4", "bug", "bug_on", "kernel BUG"),
    executions=5,
    steps=700,
    schedule_steps=114,
    context_switches=3,
    schedule="exec-stack/v4/a/b",
)
HOLDS = Cell("exec-stack", "v6", "proved", executions=1612, steps=9)
OPEN = Cell("exec-stack-peek", "v4", "survived", executions=200_000, stopped="budget")
LEFT = Cell("exec-stack-peek", "v6", NOT_RUN)
CELLS = (FAILS, HOLDS, OPEN, LEFT)


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_each_race_has_a_row_with_a_cell_for_each_kernel() -> None:
    found = rows(matrix_text(CELLS, 80))
    assert found[0] == ["v4", "v6"]
    assert ["exec-stack", "S", "3", "N", "1,612"] in found
    assert ["exec-stack-peek", "?", "200,000", "-"] in found


def test_what_could_not_be_exhausted_is_never_called_never() -> None:
    text = matrix_text([OPEN], 80)
    assert "? 200,000" in text
    assert "N 200,000" not in text
    assert "| ? 200,000 |" in matrix_markdown([OPEN])
    assert matrix_json([OPEN])["cells"][0]["verdict"] == "survived"


def test_narrow_screens_have_the_kernels_below_each_other() -> None:
    for width in (40, 60, 80, 200):
        table = matrix_text(CELLS, width).partition("\n\nS n")[0]
        kernels = [line.split() for line in table.splitlines() if line[:1] == " "]
        assert [name for line in kernels for name in line] == ["v4", "v6"]
    narrow = matrix_text(CELLS, 32).partition("\n\nexec-stack-peek: with")[0]
    assert max(map(len, narrow.splitlines())) <= 32


def test_it_is_said_which_races_insist_on_an_answer() -> None:
    assert "exec-stack-peek: with pte-peek=unlocked" in matrix_text(CELLS, 80)
    assert "with" not in matrix_text([FAILS, HOLDS], 80)
    assert matrix_markdown(CELLS).splitlines()[3].endswith("| pte-peek=unlocked |")


def test_the_summary_counts_work_once_and_says_what_is_old_or_missing() -> None:
    twin = Cell("exec-stack", "2.6.35", "proved", executions=1612, same_as="v6")
    old = Cell("exec-stack", "v1", "proved", executions=10, cached=True)
    cells = [HOLDS, twin, old, Cell("exec-stack", "v2", NOT_RUN)]
    assert matrix_text(cells, 80).splitlines()[-1] == (
        "4 cells, 1,622 executions; 1 with the same answers as another, and not run "
        "twice; 1 known from before; 1 not run."
    )
    assert matrix_text([HOLDS], 80).endswith("1 cell, 1,612 executions.")


def test_markdown_is_one_table() -> None:
    lines = matrix_markdown(CELLS).splitlines()
    assert {line.count("|") for line in lines} == {5}
    assert lines[2] == "| `exec-stack` | S 3 | N 1,612 |  |"


def test_json_has_a_cell_for_each_and_is_json() -> None:
    found = json.loads(json.dumps(matrix_json(CELLS)))
    assert found["races"] == ["exec-stack", "exec-stack-peek"]
    assert found["kernels"] == ["v4", "v6"]
    fails, holds, still_open, left = found["cells"]
    assert (fails["verdict"], fails["context_switches"]) == ("bug", 3)
    assert fails["schedule"] == "exec-stack/v4/a/b"
    assert (holds["schedule"], holds["schedule_steps"]) == (None, None)
    assert still_open["stopped"] == "budget"
    assert still_open["sets"] == {"pte-peek": "unlocked"}
    assert left["verdict"] == NOT_RUN
