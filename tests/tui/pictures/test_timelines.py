"""The whole run in lanes."""

from __future__ import annotations

from itertools import pairwise

from seeing import drawn, session

from kmm.report.outline import outline_of
from kmm.tui.pictures import find_picture
from kmm.tui.pictures.timelines import NAME, Strip


def test_stretches_follow_each_other_and_cover_the_run() -> None:
    recording = session().recording
    found = outline_of(recording).stretches
    assert found[0].first == 0
    assert found[-1].last == len(recording.steps) - 1
    assert all(b.first == a.last + 1 for a, b in pairwise(found))
    for stretch in found:
        steps = recording.steps[stretch.first : stretch.last + 1]
        assert {step.thread for step in steps} == {stretch.thread}


def test_a_lock_is_drawn_where_its_cpu_has_it() -> None:
    recording = session().recording
    for hold in outline_of(recording).holds:
        for number in range(hold.first, hold.last + 1):
            held = recording.moments[number].held
            cpus = [
                t.cpu
                for t, has in zip(recording.threads, held, strict=True)
                if hold.lock in has
            ]
            assert hold.cpu in cpus


def test_each_step_is_in_one_column_and_columns_are_in_order() -> None:
    for steps in (1, 7, 54, 117, 271):
        for room in (10, 54, 98):
            strip = Strip(steps, room, 0)
            cells = [strip.cell(step) for step in range(steps)]
            assert cells == sorted(cells)
            assert set(cells) == set(range(strip.width))
            assert all(cells[strip.first(cell)] == cell for cell in range(strip.width))


def test_a_click_goes_to_the_moment_that_is_at_that_place() -> None:
    run = session()
    lines = find_picture("timelines").lines(run.seen, 78)
    lane = next(line for line in lines if line.text.startswith("CPU 0"))
    assert lane.goes_at(0) is None
    goes = [lane.goes_at(NAME + column) for column in range(56)]
    assert goes[-1] == run.last
    assert all(goes)
    stretch = next(line for line in lines if "strnlen_user()" in line.text)
    assert stretch.goes_at(3) == int(stretch.text.split()[0])


def test_the_moment_is_marked() -> None:
    run = session()
    run.go(60)
    said = drawn(run.seen, "timelines")
    at = said[0].index("v") - 2
    lane = next(
        line
        for line in find_picture("timelines").lines(run.seen, 78)
        if "CPU 1" in line.text
    )
    assert (lane.goes_at(at) or 0) >= 60
    (here,) = [line for line in said if line.startswith(">")]
    assert here.split()[1] == "57"


def test_a_failure_ends_the_lane_of_its_cpu() -> None:
    said = drawn(session().seen, "timelines")
    assert next(line for line in said if line.startswith("  CPU 1")).endswith("!")
