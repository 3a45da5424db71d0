"""The letter's tables: its percentages, their formula, their form, and JSON."""

from __future__ import annotations

import json
import re
from itertools import product
from math import isnan, nan
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from report.tables import any_tables, figures, letter, rows, table, unhurried

from kmm.report.bench import (
    MOST,
    SIMULATED,
    Better,
    NotATable,
    Row,
    Table,
    delta_text,
    is_curve,
    summary,
    table_json,
    table_text,
    tables_in,
)

# What the letter prints.
PRINTED = {
    "KERNBENCH": {
        "Elapsed mean": "0.05",
        "Elapsed stddev": "-55.72",
        "User mean": "0.11",
        "User stddev": "66.70",
        "System mean": "-0.64",
        "System stddev": "68.98",
        "CPU mean": "-0.07",
        "CPU stddev": "-15.47",
    },
    "AIM9": {
        "creat-clo": "0.99",
        "page_test": "-0.84",
        "brk_test": "3.69",
        "signal_test": "-0.12",
        "exec_test": "2.58",
        "fork_test": "-3.67",
        "link_test": "1.00",
    },
    "SYSBENCH": {
        "1": "0.29",
        "2": "0.46",
        "3": "0.33",
        "4": "-0.31",
        "5": "-0.80",
        "6": "-0.27",
        "7": "-0.17",
        "8": "-0.60",
    },
}

# The rows whose percentage cannot be had from the figures beside it: those were rounded
# to two decimals after it had been taken.  A deviation of 0.09 has one digit that
# counts.  Of the means, System's gain lies near a middle: 0.35 of 55.50 is 0.631, and
# 0.3525 of 55.4975, which prints as 55.50 too, is 0.635.
ROUNDED = {
    "Elapsed stddev": "-44.44",
    "User stddev": "67.21",
    "System mean": "-0.63",
    "System stddev": "68.75",
    "CPU stddev": "-16.28",
}


def printed(one: Table) -> dict[str, str]:
    """Each row's percentage, as it stands in the text."""
    found = re.findall(
        r"^(\S.*?) +[\d.]+ \( 0\.00%\) .*\( ?(.*)%\)$", table_text(one), re.M
    )
    return dict(found)


@pytest.mark.parametrize("title", PRINTED)
def test_the_letters_figures_give_the_letters_percentages(title: str) -> None:
    assert printed(letter()[title]) == {**PRINTED[title], **rounded(title)}


def rounded(title: str) -> dict[str, str]:
    return ROUNDED if title == "KERNBENCH" else {}


@pytest.mark.parametrize("name", ROUNDED)
def test_where_they_do_not_figures_that_round_to_the_same_do(name: str) -> None:
    row = next(row for row in letter()["KERNBENCH"].rows if row.name == name)
    possible = [
        evolve(row, values=(row.values[0] + a, row.values[1] + b)).delta or 0.0
        for a, b in product((-0.0049, 0.0049), repeat=2)
    ]
    assert min(possible) < float(PRINTED["KERNBENCH"][name]) < max(possible)


def test_the_letters_tables_look_as_they_do_there() -> None:
    assert table_text(letter()["AIM9"]).splitlines()[:4] == [
        "AIM9",
        "                    aim9-vanilla        fixraces-v5r1",
        "creat-clo     116813.86 ( 0.00%)   117980.34 ( 0.99%)",
        "page_test     270923.33 ( 0.00%)   268668.56 (-0.84%)",
    ]


# The formula.


@pytest.mark.parametrize(
    ("better", "values", "delta"),
    [
        ("lower", (100, 50), 50),
        ("lower", (100, 200), -100),
        ("lower", (100, 0), 100),
        ("higher", (50, 100), 50),
        ("higher", (100, 50), -100),
        ("higher", (0, 50), 100),
        ("lower", (0, 50), None),
        ("higher", (50, 0), None),
        ("lower", (0, 0), None),
        ("lower", (nan, 1), None),
        ("higher", (1, nan), None),
        ("lower", (5e-324, MOST), None),  # beyond what a float can hold
    ],
)
def test_lower_is_a_share_of_the_baseline_and_higher_of_the_patched(
    better: Better, values: tuple[float, float], delta: float | None
) -> None:
    assert Row("row", better, values).delta == delta


