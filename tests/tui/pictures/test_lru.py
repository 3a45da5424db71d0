"""LRU lists and pagevecs."""

from __future__ import annotations

from seeing import drawn, first, session


def test_a_page_is_isolated_and_comes_back_by_way_of_a_pagevec() -> None:
    run = session("exec-stack:compaction")
    assert "  active_anon   0x2" in first(run, "lru", "active_anon   0x2")
    said = first(run, "lru", "* active_anon   empty")
    assert said[-1] == "  page 0x2 (count 2)"
    assert first(run, "lru", "* CPU 0         0x2 0x3f")


def test_a_page_that_nobody_has_taken_off_its_list_is_not_among_those() -> None:
    assert drawn(session("exec-stack:compaction").seen, "lru")[-1] == "  none"
