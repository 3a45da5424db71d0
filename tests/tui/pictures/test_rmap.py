"""VMAs, anon_vmas, and where reverse mapping is."""

from __future__ import annotations

from seeing import drawn, first, moments, session


def test_a_page_leads_to_its_anon_vma_and_that_to_the_vmas() -> None:
    said = drawn(session().seen, "rmap")
    assert "  page 0xc (index 0x7fffffffe)" in said
    assert any("-> anon_vma#1: lock free" in line for line in said)
    assert any("-> vma#1 of mm#1" in line for line in said)
    assert "  vma#1 of mm#1 -> anon_vma#1" in said


def test_a_walk_is_marked_in_the_vma_and_at_the_entry_that_it_is_at() -> None:
    said = first(session(), "rmap", "looks here")
    assert said[0] == (
        "> compact:3977 walks (try_to_unmap): in vma#1, at the pte of 0x7fffffffe000"
    )
    marked = [line for line in said[1:] if line[0] == ">"]
    assert "compact:3977 is here" in marked[0]
    assert "compact:3977 looks here" in marked[1]


def test_a_walk_that_has_just_begun_is_at_no_vma_yet() -> None:
    assert first(session(), "rmap", "at no VMA yet")


def test_a_page_that_a_vma_no_longer_covers_is_nowhere_in_it() -> None:
    assert first(session("vma-adjust"), "rmap", "nowhere, 0x")


def test_nobody_walks_when_nobody_is_in_a_function_that_does() -> None:
    for seen in moments(session()):
        names = {place.function for trace in seen.moment.standing for place in trace}
        walks = any(name.startswith(("rmap_walk", "try_to_unmap")) for name in names)
        assert walks == any(" walks (" in line for line in drawn(seen, "rmap"))
