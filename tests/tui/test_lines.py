"""Breaking of long lines."""

from __future__ import annotations

import pytest

from kmm.tui.lines import break_line


def parts(text: str, width: int, hang: int = 0) -> list[str]:
    return [text[start:end] for start, end in break_line(text, width, hang)]


def test_a_line_that_fits_is_left_alone() -> None:
    assert parts("vma#1.vm_start", 14) == ["vma#1.vm_start"]
    assert parts("", 14) == [""]


def test_breaks_at_spaces_and_drops_them() -> None:
    assert parts("one two three", 7) == ["one two", "three"]


def test_later_parts_are_shorter_by_the_hang() -> None:
    assert parts("aaaa bbbb cccc", 9, hang=4) == ["aaaa bbbb", "cccc"]
    assert parts("aaaa bbbb ccc ddd", 9, hang=4) == ["aaaa bbbb", "ccc", "ddd"]


def test_a_word_that_is_too_long_is_cut() -> None:
    assert parts("0x7fffffffe000", 5) == ["0x7ff", "fffff", "e000"]


def test_indentation_is_not_a_place_to_break() -> None:
    assert parts("    return value_of_it", 12) == ["    return", "value_of_it"]
    assert parts("        longword", 10) == ["        lo", "ngword"]


@pytest.mark.parametrize("width", range(1, 30))
def test_nothing_but_spaces_is_lost(width: int) -> None:
    text = "page 0x5  count 1, mapcount 0, locked by compact:3977"
    pieces = parts(text, width, hang=3)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
    assert all(len(piece) <= width for piece in pieces)
