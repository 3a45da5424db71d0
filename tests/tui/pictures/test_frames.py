"""Memory as a grid."""

from __future__ import annotations

import pytest
from building import boot, process
from mm.mergeable import merged
from seeing import drawn, first, moments, seen_now, session


def row(lines: list[str], start: str) -> str:
    """The frames of the row that begins with this one, without what is beside them."""
    (found,) = [line for line in lines if line[2:].split(" ")[0] == start]
    return found[10:].replace("|", "")[::2]


def test_a_frame_is_free_or_a_table_or_a_process_s_or_the_kernel_s_own() -> None:
    p = process(boot(frames=32))
    p.write(0, b"x")
    said = drawn(seen_now(p.k), "frames")
    frames = row(said, "0x0")
    assert len(frames) == 32
    assert frames.count("T") == 4
    assert frames.count("1") == 1
    assert frames[p.page(0).pfn] == "1"
    assert frames.startswith("##")
    assert any("1 mapped by mm#1 of test[7]" in line for line in said)


def test_migration_can_be_watched_from_frame_to_frame() -> None:
    pairs: list[str] = []
    for seen in moments(session("migration-wait")):
        frames = row(drawn(seen, "frames"), "0x0")
        pair = frames[0x14:0x16]
        if not pairs or pairs[-1] != pair:
            pairs.append(pair)
    assert pairs[:6] == ["1.", "I.", "I,", "I?", "Io", "Mo"]
    assert pairs[-3:] == ["MI", "oI", "o1"]


def test_an_entry_left_behind_makes_the_frame_that_it_names_a_wrong_one() -> None:
    said = first(session(), "frames", "! page 0xc")
    assert any("nobody moves it" in line for line in said)
    assert row(said, "0x0")[0xC] == "!"


def test_what_is_locked_or_changed_is_marked_beside_the_frame() -> None:
    said = first(session(), "frames", "Ml")
    assert any("locked by compact" in line for line in said)
    assert first(session(), "frames", "M*")


def test_compaction_sweeps_from_both_ends() -> None:
    """It takes pages from the bottom, and free frames from the top."""
    run = session("exec-stack:compaction")
    said = first(run, "frames", "I ", "o o o o")
    assert row(said, "0x0")[2] == "I"
    assert row(said, "0x20").endswith("o" * 16)
    assert any(line.split() == ["Movable"] * 4 for line in said)


def test_rows_in_which_nothing_is_to_be_seen_are_put_together() -> None:
    said = drawn(seen_now(boot(frames=4096)), "frames")
    assert len(said) < 60
    assert any("free" in line and " to 0x" in line for line in said)


def test_a_page_of_ksm_is_told_from_others() -> None:
    (one,) = merged("aa")
    said = drawn(seen_now(one.k), "frames")
    assert any("K a page of KSM" in line for line in said)


@pytest.mark.parametrize("width", [58, 78, 120])
def test_the_grid_fits(width: int) -> None:
    seen = session("exec-stack:compaction").seen
    grid = [line for line in drawn(seen, "frames", width) if line[2:4] == "0x"]
    assert all(len(line) <= width + 2 for line in grid)


def test_free_blocks_are_listed_by_order() -> None:
    said = drawn(session().seen, "frames")
    assert any(line.split()[:3] == ["order", "1", "Movable"] for line in said)
