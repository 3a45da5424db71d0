"""Pictures, explanations and the timeline on the screen."""

from __future__ import annotations

import asyncio

import pytest
from seeing import session
from textual.pilot import Pilot
from textual.widgets import Footer
from textual.widgets._footer import FooterKey
from tui.driving import (
    LARGE,
    SIZES,
    SMALL,
    Steps,
    eventually,
    on_top,
    picture,
    press,
    sees,
    words,
)

from kmm.tui.app import KmmApp
from kmm.tui.lines import Line
from kmm.tui.pictures import PICTURES
from kmm.tui.pictures.timelines import NAME
from kmm.tui.screens.choose import Choose
from kmm.tui.screens.stepper import Stepper
from kmm.tui.screens.what import What
from kmm.tui.session import Session
from kmm.tui.telling import moment_at, timeline
from kmm.tui.widgets.headline import STRIP, STRIP_ROW, Headline
from kmm.tui.widgets.pane import GUTTER, Pane
from kmm.tui.widgets.picture import PicturePane


def run(steps: Steps, size: tuple[int, int] = SMALL, at: Session | None = None) -> None:
    app = KmmApp(at or session())

    async def main() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await steps(pilot)

    asyncio.run(main())


def stepper(pilot: Pilot[None]) -> Stepper:
    (found,) = (s for s in pilot.app.screen_stack if isinstance(s, Stepper))
    return found


@SIZES
def test_a_key_goes_through_the_pictures_and_round_again(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        screen = stepper(pilot)
        screen.go(40)
        if size == SMALL:
            await press(pilot, "i")  # the memory pane was not in sight
        titles = [p.title for p in PICTURES if p.is_in(screen.session.run)]
        for title in [*titles[1:], titles[0]]:
            await sees(pilot, f"3 {titles[titles.index(title) - 1]}"[:40])
            await press(pilot, "i")
            await sees(pilot, f"3 {title}"[:40])

    run(steps, size)


@SIZES
def test_a_picture_can_be_chosen_and_follows_the_steps(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "I")
        await on_top(pilot, Choose, "Which picture?", "Frames of memory, by owner")
        await press(pilot, "down", "down", "enter")
        await on_top(pilot, Stepper, "3 Frames of memory", "1 mapped by")
        stepper(pilot).go(32)
        await sees(pilot, "M being moved")

    run(steps, size)


def test_a_small_screen_gives_a_picture_the_room_of_the_locks() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "3")
        await sees(pilot, "4 Locks: who holds them")
        await press(pilot, "i")
        await sees(pilot, "3 Page tables")
        await eventually(lambda: "4 Locks" not in picture(pilot))

    run(steps)


@SIZES
def test_what_is_in_sight_can_be_explained(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        stepper(pilot).go(32)
        await press(pilot, "x")
        await on_top(pilot, Choose, "What is this?", "> ")
        await sees(pilot, "pte of 0x7fffffffe000", "vma#1", "anon_vma#1.lock")
        await press(pilot, "enter")
        await on_top(pilot, What, "pte of 0x7fffffffe000")
        await eventually(lambda: "To Linux it is a migration entry" in words(pilot))
        await press(pilot, "escape")
        await on_top(pilot, Stepper, "step 32")

    run(steps, size)


@pytest.mark.slow
@SIZES
@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 1.0])
def test_a_click_on_the_strip_goes_to_that_moment(
    size: tuple[int, int], part: float
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        now = stepper(pilot).session
        room = min(size[0] - 2 - STRIP, now.last)
        column = round(part * (room - 1))
        await pilot.click(Headline, offset=(1 + STRIP + column, STRIP_ROW))
        await eventually(lambda: now.at == moment_at(now, room, column))
        assert abs(now.at - part * now.last) <= 2
        strip = timeline(now, room)
        assert strip[column] != "."
        assert strip[column + 1 : column + 2] in (".", "!", "")

    run(steps, size)


def test_a_click_on_the_strip_before_it_begins_goes_to_the_first_step() -> None:
    now = session()
    assert moment_at(now, 76, -3) == 1
    assert moment_at(now, 76, 500) == now.last


@SIZES
def test_a_click_in_the_timelines_goes_to_that_moment(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        now = stepper(pilot).session
        now.picture = "timelines"
        stepper(pilot).see_picture()
        await sees(pilot, "CPU 0 compact")
        pane = stepper(pilot).query_one(PicturePane)
        frame = pane.gutter.top
        left = pane.gutter.left
        await pilot.click(PicturePane, offset=(left + GUTTER + NAME + 5, frame + 1))
        await eventually(lambda: now.at > 0)
        lane = pane.drawn[1].line
        assert now.at == lane.goes_at(NAME + 5)

    run(steps, size)


@SIZES
def test_rows_that_a_step_left_alone_are_as_if_all_were_painted_anew(
    size: tuple[int, int],
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        screen = stepper(pilot)
        screen.session.picture = "frames"
        screen.see_picture()
        await sees(pilot, "q leave")  # the footer is the last to be there
        for moment in (1, 2, 20, 32, 33, 60, 59, 86, 117, 5):
            screen.go(moment)
            await sees(pilot, f"step {moment} of")
            await pilot.pause()
            seen = picture(pilot)
            for pane in screen.query(Pane):
                pane.refresh()
            await pilot.pause()
            assert picture(pilot) == seen

    run(steps, size)


@SIZES
def test_the_functions_above_a_source_are_those_of_its_moment(
    size: tuple[int, int],
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        screen = stepper(pilot)
        last = screen.session.last
        for moment in (last, 53, last, 24, 36, 37, last, 53):
            screen.go(moment)
            await pilot.pause()
            await pilot.pause()
            seen = picture(pilot)
            for pane in screen.query(Pane):
                pane.refresh()
            await pilot.pause()
            assert picture(pilot) == seen

    run(steps, size)


def test_a_pane_that_was_scrolled_shows_what_is_left_when_that_is_less() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        pane = stepper(pilot).query_one("#locks", Pane)
        pane.show([Line(f"line {n}") for n in range(100)])
        pane.put_on_top(99)
        await sees(pilot, "line 99")
        pane.show([Line("the only one")])
        await sees(pilot, "the only one")
        assert pane.scroll_offset.y == 0

    run(steps, LARGE)


def test_a_step_lays_nothing_out_if_what_it_did_takes_no_more_room() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        screen = stepper(pilot)
        screen.go(12)
        await sees(pilot, "step 12 of")
        await pilot.pause()
        layouts = 0
        before = screen._refresh_layout

        def counted(*arguments: object, **options: object) -> None:
            nonlocal layouts
            layouts += 1
            before(*arguments, **options)  # type: ignore[arg-type]

        screen._refresh_layout = counted  # type: ignore[method-assign]
        for moment in range(13, 30):
            screen.go(moment)
            await sees(pilot, f"step {moment} of")
        assert layouts == 0

    run(steps, LARGE)


@SIZES
def test_the_footer_has_six_entries_at_most(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await sees(pilot, "step")
        keys = pilot.app.screen.query_one(Footer).query(FooterKey)
        labels = {key.description for key in keys}
        assert len(labels) <= 6

    run(steps, size)
