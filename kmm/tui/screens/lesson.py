"""A lesson, a section at a time: to be read, and to be done.

The page is made of `widgets.blocks`.  How far the reader has come is kept by
`course.progress`.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

from ...course.claims import play_motion
from ...course.lesson import EXERCISES, Lesson, Motion, Question, Section
from ...course.progress import Progress
from ...designs import parse_kernel
from ...exercises import Exercise, exercises
from ...exercises.scores import Scores
from ...report.outcome import plural
from ...scenarios import find_race
from ...scenarios.play import Played, hunting
from ...sim.schedule import context_switches
from ...sim.search import Coverage
from ...sim.slices import Slices
from ...sim.strategies import SourceDpor
from ..background import background
from ..keys import LESSON_KEYS
from ..messages import (
    Answered,
    ExerciseChosen,
    KernelChosen,
    KernelSearched,
    RunChosen,
    RunMade,
)
from ..opening import session_of
from ..widgets.blocks import JudgedBlock, KernelRow, widget_for
from ..widgets.pane import STYLES
from .choose import Choose
from .exercise import open_exercise
from .help import Help
from .stepper import HEIGHTS, WIDTHS, Stepper

EVERY = 200  # executions of a search between two words about it


class Page(VerticalScroll, can_focus=True):
    """The section that is being read."""

    DEFAULT_CSS = """
    Page { scrollbar-size-vertical: 0; }
    LessonScreen.-wide Page { scrollbar-size-vertical: 1; }
    Page > * { max-width: 100; }
    Page > ProseBlock, Page > QuestionBlock, Page > #about { margin: 0 1; }
    """


class LessonScreen(Screen[None]):
    """Shows one section; the others are a key away."""

    DEFAULT_CSS = """
    LessonScreen #head { height: 2; padding: 0 1; background: $panel; }
    /* At 120 columns, what it leaves is room for 88 columns of source. */
    LessonScreen #sections { width: 24; padding: 1 0; display: none; }
    LessonScreen.-wide #sections { display: block; }
    LessonScreen #body { height: 1fr; }
    """
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        *(key.binding for key in LESSON_KEYS if key.action),
        *(
            Binding(str(n % 10), f"section({n - 1})", show=False, id=f"section.{n}")
            for n in range(1, 11)
        ),
    ]
    AUTO_FOCUS = None

    def __init__(self, lesson: Lesson, progress: Progress, at: int = 0) -> None:
        super().__init__()
        self.lesson, self.progress = lesson, progress
        self.at = at
        self.found: dict[KernelRow, Played] = {}

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        with Horizontal(id="body"):
            yield Static(id="sections")
            yield Page(id="page")
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        self.progress.open(self.lesson)
        for what in "scroll_y", "virtual_size":  # prose gets its height late
            self.watch(self.query_one(Page), what, self.draw_head, init=False)
        await self.turn_to(self.at)

    # What is shown.

    @property
    def section(self) -> Section:
        return self.lesson.sections[self.at]

    async def turn_to(self, number: int) -> None:
        """Show a section from its top."""
        self.at = min(max(number, 0), len(self.lesson.sections) - 1)
        page = self.query_one(Page)
        async with self.batch():
            await page.remove_children()
            await page.mount(*self.blocks())
        if not self.is_running:
            return
        page.scroll_home(animate=False)
        page.focus()
        self.draw_frame()
        if self.at == 0 and self.progress.problem:
            self.notify(self.progress.problem, severity="warning")

    def blocks(self) -> list[Widget]:
        """The parts of the page.  The first page begins with what the lesson is."""
        parts: list[Widget] = []
        if self.at == 0:
            needs = self.lesson.needs
            after = f"  Read before: {', '.join(needs)}." if needs else ""
            about = Content(f"{self.lesson.abstract}{after}\n")
            parts.append(Static(about, id="about"))
        if self.section.heading == EXERCISES:
            best = Scores.load().best()
            parts += [JudgedBlock(one, best.get(one.name)) for one in self.exercises()]
        for block in self.section.blocks:
            chosen = None
            if isinstance(block, Question):
                chosen = self.progress.chosen(self.lesson, block)
            parts.append(widget_for(block, self.lesson, chosen))
        return parts

    def on_screen_resume(self) -> None:
        """An exercise may have been judged meanwhile."""
        blocks = self.query(JudgedBlock)
        best = Scores.load().best() if blocks else {}
        for block in blocks:
            block.know(best.get(block.exercise.name))

    def draw_head(self) -> None:
        """Where the reader is: lesson, section, and how much of it is below."""
        if not self.is_running:  # it was left while its page was being made
            return
        lesson, total = self.lesson, len(self.lesson.sections)
        page = self.query_one(Page)
        title = f"{lesson.number}. {lesson.title}"
        place = f"{self.section.heading} ({self.at + 1} of {total})"
        left = round(page.max_scroll_y - page.scroll_offset.y)
        more = f"{plural(left, 'more line')} below" if left else ""
        width = self.size.width - 2
        place += more.rjust(max(width - len(place), 2))
        self.query_one("#head", Static).update(
            Content("\n").join(
                [Content.styled(title, "bold"), Content.styled(place, STYLES["dim"])]
            )
        )

    def draw_frame(self) -> None:
        lesson = self.lesson
        self.call_after_refresh(self.draw_head)
        read = self.progress.read(lesson)
        rows = []
        for number, section in enumerate(lesson.sections):
            pointer = ">" if number == self.at else " "
            mark = "x" if section.heading in read else " "
            text = f"{pointer}{(number + 1) % 10} {mark} {section.heading}"
            rows.append(
                Content.styled(text, STYLES["loud"] if number == self.at else "")
            )
        self.query_one("#sections", Static).update(Content("\n").join(rows))

    # Moving.

    async def action_on(self) -> None:
        """A screenful on, and at the end of the section to the next one."""
        page = self.query_one(Page)
        if page.scroll_offset.y < page.max_scroll_y:
            page.scroll_page_down(animate=False)
        else:
            await self.action_next()

    async def action_next(self) -> None:
        self.app.clear_notifications()
        self.progress.mark_read(self.lesson, self.section.heading)
        if self.at + 1 < len(self.lesson.sections):
            await self.turn_to(self.at + 1)
        else:
            self.draw_frame()
            self.notify("This is the end of the lesson. q goes back to the contents.")

    async def action_previous(self) -> None:
        self.app.clear_notifications()
        await self.turn_to(self.at - 1)

    async def action_section(self, number: int) -> None:
        if number < len(self.lesson.sections):
            self.app.clear_notifications()
            await self.turn_to(number)

    def action_down(self) -> None:
        self.query_one(Page).scroll_down(animate=False)

    def action_up(self) -> None:
        self.query_one(Page).scroll_up(animate=False)

    def action_do(self) -> None:
        """Whatever there is to be done in this section, one after the other."""
        self.focus_next("Doable, KernelRow")

    def action_exercise(self) -> None:
        """One that is judged; if the lesson has several, choose."""
        found = self.exercises()

        def chosen(index: int | None) -> None:
            if index is not None:
                self.post_message(ExerciseChosen(found[index]))

        if not found:
            self.notify("No exercise that is judged belongs to this lesson.")
        elif len(found) == 1:
            chosen(0)
        else:
            lines = [f"{one.title} ({one.points} points)" for one in found]
            _ = self.app.push_screen(Choose("Which exercise?", lines), chosen)

    def exercises(self) -> list[Exercise]:
        """Those of this lesson."""
        return [one for one in exercises() if one.lesson == self.lesson.name]

    def on_exercise_chosen(self, message: ExerciseChosen) -> None:
        open_exercise(self.app, message.exercise)

    def action_help(self) -> None:
        _ = self.app.push_screen(Help("kmm: a lesson", LESSON_KEYS))

    def action_leave(self) -> None:
        _ = self.dismiss(None)

    # Doing.

    def on_answered(self, message: Answered) -> None:
        self.progress.choose(self.lesson, message.question, message.option)

    def on_run_chosen(self, message: RunChosen) -> None:
        self.open_run(message.motion)

    @background(exclusive=True, group="run")
    def open_run(self, motion: Motion) -> Slices[None]:
        """Make the lesson's run; it may have to be searched for."""
        yield
        self.post_message(RunMade(play_motion(self.lesson, motion)))

    def on_run_made(self, message: RunMade) -> None:
        self.step_through(message.played, "the lesson's run")

    def step_through(self, played: Played, origin: str) -> None:
        def back(_: None) -> None:
            self.app.clear_notifications()  # of that run: they would hide the text

        _ = self.app.push_screen(Stepper(session_of(played, origin)), back)

    def on_kernel_chosen(self, message: KernelChosen) -> None:
        """The first time search; the second, step through what was found."""
        row = message.row
        found = self.found.get(row)
        if found is None:
            row.say("searching ...")
            self.search(row)
        elif found.recording is not None:
            self.step_through(found, "the failing run that the search found")
        else:
            self.notify("No run fails there, so there is none to step through.")

    @background(group="search")
    def search(self, row: KernelRow) -> Slices[None]:
        def progress(coverage: Coverage) -> bool:
            if coverage.executions % EVERY == 0:
                self.post_message(KernelSearched(row, coverage.executions))
            return True

        race, kernel = find_race(row.race), parse_kernel(row.kernel)
        played = yield from hunting(race, kernel, SourceDpor(), progress=progress)
        executions = played.coverage.executions
        self.post_message(KernelSearched(row, executions, played))

    def on_kernel_searched(self, message: KernelSearched) -> None:
        if message.played is None:
            message.row.say(f"searching, {message.executions:,} executions ...")
        else:
            self.found[message.row] = message.played
            message.row.say(verdict_text(message.played))


def verdict_text(played: Played) -> str:
    """What came of a search, in a few words."""
    runs = plural(played.coverage.executions, "execution")
    if played.recording is None:
        return f"holds: proved by {runs}"
    switches = plural(context_switches(played.recording.choices), "context switch")
    failure = played.recording.failure
    what = failure.message if failure else "fails"
    return f"FAILS: {what} ({switches}; enter steps through it)"