@given(rows)
def test_what_is_positive_is_a_gain_and_none_is_above_100(row: Row) -> None:
    baseline, patched = row.values
    if row.delta is not None:
        better = patched < baseline if row.better == "lower" else patched > baseline
        assert (row.delta > 0) == better
        assert (row.delta == 0) == (baseline == patched)
        assert row.delta <= 100


@given(rows)
def test_swapping_the_kernels_changes_the_sign(row: Row) -> None:
    there, back = row.delta, evolve(row, values=row.values[::-1]).delta
    if there is not None and back is not None:
        assert (there > 0) == (back < 0)
        assert (there < 0) == (back > 0)


@given(figures, figures)
def test_both_directions_are_one_formula_from_its_two_ends(a: float, b: float) -> None:
    assert Row("row", "higher", (a, b)).delta == Row("row", "lower", (b, a)).delta


@pytest.mark.parametrize("wrong", [(-1.0, 1.0), (1.0, float("inf")), (1.0, 2 * MOST)])
def test_a_figure_is_a_number_from_0_to_the_most(wrong: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"values are not from 0 to 1e\+15"):
        Row("row", "lower", wrong)


# Several runs.


def test_a_summary_has_the_letters_rows_for_runs_like_its_own() -> None:
    """The one row whose runs can be told: four whole numbers each."""
    rows = summary("CPU", ([356, 356, 356, 357], [356, 356, 357, 357]))
    assert printed(Table("KERNBENCH", ("old", "new"), rows)) == {
        "CPU mean": "-0.07",
        "CPU stddev": "-15.47",
    }
    assert [f"{value:.2f}" for row in rows for value in row.values] == [
        "356.25",
        "356.50",
        "0.43",
        "0.50",
    ]


def test_equal_runs_do_not_deviate_by_so_much_as_a_rounding() -> None:
    mean, stddev = summary("Elapsed", ([0.1] * 3, [0.7] * 7))
    assert mean.values == (0.1, 0.7)
    assert stddev.values == (0.0, 0.0)


def test_fewer_deviations_are_better_whatever_is_measured() -> None:
    mean, stddev = summary("ops", ([1.0, 2.0], [3.0]), "higher")
    assert (mean.better, stddev.better) == ("higher", "lower")
    assert stddev.values == (0.5, 0.0)


def test_a_run_without_a_figure_leaves_none_and_no_runs_are_an_error() -> None:
    for row in summary("User", ([1.0, nan], [1.0, 2.0])):
        assert isnan(row.values[0])
        assert row.delta is None
    with pytest.raises(ValueError, match="at least one"):
        summary("User", ([], [1.0]))


# The text.


@unhurried
@given(any_tables())
def test_a_row_is_a_line_that_begins_with_its_name(one: Table) -> None:
    lines = table_text(one).splitlines()
    body = lines[2 : 2 + len(one.rows)]
    for row, line in zip(one.rows, body, strict=True):
        assert line.startswith(row.name)
        assert line.endswith(f"({delta_text(row.delta)})")
    assert (lines[-1] == SIMULATED) == one.simulated


@unhurried
@given(any_tables())
def test_points_stand_below_points(one: Table) -> None:
    width = max(len(row.name) for row in one.rows)
    body = table_text(one).splitlines()[2 : 2 + len(one.rows)]
    for column in (0, 1):
        opened = {
            [m.start() for m in re.finditer(r" \((?= *[\dn-])", line[width:])][column]
            for line in body
        }
        assert len(opened) == 1


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        (None, "   n/a"),
        (0.0, " 0.00%"),
        (-0.001, " 0.00%"),
        (-0.005001, "-0.01%"),
        (100.0, "100.00%"),
        (-123456.789, "-123456.79%"),
        (-1e9, "-1.0e+09%"),
    ],
)
def test_a_percentage_has_six_characters_at_least(
    delta: float | None, text: str
) -> None:
    assert delta_text(delta) == text


