"""Sheets: rival answers as text and as JSON, and sheets that are no such thing."""

from __future__ import annotations

import json
from math import nan
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from report.tables import any_sheets, sheet, unhurried

from kmm.report.bench import SIMULATED, NotATable
from kmm.report.sheet import Line, Sheet, is_sheet, sheet_in, sheet_json, sheet_text

GOOD: dict[str, Any] = sheet_json(sheet(("old", [1, 2]), ("new", [2, 3])))


def test_a_row_is_an_answer_and_gains_are_the_letters() -> None:
    one = sheet(("old", [100, 200]), ("new", [125, 100]))
    assert sheet_text(one).splitlines() == [
        "SMALL, a ms (gain)",
        "children               1               10",
        "old       100.0 ( 0.00%)  200.0 ( 0.00%)",
        "new       125.0 (20.0%)   100.0 (-100.0%)",
        "",
        SIMULATED,
    ]


def test_what_was_counted_stands_in_brackets_instead_of_the_gain() -> None:
    one = sheet(("old", [1.5, 20]), beside="VMAs", counts=[2, 1001], better="lower")
    assert sheet_text(one).splitlines()[:3] == [
        "SMALL, a ms (VMAs)",
        "children        1            10",
        "old       1.5 (2)  20.0 (1,001)",
    ]


def test_an_answer_that_failed_at_once_says_so_and_one_that_failed_later_too() -> None:
    one = sheet(("old", [1, 2]))
    answers = [
        *one.lines,
        Line("bad", [nan, nan], failure="BUG: " + "x" * 100),
        Line("later", [1, nan], failure="BUG"),
    ]
    _, _, _, bad, later, *_ = sheet_text(evolve(one, lines=answers)).splitlines()
    assert bad.startswith("bad       BUG: xxx")
    assert (len(bad), bad[-3:]) == (80, "...")
    assert later.split() == ["later", "1.0", "(", "0.00%)", "n/a"]


def test_what_is_no_rate_has_no_gain() -> None:
    one = evolve(sheet(("old", [1, 2]), ("new", [2, 3])), unit="")
    assert "%" not in sheet_text(one)
    assert "deltas" not in sheet_json(one)["answers"][0]


@unhurried
@given(any_sheets())
def test_json_read_again_is_the_same_sheet(one: Sheet) -> None:
    written = json.loads(json.dumps(sheet_json(one)))
    assert is_sheet(written)
    again = sheet_in(written, "it")
    assert sheet_json(again) == sheet_json(one)
    assert sheet_text(again) == sheet_text(one)


@unhurried
@given(any_sheets())
def test_no_line_ends_in_a_blank_and_what_is_simulated_says_so(one: Sheet) -> None:
    lines = sheet_text(one).splitlines()
    assert all(line == line.rstrip() for line in lines)
    assert (lines[-1] == SIMULATED) == one.simulated


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"columns": []}, "columns of it is not a list of at least one name"),
        ({"columns": [1, 2]}, "a column of it is not a line of text"),
        ({"answers": []}, "answers of it is not a list of at least one answer"),
        ({"answers": [7]}, "answer 1 of it is not an object"),
        ({"better": "good"}, "better of it is 'good'"),
        ({"digits": 7}, "digits of it is not a number from 0 to 6"),
        ({"digits": "2"}, "digits of it is not a number"),
        ({"simulated": "no"}, "simulated of it is neither true nor false"),
        ({"title": ""}, "the title of it is not a line of text"),
        ({"unit": 7}, "unit of it is not a line of text"),
        ({"columns": ["1", "10", "100"]}, "is not a list of 3 numbers"),
    ],
)
def test_what_is_no_sheet_is_refused_with_the_cause(
    change: dict[str, Any], cause: str
) -> None:
    with pytest.raises(NotATable, match=cause):
        sheet_in({**GOOD, **change}, "it")


@pytest.mark.parametrize("key", ["title", "columns", "answers", "better", "digits"])
def test_what_is_missing_is_named(key: str) -> None:
    with pytest.raises(NotATable, match=f"it has no '{key}'"):
        sheet_in({name: value for name, value in GOOD.items() if name != key}, "it")
