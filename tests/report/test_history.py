"""The steps of a run by what they touched: which looks come right after another."""

from __future__ import annotations

import pytest

from kmm.report.history import History, meetings, touches_of
from kmm.sim.recording import Step
from kmm.sim.thread import Place


def looks(text: str) -> list[Step]:
    """`0r 1w`: a read by thread 0, then a store by thread 1."""
    kinds = {"r": "read", "w": "write"}
    return [
        Step(number, int(one[0]), kinds[one[1]], "x", 0, number + 1, ())
        for number, one in enumerate(text.split())
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0r 1w", "0-1"),
        ("0w 1r", "0-1"),
        ("0r 1r", ""),
        ("0w 0r 0w", ""),
        pytest.param("0r 1r 1w", "0-2", id="its own read is no more in between"),
        pytest.param("0r 1r 2w", "0-2 1-2", id="a store meets the last read of each"),
        pytest.param("0r 0r 1w", "1-2", id="and only the last"),
        pytest.param("0w 1r 2r 1r", "0-1 0-2", id="each reads a store first once"),
        pytest.param("0w 1r 2w", "0-1 1-2", id="a read is between two stores"),
        pytest.param("0w 1w 2w", "0-1 1-2", id="stores one after the other"),
    ],
)
def test_a_store_comes_right_after_those_who_have_read(
    text: str, expected: str
) -> None:
    found = [f"{one.number}-{other.number}" for one, other in meetings(looks(text))]
    assert found == expected.split()


def test_what_a_step_does_to_a_second_object_counts_too() -> None:
    trace = (Place("f", "kmm/mm/f.py", 1),)
    out = Step(
        0, 0, "write", "swap slot 1", None, None, trace, (("read", "frame 0x5"),)
    )
    store = Step(1, 1, "write", "frame 0x5", "'a'", "'b'", trace)
    assert [*History((out, store)).pairs()[0]] == [touches_of(out)[1], store]
