"""An asciinema recording, played on a small terminal."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from report.exported import PLAYED, failing, run, whole
from report.runs import BUG_LINE

from kmm.report.exports.cast import cast_lines
from kmm.report.interleaving import lanes
from kmm.report.oops import oops

STYLE = re.compile(r"\x1b\[[\d;]*m")


def read(which: str) -> tuple[dict[str, Any], list[tuple[float, str]]]:
    head, *lines = cast_lines(run(PLAYED[which]())).splitlines()
    events = [json.loads(line) for line in lines]
    assert {kind for _, kind, _ in events} == {"o"}
    return json.loads(head), [(time, text) for time, _, text in events]


def screen(texts: list[str]) -> list[str]:
    """What is on the screen after all that, which only adds lines and clears the last.

    Raises AssertionError at anything else that a terminal might be told.
    """
    lines = [""]
    for part in re.split(r"(\r\n|\r\x1b\[K)", STYLE.sub("", "".join(texts))):
        if part == "\r\n":
            lines.append("")
        elif part == "\r\x1b[K":
            lines[-1] = ""
        else:
            assert part.isprintable()
            lines[-1] += part
    return lines


@pytest.mark.parametrize("which", PLAYED)
def test_the_head_is_that_of_version_2_and_nothing_tells_the_time_of_day(
    which: str,
) -> None:
    head, _ = read(which)
    assert head["version"] == 2
    assert "timestamp" not in head
    assert isinstance(head["width"], int)
    assert isinstance(head["height"], int)


@pytest.mark.parametrize("which", PLAYED)
def test_times_begin_at_zero_and_never_go_back(which: str) -> None:
    _, events = read(which)
    times = [time for time, _ in events]
    assert times[0] == 0
    assert all(a <= b for a, b in pairwise(times))


@pytest.mark.parametrize("which", PLAYED)
def test_all_that_is_said_fits_on_the_terminal(which: str) -> None:
    head, events = read(which)
    for count in range(1, len(events) + 1):
        shown = screen([text for _, text in events[:count]])
        assert len(shown) <= head["height"]
        assert max(map(len, shown)) <= head["width"]


def test_at_the_end_the_drawing_and_the_oops_are_there() -> None:
    _, events = read("failing")
    shown = screen([text for _, text in events])
    recording = whole(failing())
    drawn = lanes(recording, 80)
    at = shown.index(drawn[0])
    assert shown[at : at + len(drawn)] == drawn
    console = oops(recording, "2.6.34").splitlines()
    assert shown[at + len(drawn) + 1 : -1] == console


def test_each_step_is_on_the_last_line_when_its_time_has_come() -> None:
    _, events = read("failing")
    last = [screen([t for _, t in events[: n + 1]])[-1] for n in range(len(events))]
    numbers = [int(line.split()[0]) for line in last if " CPU " in line]
    assert numbers == [*range(1, len(whole(failing()).steps) + 1)]


def test_the_failure_comes_after_all_steps_and_is_red() -> None:
    _, events = read("failing")
    told = [text for _, text in events if BUG_LINE in text]
    assert f"\x1b[1;31m     | 1 {BUG_LINE}\x1b[m" in told[0]
