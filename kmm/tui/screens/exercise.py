"""An exercise: its task, hints, and what the judge says of the student's file.

What is shown is worked out by `workbench`.  The file is edited in the user's own editor
and judged whenever it changes, by processes of `kmm.exercises`; a thread waits for
them, so the screen goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import App, ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static
from textual.worker import get_current_worker

from ...exercises import Exercise
from ...exercises.desk import Copy, DeskError
from ...exercises.exercise import OF_CODE, Check, Complaint, Finding
from ...exercises.nursery import Nursery
from ...exercises.sandbox import Stopped, judge, recording_of
from ...exercises.scores import Scores
from ...exercises.wire import NoRecording
from ...sim.schedule import ScheduleError
from .. import background
from ..editor import NoEditor, edit
from ..keys import EXERCISE_KEYS
from ..lines import Line
from ..messages import CheckFound, JudgeEnded, TabChosen
from ..opening import data_session, foreign_session
from ..session import Session
from ..widgets.blocks import ProseBlock
from ..widgets.headline import shortened
from ..widgets.pane import STYLES, Pane
from ..widgets.tabs import TabLine
from ..workbench import Workbench
from .choose import Choose
from .confirm import Confirm
from .folder import FolderBox
from .help import Help
from .stepper import HEIGHTS, WIDTHS, Stepper
from .what import What

LOOK = 0.2  # seconds between two looks at the file
TABS = ("task", "checks", "hints")


class Reading(VerticalScroll, can_focus=True):
    """The task, or the hints."""

    DEFAULT_CSS = """
    Reading { scrollbar-size-vertical: 1; }
    Reading > * { max-width: 100; margin: 0 1; }
    """


def open_exercise(app: App[Any], exercise: Exercise) -> None:
    """Its screen; what to do instead, where no process can be had to judge in."""
    if background.HAS_PROCESSES:
        _ = app.push_screen(ExerciseScreen(exercise))
        return
    text = (
        f"It is judged in a process of its own, which a browser does not have. "
        f"In a terminal: kmm exercise start {exercise.name}"
    )
    app.notify(text, title=exercise.title, timeout=10, markup=False)


class ExerciseScreen(Screen[None]):
    """The task beside what came of the checks; or, where there is less room, tabs."""

    DEFAULT_CSS = """
    ExerciseScreen #head { height: 2; padding: 0 1; background: $panel; }
    ExerciseScreen #body { height: 1fr; }
    ExerciseScreen #reading { width: 1fr; }
    ExerciseScreen #checks { width: 1fr; height: 1fr; }
    ExerciseScreen.-narrow #checks, ExerciseScreen.-tiny #checks { border: none; }
    ExerciseScreen.-narrow .-other-tab, ExerciseScreen.-tiny .-other-tab {
        display: none;
    }
    """
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        *(key.binding for key in EXERCISE_KEYS if key.action),
        *(
            Binding(str(n), f"tab('{name}')", show=False, id=f"tab.{n}")
            for n, name in enumerate(TABS, start=1)
        ),
    ]
    AUTO_FOCUS = None

    def __init__(self, exercise: Exercise, scores: Scores | None = None) -> None:
        super().__init__()
        self.bench = Workbench(exercise, scores or Scores.load())
        self.nursery = Nursery(exercise)
        self.tab = TABS[0]
        self.is_stopping = False
        # Whether there is a file, a judge at work, and a run to step through.
        self.can_be_done = False, False, False

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        yield TabLine(TABS)
        with Horizontal(id="body"):
            yield Reading(id="reading")
            yield Pane("What came of the checks", id="checks")
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        self.set_interval(LOOK, self.look)
        await self.open_tab(TABS[0])
        if self.bench.copy is not None:
            self.nursery.warm_up()
        problem = self.bench.scores.problem
        if problem is not None:
            self.notify(problem, severity="warning", markup=False)

    def on_unmount(self) -> None:
        self.is_stopping = True
        self.nursery.close()

    # What is shown.

    def draw(self) -> None:
        """The head, and the checks."""
        if not self.is_running:  # it was left while a page was being made
            return
        bench = self.bench
        width = max(self.size.width - 2, 20)
        exercise = bench.exercise
        points = bench.points()
        title = shortened(exercise.title, width - len(points) - 2)
        gap = " " * max(width - len(title) - len(points), 2)
        self.query_one("#head", Static).update(
            Content("\n").join(
                [
                    Content.styled(f"{title}{gap}{points}", "bold"),
                    Content.styled(shortened(bench.where(), width), STYLES["dim"]),
                ]
            )
        )
        self.query_one("#checks", Pane).show(list(bench.checks()))
        can_be_done = bench.copy is not None, bench.is_judging, bool(bench.runs())
        if can_be_done != self.can_be_done:
            self.can_be_done = can_be_done
            self.refresh_bindings()

    def on_resize(self) -> None:
        self.draw()

    async def open_tab(self, tab: str) -> None:
        self.tab = tab
        self.query_one(TabLine).choose(tab)
        reading, checks = self.query_one(Reading), self.query_one("#checks", Pane)
        reading.set_class(tab == "checks", "-other-tab")
        checks.set_class(tab != "checks", "-other-tab")
        if tab != "checks":
            await self.read()
        if not self.is_running:
            return
        self.set_focus(checks if tab == "checks" else reading)
        self.draw()

    async def read(self) -> None:
        """Put the task or the hints on the page."""
        page = self.query_one(Reading)
        texts = [self.bench.task()] if self.tab == "task" else self.hint_texts()
        async with self.batch():
            await page.remove_children()
            await page.mount(*(ProseBlock(text) for text in texts))
        if self.tab == "task":
            page.scroll_home(animate=False)
        else:
            page.scroll_end(animate=False)

    def hint_texts(self) -> list[str]:
        told, total = self.bench.hints(), len(self.bench.exercise.hints)
        texts = [f"**Hint {n} of {total}**\n\n{t}" for n, t in enumerate(told, start=1)]
        if len(told) < total:
            texts.append(f"*H tells hint {len(told) + 1} of {total}.*")
        return texts

    async def on_tab_chosen(self, message: TabChosen) -> None:
        await self.open_tab(message.tab)

    async def action_tab(self, tab: str) -> None:
        await self.open_tab(tab)

    async def action_next_tab(self) -> None:
        await self.open_tab(TABS[(TABS.index(self.tab) + 1) % len(TABS)])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What can be done depends on the file, the judge, and what that has found."""
        bench = self.bench
        if action == "start":
            return bench.copy is None
        if action in ("edit", "diff", "reset"):
            return bench.copy is not None
        if action == "check":
            return bench.copy is not None and not bench.is_judging
        if action == "stop":
            return bench.is_judging
        if action == "run":
            return bool(bench.runs()) and not bench.is_judging
        return True

    # The file.

    def action_start(self) -> None:
        def chosen(folder: str | None) -> None:
            if folder is None:
                return
            try:
                self.bench.begin(Path(folder).expanduser())
            except DeskError as error:
                self.notify(str(error), severity="warning", markup=False)
                return
            self.nursery.warm_up()
            self.draw()
            self.notify("It is laid out.  e opens your file in your editor.")

        _ = self.app.push_screen(FolderBox(self.bench.exercise.name), chosen)

    def action_edit(self) -> None:
        """In the user's own editor, with the terminal to itself."""
        copy = self.bench.copy
        assert copy is not None
        try:
            with self.app.suspend():
                edit(copy.path)
        except SuspendNotSupported:
            text = f"An editor cannot be opened here. Open {copy.path} in another one."
            self.notify(text, severity="warning", markup=False)
        except NoEditor as error:
            self.notify(str(error), severity="warning", markup=False)
        self.look()

    def look(self) -> None:
        """Judge the file, if something else is in it than was."""
        file = self.bench.file
        text = file.changed() if file is not None else None
        if text is not None:
            self.start_judging(text)

    def action_diff(self) -> None:
        copy = self.bench.copy
        assert copy is not None
        try:
            lines = copy.difference().splitlines()
        except DeskError as error:
            lines = [str(error)]
        shown = [Line(line) for line in lines or ["You have changed nothing yet."]]
        _ = self.app.push_screen(What(shown, "What you have changed"))

    def action_reset(self) -> None:
        copy = self.bench.copy
        assert copy is not None

        def answered(yes: bool | None) -> None:
            if yes:
                self.reset(copy)

        question = "Put the starter back?"
        more = "Your file is kept beside it, under another name."
        _ = self.app.push_screen(Confirm(question, more), answered)

    def reset(self, copy: Copy) -> None:
        try:
            kept = copy.reset()
        except DeskError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        self.draw()
        if kept is not None:
            self.notify(f"Your file is {kept.name} now.", markup=False)

    async def action_hint(self) -> None:
        """The next of the three; those that were told stay."""
        self.bench.scores.next_hint(self.bench.exercise)
        await self.open_tab("hints")

    # Judging.

    async def action_check(self) -> None:
        copy = self.bench.copy
        assert copy is not None
        try:
            text = copy.text()
        except DeskError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        self.app.clear_notifications()
        self.start_judging(text)
        await self.open_tab("checks")

    def start_judging(self, text: str) -> None:
        self.is_stopping = False
        self.bench.judge(text)
        self.draw()
        self.call_later(self.open_tab, "checks")
        self.judge(text, self.bench.seed)

    def action_stop(self) -> None:
        self.is_stopping = True

    @work(thread=True, exclusive=True, group="judge")
    def judge(self, text: str, seed: int | None) -> None:
        """Wait for the judge in a thread; what it finds is sent as it comes."""
        worker = get_current_worker()

        def told(finding: Finding) -> None:
            if not unwanted():
                self.post_message(CheckFound(finding, text))

        def unwanted() -> bool:
            return worker.is_cancelled or self.is_stopping

        judgement = None
        with suppress(Stopped):
            judgement = judge(
                self.bench.exercise,
                text,
                nursery=self.nursery,
                seed=seed,
                told=told,
                unwanted=unwanted,
            )
        if not worker.is_cancelled:
            self.post_message(JudgeEnded(judgement, text))

    def on_check_found(self, message: CheckFound) -> None:
        if message.text == self.bench.text and self.bench.is_judging:
            self.bench.findings.append(message.finding)
            self.draw()

    def on_judge_ended(self, message: JudgeEnded) -> None:
        if message.text != self.bench.text:
            return  # of an older save
        if message.judgement is None:
            self.bench.stopped()
        else:
            self.bench.judged(message.judgement)
        self.draw()

    # The run that breaks it.

    def action_run(self) -> None:
        """Step through a counterexample; if there are several, choose."""
        found = self.bench.runs()
        if len(found) == 1:
            self.open_run(found[0][1])
        else:
            self.choose_run(found)

    def choose_run(self, found: Sequence[tuple[Check, Finding]]) -> None:
        def chosen(index: int | None) -> None:
            if index is not None:
                self.open_run(found[index][1])

        lines = [f"{finding.check}: {finding.why}" for _, finding in found]
        _ = self.app.push_screen(Choose("Which run?", lines), chosen)

    @work(thread=True, exclusive=True, group="run")
    def open_run(self, finding: Finding) -> None:
        """Have the run made by a judge, and open it."""
        try:
            session = self.session_of(finding)
        except (NoRecording, Complaint, ScheduleError) as error:
            text = f"The run cannot be shown: {error}"
            self.app.call_from_thread(self.notify, text, markup=False)
            return
        self.app.call_from_thread(self.app.push_screen, Stepper(session))

    def session_of(self, finding: Finding) -> Session:
        """Raises NoRecording, Complaint, ScheduleError."""
        bench = self.bench
        assert finding.schedule is not None
        if bench.exercise.kind not in OF_CODE:
            return data_session(bench.exercise, bench.text, finding.schedule)
        recording = recording_of(
            bench.exercise, bench.text, finding, nursery=self.nursery
        )
        return foreign_session(bench.exercise, bench.text, finding.schedule, recording)

    # And away.

    def action_help(self) -> None:
        _ = self.app.push_screen(Help("kmm: an exercise", EXERCISE_KEYS))

    def action_leave(self) -> None:
        _ = self.dismiss(None)
