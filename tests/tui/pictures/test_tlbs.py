"""TLBs beside the page tables."""

from __future__ import annotations

from seeing import drawn, first, session


def test_a_stale_translation_stands_beside_what_the_table_says() -> None:
    said = first(session("tlb-stale"), "tlbs", "STALE", "now: page 0xd")
    (stale,) = [line for line in said if "STALE" in line]
    assert stale == "! 0x7f0000000000  TLB: page 0xc rw dirty  STALE"


def test_a_cpu_that_borrows_an_address_space_is_said_to_be_lazy() -> None:
    said = drawn(session("tlb-stale").seen, "tlbs")
    assert any("lazy: only borrowed" in line for line in said)
