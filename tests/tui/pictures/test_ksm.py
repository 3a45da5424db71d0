"""KSM's trees."""

from __future__ import annotations

from mm.mergeable import areas, merged, scan
from seeing import drawn, seen_now


def test_a_merged_page_stands_with_the_places_that_it_stands_for() -> None:
    one, other = merged("aa", "a")
    said = drawn(seen_now(one.k), "ksm")
    assert said[0] == "  KSM goes round mm#1, mm#2; 2 rounds so far"
    at = next(n for n, line in enumerate(said) if "stable_node#1: page" in line)
    places = [line.split(":")[0].strip() for line in said[at + 1 : at + 4]]
    expected = [
        (one, 0),
        (one, 1),
        (other, 0),
    ]
    assert sorted(places) == sorted(
        f"{area.process.mm.name} at {area.address(page):#x}" for area, page in expected
    )


def test_a_quiet_page_is_in_the_unstable_tree_while_the_round_lasts() -> None:
    (one,) = areas("ab")
    scan(one.k)
    before = drawn(seen_now(one.k), "ksm")
    assert before[-1] == "  empty"
