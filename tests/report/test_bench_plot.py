"""Tables drawn in a terminal."""

from __future__ import annotations

from math import nan

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from report.tables import any_tables, letter, table, unhurried

from kmm.report.bench import SIMULATED, Row, Table, is_curve
from kmm.report.bench_plot import extremes, plot_text, ticks


@unhurried
@given(any_tables(), st.integers(60, 120))
def test_no_line_is_wider_than_asked(one: Table, width: int) -> None:
    for line in plot_text(one, width).splitlines():
        assert len(line) <= width
        assert line == line.rstrip()


@unhurried
@given(any_tables())
def test_what_is_simulated_says_so_and_nothing_else_does(one: Table) -> None:
    assert (plot_text(one).splitlines()[-1] == SIMULATED) == one.simulated


def test_the_letters_plots_are_plain_ascii() -> None:
    assert all(plot_text(one).isascii() for one in letter().values())


def test_a_gain_is_to_the_right_of_the_axis_and_a_loss_to_the_left() -> None:
    drawn = plot_text(letter()["AIM9"]).splitlines()
    bars = {line.split()[0]: line for line in drawn if "%" in line}
    assert bars["brk_test"].split("|")[0].count("#") == 0
    assert bars["fork_test"].split("|")[1].count("#") == 0
    assert len({line.index("|") for line in bars.values()}) == 1
    assert len({len(line) for line in bars.values()}) == 1


def test_bars_have_one_scale_on_both_sides_and_fill_the_width() -> None:
    one = table(("a", 100, 50), ("b", 100, 125), ("c", 100, 100), ("d", 0, 1))
    long, short, none, unknown = plot_text(one).splitlines()[3:]
    assert long.count("#") in (2 * short.count("#"), 2 * short.count("#") + 1)
    assert long.count("#") + short.count("#") > 50
    assert none.count("#") == unknown.count("#") == 0
    assert unknown.endswith("n/a")


def test_small_gains_alone_fill_their_side() -> None:
    one = table(("a", 100, 99.9), ("b", 100, 99.95))
    first, second = plot_text(one).splitlines()[3:]
    assert first.count("#") > 50
    assert abs(first.count("#") - 2 * second.count("#")) <= 1


@unhurried
@given(any_tables())
def test_extremes_are_both_from_0_on(one: Table) -> None:
    loss, gain = extremes(one.rows)
    assert loss >= 0
    assert 0 <= gain <= 100


def test_the_letters_curve_rises_to_four_threads_and_stays() -> None:
    lines = plot_text(letter()["SYSBENCH"]).splitlines()
    assert lines[:2] == [
        "SYSBENCH (higher is better)",
        "o sysbench-vanilla   x fixraces-v5r1   * both",
    ]
    assert lines[3].count("*") == 5
    assert sum(line.count("*") for line in lines[3:]) == 8
    assert lines[-1].split() == list("12345678")


def test_marks_stand_above_their_names_and_at_their_height() -> None:
    lines = plot_text(table(("1", 10, 0), ("2", 0, 10))).splitlines()
    top, bottom, names = lines[3], lines[-2], lines[-1]
    assert [top.index(mark) for mark in "ox"] == [names.index(name) for name in "12"]
    assert [bottom.index(mark) for mark in "xo"] == [names.index(name) for name in "12"]
    assert top.startswith("10 +")
    assert bottom.startswith(" 0 +")


def test_a_missing_figure_is_a_gap() -> None:
    whole = table(("1", 1, 9), ("2", 1, 9), ("3", 1, 9))
    rows = [whole.rows[0], Row("2", "lower", (nan, 9)), whole.rows[2]]
    cut = plot_text(evolve(whole, rows=rows)).splitlines()
    low = next(line for line in cut[3:] if line.count("o") == 2)
    assert "." not in low


@unhurried
@given(any_tables().filter(is_curve))
def test_ticks_go_from_0_to_the_greatest_figure_or_just_beyond(one: Table) -> None:
    scale = ticks(one)
    most = max((v for row in one.rows for v in row.values if v == v), default=0.0)
    assert scale[0] == 0
    assert 2 <= len(scale) <= 6
    assert most <= scale[-1] * 1.0000001
    assert most == 0 or scale[-2] < most or most < 1e-300
    assert list(scale) == sorted(scale)