def test_what_was_not_measured_has_no_figure_and_no_percentage() -> None:
    lines = table_text(table(("a", nan, 1.0), ("b", 0.0, 1.0))).splitlines()
    assert lines[2:] == [
        "a   n/a (   n/a)  1.00 (   n/a)",
        "b  0.00 ( 0.00%)  1.00 (   n/a)",
    ]


def test_rows_named_by_rising_numbers_are_a_curve() -> None:
    assert [name for name, one in letter().items() if is_curve(one)] == ["SYSBENCH"]
    assert is_curve(table(("1", 1, 1), ("2.5", 1, 1), ("10", 1, 1)))
    assert not is_curve(table(("1", 1, 1)))
    assert not is_curve(table(("2", 1, 1), ("1", 1, 1)))
    assert not is_curve(table(("nan", 1, 1), ("1", 1, 1)))


# JSON.


@unhurried
@given(any_tables())
def test_a_table_comes_back_from_its_json(one: Table) -> None:
    written = json.loads(json.dumps(table_json(one), allow_nan=False))
    (back,) = tables_in(written)
    assert table_text(back) == table_text(one)
    assert table_json(back) == written


def test_json_has_the_percentages_unrounded() -> None:
    assert table_json(table(("a", 3.0, 2.0)))["rows"][0]["delta"] == 1 / 3 * 100


ROW = {"name": "a", "better": "lower", "values": [1, 2]}
GOOD: dict[str, Any] = {"title": "T", "columns": ["x", "y"], "rows": [ROW]}


@pytest.mark.parametrize(
    ("document", "cause"),
    [
        ([], "no tables"),
        (3, "the table is not an object"),
        ([GOOD, None], "table 2 is not an object"),
        ({}, "the table has no 'title'"),
        ({**GOOD, "title": "a\x1b[2J"}, "title of the table is not a line"),
        ({**GOOD, "title": " "}, "title of the table is not a line"),
        ({**GOOD, "columns": ["x"]}, "columns of the table is not a list of two"),
        ({**GOOD, "columns": ["x", 2]}, "second column of the table is not a line"),
        ({**GOOD, "rows": []}, "rows of the table is not a list of at least one"),
        ({**GOOD, "rows": {}}, "rows of the table is not a list of at least one"),
        ({**GOOD, "rows": [ROW, 1]}, "row 2 of the table is not an object"),
        ({**GOOD, "simulated": 1}, "neither true nor false"),
        ({**GOOD, "rows": [{"name": "a"}]}, "row 1 of the table ('a') has no 'better'"),
        ({**GOOD, "rows": [{**ROW, "better": "more"}]}, "'more', and not lower or"),
        ({**GOOD, "rows": [{**ROW, "better": []}]}, "[], and not lower or higher"),
        ({**GOOD, "rows": [{**ROW, "values": [1, 2, 3]}]}, "not a list of two numbers"),
        ({**GOOD, "rows": [{**ROW, "values": [1, "2"]}]}, "not a number from 0 to"),
        ({**GOOD, "rows": [{**ROW, "values": [True, 2]}]}, "not a number from 0 to"),
        ({**GOOD, "rows": [{**ROW, "values": [1, -2]}]}, "not a number from 0 to"),
        ({**GOOD, "rows": [{**ROW, "values": [1, 10**400]}]}, "not a number from 0 to"),
    ],
)
def test_what_is_no_table_is_named_with_its_place(document: object, cause: str) -> None:
    with pytest.raises(NotATable, match=re.escape(cause)):
        tables_in(document)


def test_keys_that_mean_nothing_here_are_passed_over() -> None:
    (found,) = tables_in({**GOOD, "machine": "four cores", "rows": [{**ROW, "x": 1}]})
    assert not found.simulated
    assert found.rows == (Row("a", "lower", (1.0, 2.0)),)
