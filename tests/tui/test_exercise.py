"""An exercise on the screen: begun, edited, judged, and its failing run stepped."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from exercises.submissions import EXEC, solution, starter
from textual.pilot import Pilot
from tui.driving import LARGE, SIZES, SMALL, Steps, eventually, on_top, press, sees
from tui.driving import picture as seen
from tui.driving import words as words_of

from kmm.course import find_lesson
from kmm.course.progress import load_progress
from kmm.exercises import exercises, find_exercise
from kmm.exercises.nursery import Nursery
from kmm.exercises.sandbox import judge, recording_of
from kmm.exercises.scores import Scores
from kmm.tui.app import KmmApp
from kmm.tui.keys import EXERCISE_KEYS
from kmm.tui.opening import foreign_session
from kmm.tui.screens.choose import Choose
from kmm.tui.screens.confirm import Confirm
from kmm.tui.screens.contents import Contents
from kmm.tui.screens.exercise import ExerciseScreen
from kmm.tui.screens.folder import FolderBox
from kmm.tui.screens.help import Help
from kmm.tui.screens.lesson import LessonScreen
from kmm.tui.screens.stepper import Stepper
from kmm.tui.screens.what import What
from kmm.tui.session import Session
from kmm.tui.standing import thread_view

BREAK = "break-vanilla"


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def run(steps: Steps, size: tuple[int, int] = SMALL, name: str = BREAK) -> None:
    """Open an exercise from the contents."""
    app = KmmApp(progress=load_progress(Path("progress.json").resolve()))

    async def main() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await on_top(pilot, Contents)
            await app.push_screen(ExerciseScreen(find_exercise(name)))
            await on_top(pilot, ExerciseScreen, find_exercise(name).title)
            await steps(pilot)

    asyncio.run(main())


async def begin(pilot: Pilot[None]) -> Path:
    """Lay it out in the folder that is offered; the student's file."""
    await press(pilot, "s")
    await on_top(pilot, FolderBox, "then enter")
    await press(pilot, "enter")
    await on_top(pilot, ExerciseScreen, "e edit")
    screen = pilot.app.screen
    assert isinstance(screen, ExerciseScreen)
    assert screen.bench.copy is not None
    return screen.bench.copy.path


def test_a_lesson_opens_its_exercises() -> None:
    app = KmmApp(
        progress=load_progress(Path("progress.json").resolve()),
        lesson=find_lesson("exec-stack"),
    )
    first, second, *_ = (e for e in exercises() if e.lesson == "exec-stack")

    async def main() -> None:
        async with app.run_test(size=SMALL) as pilot:
            await on_top(pilot, LessonScreen, "q contents")
            await press(pilot, "x")
            await on_top(pilot, Choose, first.title, second.title)
            await press(pilot, "enter")
            await on_top(pilot, ExerciseScreen, first.title)
            await press(pilot, "q")
            await on_top(pilot, LessonScreen)
            await press(pilot, "0")
            await sees(pilot, "enter: work on this exercise")
            await press(pilot, "tab", "tab", "enter")
            await on_top(pilot, ExerciseScreen, second.title)

    asyncio.run(main())


def test_a_lesson_says_which_of_its_exercises_are_done() -> None:
    app = KmmApp(
        progress=load_progress(Path("progress.json").resolve()),
        lesson=find_lesson("exec-stack"),
    )
    first, second, *_ = (e for e in exercises() if e.lesson == "exec-stack")
    Scores.load().earned(first, float(first.points))

    async def main() -> None:
        async with app.run_test(size=SMALL) as pilot:
            await on_top(pilot, LessonScreen, "q contents")
            await press(pilot, "0")
            await sees(pilot, f"Done: all {first.points} points.")
            await sees(pilot, f"{second.points} points, judged by kmm.")
            await press(pilot, "tab", "tab", "enter")
            await on_top(pilot, ExerciseScreen, second.title)
            Scores.load().earned(second, 1.5)
            await press(pilot, "q")
            await on_top(pilot, LessonScreen)
            await sees(pilot, f"1.5 of {second.points} points so far.")

    asyncio.run(main())


def test_the_contents_list_them_with_the_score() -> None:
    Scores.load().earned(find_exercise(BREAK), 4.0)

    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "q")
        await on_top(pilot, Contents)
        await press(pilot, "slash")
        await pilot.press(*"break")
        await sees(pilot, "EXERCISES", "[.] Break the kernel of May 2010  4/10")

    run(steps)


@SIZES
def test_it_is_begun_edited_and_judged_on_save(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    right = tmp_path / "right.txt"
    right.write_text(solution(BREAK), encoding="utf-8")
    script = f"import shutil, sys; shutil.copy({str(right)!r}, sys.argv[1])"
    monkeypatch.setenv("VISUAL", f'{sys.executable} -c "{script}"')

    async def steps(pilot: Pilot[None]) -> None:
        await sees(pilot, "You are the scheduler", "s start")
        monkeypatch.setattr(pilot.app, "suspend", nothing_else)
        path = await begin(pilot)
        assert path.read_text(encoding="utf-8") == starter(BREAK)
        await press(pilot, "c")
        await sees(pilot, "FAIL  the run ends in a BUG", "Score: 0/10")
        await press(pilot, "e")
        await sees(pilot, "Score: 10/10", "pass  the run ends in a BUG")
        await sees(pilot, "best 10 of 10 points")
        path.write_text(starter(BREAK), encoding="utf-8")  # in another window
        await sees(pilot, "Score: 0/10", "best 10 of 10 points")

    run(steps, size)
    assert Scores.load().best() == {BREAK: 10.0}


@contextmanager
def nothing_else() -> Iterator[None]:
    """In the place of `App.suspend`, which needs a terminal."""
    yield


def test_where_no_editor_can_be_opened_it_is_said_which_file_to_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await begin(pilot)
        pilot.app.clear_notifications()
        await press(pilot, "e")  # the test's terminal cannot be suspended
        await sees(pilot, "An editor cannot be opened here")

    run(steps)


def test_hints_are_told_one_by_one() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "3")
        await sees(pilot, "H tells hint 1 of 3.")
        await press(pilot, "H")
        await sees(pilot, "Hint 1 of 3", "H tells hint 2 of 3.")
        assert "Hint 2 of 3" not in seen(pilot)
        await press(pilot, "H", "H")
        await eventually(lambda: Scores.load().hints_told(find_exercise(BREAK)) == 3)

    run(steps)


