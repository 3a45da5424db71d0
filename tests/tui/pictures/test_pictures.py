"""What all pictures have in common."""

from __future__ import annotations

import pytest
from seeing import WIDTH, drawn, moments, session

from kmm.sim.recording import Moment, Recording
from kmm.tui.lines import CHANGED, CURRENT, FATAL
from kmm.tui.pictures import PICTURES, Run, Seen, find_picture, next_picture
from kmm.tui.widgets.pane import GUTTER, lay_out

RACES = ("exec-stack", "ksm-walk", "tlb-stale", "migration-wait", "fork-copy")
NAMES = [picture.name for picture in PICTURES]


@pytest.mark.parametrize("race", RACES)
def test_every_picture_can_be_drawn_at_every_moment_of_a_run(race: str) -> None:
    for seen in moments(session(race)):
        for picture in PICTURES:
            for line in picture.lines(seen, WIDTH):
                assert line.mark in (" ", CHANGED, CURRENT, FATAL)


@pytest.mark.parametrize("name", NAMES)
def test_no_row_is_wider_than_there_is_room(name: str) -> None:
    run = session("exec-stack:compaction")
    for at in range(0, run.last + 1, 20):
        run.go(at)
        for width in (58, WIDTH, 120):
            lines = find_picture(name).lines(run.seen, width)
            rows, _ = lay_out(lines, width + GUTTER)
            assert all(len(row.plain) <= width + GUTTER for row in rows)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_coloured_is_said_by_a_sign_too(name: str) -> None:
    """A part of a line that stands out has no look that plain text could not tell."""
    for seen in moments(session()):
        for line in find_picture(name).lines(seen, WIDTH):
            for span in line.spans:
                part = line.text[span.start : span.end]
                if span.look == FATAL:
                    assert FATAL in part
                if span.look == CHANGED:
                    assert CHANGED in part


def test_a_picture_is_the_same_however_one_came_to_the_moment() -> None:
    there, back = session(), session()
    forward = [drawn(seen, name) for seen in moments(there) for name in NAMES]
    seens = [Seen(Run(back.recording), at) for at in range(back.last + 1)]
    for seen in reversed(seens):
        back.go(seen.at)
        for name in reversed(NAMES):
            assert drawn(back.seen, name) == forward.pop()


def test_pictures_of_what_a_run_has_nothing_of_say_so_and_are_passed_over() -> None:
    run = session().run
    assert drawn(Seen(run, 0), "ksm") == [
        "  There is no KSM in this run: no memory may be merged."
    ]
    names = [NAMES[0]]
    while (name := next_picture(run, names[-1]).name) != NAMES[0]:
        names.append(name)
    assert names == [name for name in NAMES if name not in ("ksm", "tlbs")]


def test_a_run_without_memory_has_locks_and_timelines_only() -> None:
    moment = Moment(None, (), (), (), ())
    run = Run(Recording((), (), (moment,), None))
    shown = [picture.name for picture in PICTURES if picture.is_in(run)]
    assert shown == ["locks", "timelines"]
    assert drawn(Seen(run, 0), "frames") == ["  This race shows no memory."]
