"""The first screen: the lessons, and how far the reader has come.

What is not a lesson stands below them: the races, and the tools.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from attrs import frozen
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option

from ...course import Lesson, lessons, parts
from ...course.lesson import Prose
from ...course.library import library
from ...course.progress import Progress
from ...designs import find_kernel
from ...exercises import Exercise, exercises
from ...exercises.scores import Scores
from ...scenarios import RACES, Race
from ..keys import CONTENTS_KEYS
from ..opening import open_session
from ..widgets.pane import STYLES
from .benches import Benches
from .confirm import Confirm
from .exercise import open_exercise
from .help import Help
from .lesson import LessonScreen
from .matrix import Matrix
from .stepper import HEIGHTS, WIDTHS, Stepper
from .stress import Stress

WELCOME = (
    "Read, predict, run, step back and forth, switch each fix on and off.\n"
    "Enter opens a lesson; ? has all keys."
)


@frozen
class Tool:
    """A screen that is no lesson and no race."""

    name: str
    about: str
    make: Callable[[], Screen[None]]


VANILLA, LETTERS_OWN = find_kernel("2.6.34"), find_kernel("v6")
TOOLS = (
    Tool(
        "the matrix",
        "Every race on every kernel; each cell opens its witness, or its proof.",
        Matrix,
    ),
    Tool(
        "the letter's recipe",
        "The programs by which the letter broke its kernels, in virtual time, live.",
        lambda: Stress(VANILLA),
    ),
    Tool(
        "the letter's benchmarks",
        "kernbench, AIM9 and sysbench on two kernels, with their tables and plots.",
        lambda: Benches((VANILLA, LETTERS_OWN)),
    ),
)


@frozen
class Row:
    """A line of the list; a heading if there is nothing to open."""

    text: str
    opens: Lesson | Exercise | Race | Tool | None = None

    def label(self, *, pointed: bool = False) -> Content:
        if self.opens is None:
            return Content.styled(self.text, STYLES["title"])
        pointer = ">" if pointed else " "
        style = STYLES["loud"] if pointed else ""
        return Content.styled(f"{pointer} {self.text}", style)


class Chapters(OptionList, inherit_bindings=False):
    """What can be opened; `>` stands where enter would."""

    DEFAULT_CSS = """
    Chapters, Chapters:focus {
        border: none; padding: 0 1; background: transparent; height: 1fr;
        scrollbar-size-vertical: 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space,l,right", "select", "open", key_display="enter"),
        Binding("down,j,n", "cursor_down", "down", show=False),
        Binding("up,k,p", "cursor_up", "up", show=False),
        Binding("home,g", "first", "first", show=False),
        Binding("end,G", "last", "last", show=False),
        Binding("pagedown", "page_down", "page down", show=False),
        Binding("pageup", "page_up", "page up", show=False),
    ]


