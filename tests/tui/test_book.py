"""The textbook on the screen: contents, lessons, and what is done in them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList
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

from kmm.course import Lesson, find_lesson, lessons
from kmm.course.lesson import EXERCISES, IDEA, KNOW, Question, Toggle
from kmm.course.progress import Progress, load_progress
from kmm.scenarios import RACES
from kmm.tui.app import KmmApp
from kmm.tui.keys import CONTENTS_KEYS, LESSON_KEYS
from kmm.tui.screens.confirm import Confirm
from kmm.tui.screens.contents import Contents
from kmm.tui.screens.help import Help
from kmm.tui.screens.lesson import LessonScreen
from kmm.tui.screens.stepper import Stepper
from kmm.tui.widgets.blocks import KernelRow

WALK = find_lesson("page-walk")


def place(lesson: Lesson, heading: str) -> int:
    return [section.heading for section in lesson.sections].index(heading)


def run(
    steps: Steps,
    folder: Path,
    size: tuple[int, int] = SMALL,
    lesson: Lesson | None = None,
) -> Progress:
    """Open the textbook with the progress that is kept in a folder."""
    progress = load_progress(folder / "progress.json")
    app = KmmApp(progress=progress, lesson=lesson)

    async def main() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await steps(pilot)

    asyncio.run(main())
    return progress


async def to_section(pilot: Pilot[None], heading: str) -> None:
    """Open the first lesson, and go to one of its sections."""
    await on_top(pilot, Contents, "A page walk")
    await press(pilot, "enter")
    await on_top(pilot, LessonScreen, WALK.title)
    await press(pilot, str((place(WALK, heading) + 1) % 10))
    await sees(pilot, f"{heading} (")


@SIZES
def test_the_contents_tell_a_newcomer_what_to_do(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await on_top(
            pilot, Contents, f"0/{len(lessons())}", "Enter opens a lesson", "> "
        )
        await sees(pilot, lessons()[0].title, lessons()[0].part.upper())

    run(steps, tmp_path, size)


@SIZES
def test_a_lesson_is_read_with_one_key_from_its_beginning_to_its_end(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await to_section(pilot, KNOW)
        for _ in range(200):
            screen = pilot.app.screen
            assert isinstance(screen, LessonScreen)
            if screen.progress.is_done(WALK):
                break
            await pilot.press("space")
        await sees(pilot, f"{EXERCISES} (")

    progress = run(steps, tmp_path, size)
    assert progress.is_done(WALK)


def test_who_comes_back_is_where_they_were(tmp_path: Path) -> None:
    async def read_two(pilot: Pilot[None]) -> None:
        await to_section(pilot, KNOW)
        await press(pilot, "n", "n")
        await sees(pilot, f"{WALK.sections[2].heading} (")

    async def come_back(pilot: Pilot[None]) -> None:
        await on_top(pilot, Contents, "2/")
        await press(pilot, "enter")
        await on_top(pilot, LessonScreen, f"{WALK.sections[2].heading} (")

    run(read_two, tmp_path)
    run(come_back, tmp_path)


def test_the_contents_point_at_the_lesson_that_was_opened_by_name(
    tmp_path: Path,
) -> None:
    lesson = find_lesson("stale-entry")

    async def steps(pilot: Pilot[None]) -> None:
        await on_top(pilot, LessonScreen, lesson.title)
        await press(pilot, "q")
        await on_top(pilot, Contents, f"> {lesson.number} [ ] {lesson.title}")

    run(steps, tmp_path, lesson=lesson)


def test_a_wrong_answer_is_told_why_and_may_be_mended(tmp_path: Path) -> None:
    question = next(WALK.blocks(Question))
    wrong = next(n for n, o in enumerate(question.options) if not o.is_right)

    async def steps(pilot: Pilot[None]) -> None:
        await to_section(pilot, "Predict")
        await press(pilot, "tab", "abcdefgh"[wrong])
        await sees(pilot, "Not so.", "Again:")
        await press(pilot, "abcdefgh"[question.right])
        await sees(pilot, "Right.")

    assert run(steps, tmp_path).chosen(WALK, question) == wrong


def test_the_lessons_run_opens_to_be_stepped_and_q_comes_back(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await to_section(pilot, "In motion")
        await press(pilot, "tab", "enter")
        await on_top(pilot, Stepper, "lesson.page-walk on kernel", "step 0 of")
        await press(pilot, "space")
        await sees(pilot, "step 1 of")
        await press(pilot, "q")
        await on_top(pilot, LessonScreen, "In motion (")

    run(steps, tmp_path)


@pytest.mark.slow
@SIZES
@pytest.mark.parametrize("where", ["contents", "lesson"])
def test_help_lists_every_key_of_its_screen(
    tmp_path: Path, where: str, size: tuple[int, int]
) -> None:
    keys = CONTENTS_KEYS if where == "contents" else LESSON_KEYS

    async def steps(pilot: Pilot[None]) -> None:
        if where == "lesson":
            await to_section(pilot, KNOW)
        await press(pilot, "question_mark")
        await on_top(pilot, Help)
        await eventually(lambda: all(key.help in words(pilot) for key in keys))
        await press(pilot, "escape")
        await on_top(pilot, Contents if where == "contents" else LessonScreen)

    run(steps, tmp_path, size)


def test_only_lessons_with_the_words_are_listed(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await on_top(pilot, Contents)
        await press(pilot, "slash")
        await eventually(lambda: isinstance(pilot.app.focused, Input))
        await pilot.press(*"locked", "space", *"update")
        screen = pilot.app.screen
        assert isinstance(screen, Contents)
        await eventually(lambda: screen.words == "locked update")
        titles = [r.opens.title for r in screen.rows if isinstance(r.opens, Lesson)]
        assert WALK.title in titles
        assert len(titles) < len(lessons()) or len(lessons()) == 1
        await press(pilot, "escape")
        await eventually(lambda: screen.words == "")

    run(steps, tmp_path)


def test_what_was_at_the_pointer_of_a_longer_list_is_forgotten(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await on_top(pilot, Contents)
        screen = pilot.app.screen
        assert isinstance(screen, Contents)
        last = len(screen.rows) - 1
        chapters = screen.query_one(OptionList)
        late = OptionList.OptionHighlighted(
            chapters, chapters.get_option_at_index(last), last
        )
        screen.words = "locked update"
        screen.draw()
        assert len(screen.rows) <= last
        screen.post_message(late)  # as happens on a slow machine
        await press(pilot, "question_mark")
        await on_top(pilot, Help)

    run(steps, tmp_path)


def test_every_race_can_be_opened_from_the_contents(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await on_top(pilot, Contents)
        await press(pilot, "G")
        last = list(RACES)[-1]
        await sees(pilot, f"> {last}")
        await press(pilot, "enter")
        await on_top(pilot, Stepper, f"{last} on kernel")
        await press(pilot, "q")
        await on_top(pilot, Contents)

    run(steps, tmp_path)


def test_a_lesson_is_forgotten_only_after_a_question(tmp_path: Path) -> None:
    load_progress(tmp_path / "progress.json").mark_read(WALK, KNOW)

    async def steps(pilot: Pilot[None]) -> None:
        await on_top(pilot, Contents, "1/")
        await press(pilot, "f")
        await on_top(pilot, Confirm)
        await press(pilot, "n")
        await on_top(pilot, Contents)
        await press(pilot, "f")
        await on_top(pilot, Confirm)
        await press(pilot, "y")
        await on_top(pilot, Contents)

    assert run(steps, tmp_path).read(WALK) == []


def test_a_fix_is_searched_and_its_failing_run_stepped_through(tmp_path: Path) -> None:
    lesson = next(one for one in lessons() if list(one.blocks(Toggle)))
    toggle = next(lesson.blocks(Toggle))
    number = next(n for n, (_, v) in enumerate(toggle.expected) if v == "bug")

    async def steps(pilot: Pilot[None]) -> None:
        await on_top(pilot, Contents)
        progress = load_progress(tmp_path / "progress.json")
        await pilot.app.push_screen(
            LessonScreen(lesson, progress, place(lesson, "Each fix"))
        )
        await on_top(pilot, LessonScreen, "not searched yet")
        await press(pilot, *["tab"] * (number + 1), "enter")
        rows = list(pilot.app.screen.query(KernelRow))
        await eventually(lambda: "FAILS" in rows[number].found)
        await press(pilot, "enter")
        await on_top(pilot, Stepper, "step 0 of")

    run(steps, tmp_path, LARGE)


def test_the_pointer_goes_with_the_focus_and_the_footer_fits(tmp_path: Path) -> None:
    lesson = find_lesson("vma-adjust")

    async def steps(pilot: Pilot[None]) -> None:
        await on_top(pilot, Contents)
        progress = load_progress(tmp_path / "progress.json")
        await pilot.app.push_screen(
            LessonScreen(lesson, progress, place(lesson, "Each fix"))
        )
        await on_top(pilot, LessonScreen, "not searched yet", "more lines below")
        await press(pilot, "tab")
        await sees(pilot, "> 2.6.34 ", "q contents")
        await press(pilot, "tab")
        await sees(pilot, "> 2.6.34,rmap-walk=seqcount", "q contents")
        await eventually(lambda: "> 2.6.34 " not in picture(pilot))

    run(steps, tmp_path)


def test_a_table_is_whole_on_the_page_that_a_lesson_opens_at(tmp_path: Path) -> None:
    lesson = find_lesson("vma-adjust")

    async def steps(pilot: Pilot[None]) -> None:
        await on_top(pilot, Contents)
        progress = load_progress(tmp_path / "progress.json")
        await pilot.app.push_screen(LessonScreen(lesson, progress, place(lesson, IDEA)))
        await on_top(pilot, LessonScreen, "after the store of  vm_start")
        await sees(pilot, "nothing             0")

    run(steps, tmp_path, (100, 30))


def test_a_page_of_text_says_at_once_how_much_is_below(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await to_section(pilot, "The code")
        await sees(pilot, "more lines below")

    run(steps, tmp_path)