def test_what_was_changed_is_shown_and_taken_back() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        path = await begin(pilot)
        path.write_text("# mine\n", encoding="utf-8")
        await press(pilot, "d")
        await on_top(pilot, What, "+# mine")
        await press(pilot, "escape")
        await on_top(pilot, ExerciseScreen)
        await press(pilot, "R")
        await on_top(pilot, Confirm)
        await press(pilot, "y")
        await on_top(pilot, ExerciseScreen)
        await eventually(lambda: path.read_text(encoding="utf-8") == starter(BREAK))
        assert path.with_name("schedule.txt.~1~").exists()

    run(steps)


def test_a_run_that_is_data_opens_in_the_stepper_to_be_gone_on_with() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await begin(pilot)
        assert "o run" not in seen(pilot)
        await press(pilot, "c")
        await sees(pilot, "o steps through your run", "o run")
        await press(pilot, "o")
        await on_top(pilot, Stepper, "exec-stack on kernel 2.6.34", "step 0 of")
        screen = pilot.app.screen
        assert isinstance(screen, Stepper)
        assert screen.session.foreign is None
        await press(pilot, "q")
        await on_top(pilot, ExerciseScreen)

    run(steps)


def test_the_judge_does_not_hold_up_the_screen_and_can_be_stopped() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        path = await begin(pilot)
        forever = starter(EXEC).replace(
            "    length = old_end - old_start\n",
            "    x = 1 << 100000000\n    length = old_end - old_start\n"
            "    y = x * x * x\n",
        )
        path.write_text(forever, encoding="utf-8")
        await press(pilot, "2")
        await sees(pilot, "Judging: 0 of 5 checks done", "S stop")
        await press(pilot, "1")
        await sees(pilot, "[task]")
        await press(pilot, "S", "2")
        await sees(pilot, "Not judged yet", "c check")

    run(steps, name=EXEC)


@SIZES
def test_help_lists_every_key_and_the_footer_fits(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await sees(pilot, "s start", "H hint", "? help", "q back")
        await begin(pilot)
        await sees(pilot, "e edit", "c check", "H hint", "? help", "q back")
        await press(pilot, "question_mark")
        await on_top(pilot, Help)
        await eventually(lambda: all(k.help in words_of(pilot) for k in EXERCISE_KEYS))

    run(steps, size)


# A run of a submission's code, which is not in this process.


@pytest.fixture(scope="module")
def broken() -> Session:
    """The run that breaks exec-stack's starter, as a judge recorded it."""
    exercise, text = find_exercise(EXEC), starter(EXEC)
    with Nursery(exercise) as nursery:
        found = judge(exercise, text, nursery=nursery).findings
        finding = next(one for one in found if one.schedule is not None)
        recording = recording_of(exercise, text, finding, nursery=nursery)
    assert finding.schedule is not None
    return foreign_session(exercise, text, finding.schedule, recording)


def test_the_students_own_lines_are_shown_where_they_run(broken: Session) -> None:
    step = next(s for s in broken.recording.steps if s.trace[0].file == "fix.py")
    broken.go(step.number)
    view = thread_view(broken, step.thread)
    assert view.function is not None
    assert view.next_line == step.trace[0].line
    line = view.function.lines[view.next_line - view.function.first]
    assert line.strip() == starter(EXEC).splitlines()[view.next_line - 1].strip()
    assert view.function.lines[0].startswith("async def shift_arg_pages(")
    assert view.function.lines[-1].strip() == "return 0"


def test_the_kernel_is_called_as_the_judge_calls_it(broken: Session) -> None:
    assert broken.kernel.text == "v6,exec-stack=yours"
    assert broken.model_kernel.text == "v6,exec-stack=unprotected"
    assert broken.commands == [f"kmm exercise replay fix.py {broken.token}"]


def test_what_would_make_the_run_again_is_refused_and_the_rest_is_not(
    broken: Session,
) -> None:
    app = KmmApp(broken)

    def told(app: KmmApp) -> list[str]:
        return [one.message for one in app._notifications]

    async def main() -> None:
        async with app.run_test(size=LARGE, notifications=True) as pilot:
            await on_top(pilot, Stepper, "with your fix.py")
            keys = "srmeHFA"  # search, restart, and choices of the reader's own
            await press(pilot, *keys)
            await eventually(lambda: len(told(app)) == len(keys))
            assert all("which does not run in here" in text for text in told(app))
            recording = broken.recording
            broken.switch(broken.model_kernel)
            assert broken.foreign is None
            assert broken.recording is not recording
            broken.go_back_to(broken.runs[-1])
            assert broken.foreign is not None
            assert broken.recording is recording
            assert broken.other_kernel() == broken.model_kernel

    asyncio.run(main())
