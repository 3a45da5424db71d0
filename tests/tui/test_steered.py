"""The reader as the scheduler: own runs, what can come of them, and the way back."""

from __future__ import annotations

from textual.pilot import Pilot
from tui.driving import SMALL, eventually, on_top, opened, press, run, sees
from tui.test_app import session_of

from kmm.designs import find_kernel
from kmm.scenarios import find_race, play
from kmm.scenarios.race import ScheduleToken
from kmm.sim.slices import at_once
from kmm.tui.opening import open_session
from kmm.tui.opening import session_of as session_of_run
from kmm.tui.screens.beside import Beside
from kmm.tui.screens.choose import Choose
from kmm.tui.screens.oops import Oops
from kmm.tui.screens.stepper import Stepper
from kmm.tui.standing import why_not
from kmm.tui.steered import look_ahead


def test_choosing_what_the_recording_does_only_goes_on_in_it() -> None:
    session = opened()
    assert session.choose(session.recording.steps[0].thread)
    assert (session.at, session.own) == (1, None)


def test_another_choice_begins_a_run_of_ones_own() -> None:
    session = opened()
    other = 1 - session.recording.steps[0].thread
    assert session.choose(other)
    assert session.recording.choices == (other,)
    assert session.is_unfinished
    assert "your own run" in session.origin


def test_who_cannot_go_on_is_not_chosen_and_it_is_said_why() -> None:
    session = opened()
    session.go(session.last)
    assert not session.choose(0)
    assert why_not(session, 0)


def test_the_recorded_schedule_chosen_by_hand_is_the_recorded_run() -> None:
    recorded = opened()
    mine = opened()
    mine.take_over()
    mine.show_own()
    for thread in recorded.recording.choices:
        assert mine.choose(thread)
    assert mine.recording == recorded.recording
    assert mine.is_at_failure


def test_a_run_of_ones_own_is_ended_by_the_rest_one_after_the_other() -> None:
    session = opened()
    session.take_over()
    session.let_the_rest_run()
    assert not session.is_unfinished
    assert session.recording.failure is None
    assert session.at == 0


def test_one_comes_back_to_the_run_that_was_shown_before() -> None:
    session = opened()
    before = session.recording
    session.go(10)
    session.choose(1 - before.steps[10].thread)
    session.go_back_to(session.runs[-1])
    assert (session.recording, session.at) == (before, 10)


def test_what_can_still_happen_is_what_a_search_from_there_says() -> None:
    race, kernel = find_race("exec-stack"), find_kernel("2.6.34")
    session = open_session(race, kernel)
    fails = at_once(look_ahead(race, kernel, session.recording.choices[:-1]))
    assert fails.result.failure is not None
    assert "A failure can still be reached" in fails.text(session.recording)
    fixed = find_kernel("v6")
    held = at_once(look_ahead(race, fixed, ()))
    assert held.result.verdict == "proved"
    assert "Nothing can fail any more" in held.text(session.recording)


def test_a_moment_of_an_unfinished_run_can_be_given_to_another_reader() -> None:
    session = opened()
    session.choose(1 - session.recording.steps[0].thread)
    token = str(session.moment_token)
    played = play.replay(session.race, ScheduleToken.parse(token))
    other = session_of_run(played, "a friend's run")
    assert other.recording == session.recording
    assert other.at == session.at
    assert other.is_unfinished


# On the screen.


def test_keys_choose_who_goes_next_and_the_search_says_what_can_come() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        await press(pilot, "m")
        await sees(pilot, "Who goes next?", "A: CPU 0", "B: CPU 1")
        await press(pilot, "B")
        await eventually(lambda: session.recording.choices == (1,))
        await sees(pilot, "A failure can still be reached")

    run(steps, SMALL, opened())


def test_a_failure_that_the_reader_has_made_is_announced() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        session.go(session.last - 1)
        session.take_over()
        session.show_own()
        letter = "AB"[opened().recording.choices[-1]]
        await press(pilot, letter)
        await on_top(pilot, Oops)
        await press(pilot, "escape")
        await on_top(pilot, Stepper)

    run(steps, SMALL, opened())


def test_one_key_changes_to_the_kernel_before_and_back() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        session.switch(find_kernel("v6"))
        await press(pilot, "f")
        await eventually(lambda: session.kernel.text == "2.6.34")
        await press(pilot, "f")
        await eventually(lambda: session.kernel.text == "v6")

    run(steps, SMALL, opened())


def test_two_kernels_are_seen_beside_each_other() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "v")
        await sees(pilot, "The same schedule on another kernel")
        await press(pilot, "down", "down", "enter")
        await on_top(pilot, Beside, "The same schedule on 2.6.34 and on")
        await press(pilot, "escape")
        await on_top(pilot, Stepper)

    run(steps, SMALL, opened())


def test_runs_go_to_the_next_stop_and_back() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        await press(pilot, "space", "b")
        await on_top(pilot, Choose, "Stop where?")
        await press(pilot, "end", "enter")
        await eventually(lambda: len(session.stops) == 1)
        await press(pilot, "c")
        await eventually(lambda: session.at > 1)
        assert session.is_stop(session.at)
        await press(pilot, "left_curly_bracket")
        await eventually(lambda: session.at <= 1)

    run(steps, SMALL, opened())


def test_the_last_change_of_a_field_is_gone_to() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        session.go(session.last)
        (moment, change), *_ = session.last_writes()
        await press(pilot, "w")
        await on_top(pilot, Choose, "Who wrote this last?")
        await press(pilot, "enter")
        await eventually(lambda: session.at == moment)
        assert change.what in [one.what for one in session.changes()]

    run(steps, SMALL, opened())