class Contents(Screen[None]):
    """Opens what is chosen, and shows on its return what has been read."""

    DEFAULT_CSS = """
    Contents #head { height: 3; padding: 0 1; background: $panel; }
    Contents #about { width: 44; padding: 1 2; display: none; }
    Contents.-wide #about { display: block; }
    Contents #filter { display: none; height: 1; border: none; padding: 0 1; }
    Contents.-filtering #filter { display: block; }
    """
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        *(key.binding for key in CONTENTS_KEYS if key.action),
        Binding("escape", "unfilter", show=False),
    ]
    AUTO_FOCUS = "Chapters"

    def __init__(self, progress: Progress, first: Lesson | None = None) -> None:
        super().__init__()
        self.progress, self.first = progress, first
        self.rows: list[Row] = []
        self.pointed: int | None = None
        self.words = ""  # that a lesson must have in it to be listed

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        yield Input(placeholder="words in a lesson", id="filter")
        with Horizontal():
            yield Chapters(markup=False)
            with VerticalScroll(id="about", can_focus=False):
                yield Static(id="abstract")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.draw()
        for problem in (*library().broken, self.progress.problem):
            if problem:
                self.notify(problem, severity="warning", timeout=10, markup=False)
        if self.first is not None:
            self.open_lesson(self.first)

    def on_screen_resume(self) -> None:
        """Something was read, perhaps."""
        if self.rows:
            self.draw()

    # What is listed.

    def draw(self) -> None:
        """The list anew, with the pointer where it was, or at the last lesson."""
        before = self.opened_at()
        self.rows = list(self.listed())
        chapters = self.query_one(Chapters)
        chapters.clear_options()
        chapters.add_options(
            [Option(row.label(), disabled=row.opens is None) for row in self.rows]
        )
        self.pointed = None
        places = {
            row.opens.name: n
            for n, row in enumerate(self.rows)
            if row.opens is not None
        }
        first = next(iter(places.values()), None)
        chapters.highlighted = places.get(before, first) if before else first
        self.draw_head()

    def opened_at(self) -> str | None:
        """The name of what the pointer is at; at first, of what is or was open."""
        if self.pointed is None or self.pointed >= len(self.rows):
            return self.first.name if self.first else self.progress.last
        at = self.rows[self.pointed].opens
        return at.name if at else None

    def draw_head(self) -> None:
        done = sum(self.progress.is_done(lesson) for lesson in lessons())
        total = len(lessons())
        share = f" ({100 * done // total} %)" if total else ""
        self.query_one("#head", Static).update(
            Content("\n").join(
                [
                    Content.styled(
                        "kmm: how memory moves under running programs, "
                        "and why doing so raced",
                        "bold",
                    ),
                    Content(f"{WELCOME}  {done}/{total}{share} read."),
                ]
            )
        )

    def listed(self) -> Iterator[Row]:
        for part in parts():
            found = [lesson for lesson in part.lessons if self.is_wanted(lesson)]
            if found:
                yield Row(part.title.upper())
            for lesson in found:
                yield Row(self.line_of(lesson), lesson)
        tools = [tool for tool in TOOLS if self.words in tool.about.lower()]
        if tools:
            yield Row("TO MEASURE AND COMPARE")
        for tool in tools:
            yield Row(f"   {tool.name}", tool)
        yield from self.listed_exercises()
        yield Row("ALL RACES, ONE STEP AT A TIME")
        for race in RACES.values():
            if self.words in f"{race.name} {race.title}".lower():
                yield Row(f"{race.name:24} {race.title}", race)

    def listed_exercises(self) -> Iterator[Row]:
        best = Scores.load().best()
        found = [
            one
            for one in exercises()
            if self.words in f"{one.name} {one.title} {one.task}".lower()
        ]
        if found:
            yield Row("EXERCISES, JUDGED BY PROOF")
        for one in found:
            earned = best.get(one.name, 0)
            mark = "x" if earned >= one.points else "." if one.name in best else " "
            score = f"  {earned:g}/{one.points}" if one.name in best else ""
            yield Row(f"   [{mark}] {one.title}{score}", one)

    def is_wanted(self, lesson: Lesson) -> bool:
        if not self.words:
            return True
        prose = " ".join(block.text for block in lesson.blocks(Prose))
        return self.words in f"{lesson.title} {lesson.abstract} {prose}".lower()

    def line_of(self, lesson: Lesson) -> str:
        read = len(self.progress.read(lesson))
        total = len(lesson.sections)
        mark = "x" if self.progress.is_done(lesson) else "." if read else " "
        how_far = f"  {read}/{total}" if 0 < read < total else ""
        return f"{lesson.number:2} [{mark}] {lesson.title}{how_far}"

    def on_option_list_option_highlighted(
        self, event: OptionList.OptionHighlighted
    ) -> None:
        """Move the pointer along, and say what is there."""
        if event.option_index >= len(self.rows):  # of a list that was longer
            return
        for index in {self.pointed, event.option_index} - {None}:
            assert index is not None
            if index < len(self.rows):
                label = self.rows[index].label(pointed=index == event.option_index)
                event.option_list.replace_option_prompt_at_index(index, label)
        self.pointed = event.option_index
        about = self.rows[event.option_index].opens
        if about is not None:
            self.query_one("#abstract", Static).update(self.about(about))

    def about(self, what: Lesson | Exercise | Race | Tool) -> Content:
        if isinstance(what, Tool):
            return Content(what.about)
        if isinstance(what, Exercise):
            lines = [
                f"{what.points} points; of the lesson {what.lesson}.",
                "",
                what.task,
            ]
            return Content("\n".join(lines))
        if isinstance(what, Race):
            lines = [what.asks, "", " ".join(what.story.split())]
            return Content("\n".join(lines))
        lines = [what.abstract, ""]
        if what.needs:
            lines += [f"Read before: {', '.join(what.needs)}.", ""]
        read = self.progress.read(what)
        for section in what.sections:
            lines.append(
                f"[{'x' if section.heading in read else ' '}] {section.heading}"
            )
        return Content("\n".join(lines))

    # What is done.

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_index >= len(self.rows):
            return
        what = self.rows[event.option_index].opens
        if isinstance(what, Lesson):
            self.open_lesson(what)
        elif isinstance(what, Race):
            session = open_session(what, VANILLA)
            _ = self.app.push_screen(Stepper(session))
        elif isinstance(what, Exercise):
            open_exercise(self.app, what)
        elif isinstance(what, Tool):
            _ = self.app.push_screen(what.make())

    def open_lesson(self, lesson: Lesson) -> None:
        """At the first section that has not been read."""
        read = self.progress.read(lesson)
        headings = [section.heading for section in lesson.sections]
        at = next((n for n, h in enumerate(headings) if h not in read), 0)
        _ = self.app.push_screen(LessonScreen(lesson, self.progress, at))

    def action_filter(self) -> None:
        self.add_class("-filtering")
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.words = event.value.strip().lower()
        self.draw()

    def on_input_submitted(self) -> None:
        self.query_one(Chapters).focus()

    def action_unfilter(self) -> None:
        self.query_one(Input).value = ""
        self.remove_class("-filtering")
        self.query_one(Chapters).focus()

    def action_help(self) -> None:
        _ = self.app.push_screen(Help("kmm: the lessons", CONTENTS_KEYS))

    def action_forget(self) -> None:
        """Reset the lesson that the pointer is at."""
        at = self.rows[self.pointed].opens if self.pointed is not None else None
        if isinstance(at, Lesson):
            self.ask_to_forget(f"Forget what you did in {at.title!r}?", at)

    def action_forget_all(self) -> None:
        self.ask_to_forget("Forget what you did in all lessons?", None)

    def ask_to_forget(self, question: str, lesson: Lesson | None) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self.progress.reset(lesson)
                self.draw()

        kept = f"What was known is kept in {self.progress.path.with_suffix('.bak')}."
        _ = self.app.push_screen(Confirm(question, kept), answered)
