"""Costs as tables, bars and JSON."""

from __future__ import annotations

from kmm.report.costs import (
    BAR,
    bars,
    exec_json,
    exec_table,
    walk_json,
    walk_plot,
    walk_table,
)
from kmm.sim.failure import Failure
from kmm.workloads.costs import ExecCost, WalkCost
from kmm.workloads.counting import Counts


def walk(answer: str, children: int, *, deep: bool = False) -> WalkCost:
    private = Counts(anon_vma_locks=1, vmas_visited=100 * children + 1)
    shared = Counts(anon_vma_locks=2, vmas_visited=children + 1)
    change = Counts(anon_vma_locks=7 * children, held_at_once=4)
    return WalkCost(answer, children, deep, private, shared, change)


def test_a_row_has_an_answer_once_and_a_line_for_each_family() -> None:
    table = walk_table([walk("one", 1), walk("one", 10), walk("other", 1)])
    rows = [line for line in table.splitlines() if " 101 " in line or "1,001" in line]
    assert rows[0].split() == ["one", "1", "1", "101", "2", "2", "7", "4"]
    assert rows[1].split() == ["10", "1", "1,001", "2", "11", "70", "4"]
    assert rows[2].split()[0] == "other"


def test_wide_and_deep_families_have_a_table_each_if_there_are_any() -> None:
    both = walk_table([walk("one", 1), walk("one", 1, deep=True)])
    assert "children of one parent" in both
    assert "each the child of the one before" in both
    assert "the child of the one before" not in walk_table([walk("one", 1)])


def test_no_line_is_wider_than_a_terminal() -> None:
    rows = [
        walk("trylock-retry", size, deep=d) for d in (False, True) for size in (1, 1000)
    ]
    for line in (walk_table(rows) + "\n" + walk_plot(rows)).splitlines():
        assert len(line) <= 80


def test_the_largest_family_is_drawn_and_the_longest_bar_is_the_dearest() -> None:
    lines = walk_plot([walk("one", 1), walk("one", 10), walk("other", 10)]).splitlines()
    assert "10 processes" in lines[0]
    drawn = [line for line in lines if "█" in line]
    assert [line.split()[0] for line in drawn] == ["one", "other"]


def test_bars_are_as_long_as_their_logarithms() -> None:
    none, ten, hundred = bars([("a", 0), ("b", 9), ("c", 99)])
    assert none.count("█") == 0
    assert ten.count("█") * 2 == hundred.count("█") == BAR


def test_an_exec_that_fails_shows_why_in_place_of_figures() -> None:
    failed = Counts(failure=Failure("atomic_sleep", "sleeping here"))
    table = exec_table(
        [ExecCost("fine", Counts(steps=61), 0), ExecCost("bad", failed, 0)]
    )
    assert "fine" in table
    assert "     61" in table
    assert "bad                         sleeping here" in table


def test_json_has_every_figure_under_its_name() -> None:
    found = walk_json(walk("one", 10, deep=True))
    assert (found["answer"], found["children"], found["deep"]) == ("one", 10, True)
    assert found["private"]["vmas_visited"] == 1001
    assert found["change"]["held_at_once"] == 4
    assert exec_json(ExecCost("fine", Counts(steps=61), 3))["vmas"] == 3
