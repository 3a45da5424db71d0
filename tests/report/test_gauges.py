"""Bars and curves of a machine at work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmm.report.gauges import bar, smooth_bar, spark

SHARES = st.floats(-1, 2)


@given(SHARES, st.integers(1, 80))
def test_a_bar_is_as_long_as_its_share(share: float, width: int) -> None:
    plain = bar(share, width)
    assert len(plain) == width + 2
    within = min(1.0, max(0.0, share))
    assert abs(plain.count("#") - within * width) <= 0.5


@given(SHARES, st.integers(1, 80))
def test_a_smooth_bar_is_never_longer_than_its_room(share: float, width: int) -> None:
    assert len(smooth_bar(share, width)) <= width
    assert bool(smooth_bar(share, width)) == (share > 0)


@pytest.mark.parametrize(
    ("values", "curve"),
    [
        ([], ""),
        ([0, 0], "  "),
        ([1, 1], "██"),
        ([0, 1, 50, 100], " ▁▅█"),
    ],
)
def test_a_curve_has_a_block_for_each_value_and_none_for_nothing(
    values: list[int], curve: str
) -> None:
    assert spark(values, 10) == curve


@given(st.lists(st.integers(0, 1000)), st.integers(0, 40))
def test_a_curve_shows_the_last_values(values: list[int], width: int) -> None:
    assert len(spark(values, width)) == min(width, len(values))
    shown = values[-width:] if width else []
    if any(shown):
        assert spark(values, width)[shown.index(max(shown))] == "█"
