"""The parts of a lesson's page: prose, code, questions, a run, fixes, exercises.

Each is made from a block of `kmm.course.lesson`.  What a reader does there is sent as a
message; the lesson's screen acts on it.
"""

from __future__ import annotations

import textwrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Click
from textual.highlight import highlight
from textual.widget import Widget
from textual.widgets import Markdown, Static

from ...course.code import excerpt
from ...course.lesson import (
    Block,
    Code,
    Console,
    Lesson,
    Motion,
    Prose,
    Question,
    Table,
    Toggle,
)
from ...course.tables import table_lines
from ...course.text import plain
from ...exercises import Exercise
from ..lines import CURRENT
from ..messages import Answered, ExerciseChosen, KernelChosen, RunChosen
from .code import CodeTheme, code_rows
from .pane import STYLES

LETTERS = "abcdefgh"
RIGHT, WRONG = "+", "-"  # beside an option that was chosen


def widget_for(block: Block, lesson: Lesson, chosen: int | None) -> Widget:
    """What shows a block; `chosen` is the option of a question that was chosen."""
    match block:
        case Prose(text):
            return ProseBlock(text)
        case Table(text):
            return TableBlock(text)
        case Code():
            return CodeBlock(block)
        case Question():
            return QuestionBlock(block, chosen)
        case Motion():
            return MotionBlock(block, lesson)
        case Toggle():
            return ToggleBlock(block)
        case Console():
            return ConsoleBlock(block)


class ProseBlock(Markdown):
    """Paragraphs, lists and tables."""

    DEFAULT_CSS = """
    ProseBlock { padding: 0; margin: 0; background: transparent; }
    ProseBlock MarkdownFence { background: transparent; margin: 0 0 1 2; padding: 0; }
    ProseBlock MarkdownParagraph { margin: 0 0 1 0; }
    ProseBlock MarkdownBulletList, ProseBlock MarkdownOrderedList { margin: 0 0 1 0; }
    ProseBlock MarkdownListItem MarkdownParagraph { margin: 0; }
    """

    def __init__(self, markdown: str) -> None:
        super().__init__(markdown, open_links=False)


class TableBlock(Static):
    """A table in as few lines as it takes."""

    DEFAULT_CSS = """
    TableBlock { margin: 0 1 1 3; height: auto; }
    """

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.markdown = bare(markdown)

    def on_resize(self) -> None:
        lines = table_lines(self.markdown, self.content_size.width)
        self.update(Content("\n".join(lines)))


class Verbatim(Static):
    """Lines that stay as they are, and need every column of a narrow terminal."""

    DEFAULT_CSS = """
    Verbatim {
        border-top: solid $foreground 40%; border-bottom: solid $foreground 40%;
        border-title-color: $foreground;
        margin: 0 0 1 0; height: auto;
    }
    """


class CodeBlock(Verbatim):
    """A function of the model with its line numbers; `>` is the line to look at."""

    def __init__(self, block: Code) -> None:
        super().__init__()
        self.found = excerpt(block)
        text = "\n".join(self.found.lines)
        self.lines = highlight(text, language="python", theme=CodeTheme).split("\n")
        self.border_title = Content(self.found.name)

    def on_resize(self) -> None:
        width = self.content_size.width
        rows = []
        for number, line in enumerate(self.lines, start=self.found.first):
            mark = CURRENT if number == self.found.marked else " "
            rows += code_rows(line, number, mark, width)
        self.update(Content("\n").join(rows))


class ConsoleBlock(Verbatim):
    """A command, and what it prints."""

    def __init__(self, block: Console) -> None:
        super().__init__(Content(block.output.rstrip("\n")))
        self.border_title = Content(f"$ {block.command}")


class Doable(Static, can_focus=True):
    """Something that the reader can do; in focus it has a heavy frame."""

    DEFAULT_CSS = """
    Doable {
        border-top: solid $accent; border-bottom: solid $accent;
        border-title-color: $foreground; margin: 0 0 1 0; height: auto;
    }
    Doable:focus {
        border-top: heavy $border; border-bottom: heavy $border;
        border-title-style: bold;
    }
    """


class QuestionBlock(Doable):
    """A question, answered by a letter or a click.  The first answer is kept."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(c, f"choose({n})", show=False) for n, c in enumerate(LETTERS)),
        Binding("a", "choose(0)", "answer", key_display="a b c"),
    ]

    def __init__(self, question: Question, chosen: int | None) -> None:
        super().__init__()
        self.question = question
        self.chosen = [] if chosen is None else [chosen]
        self.border_title = Content("Predict")

    def on_mount(self) -> None:
        self.draw()

    def draw(self) -> None:
        self.rows: list[int | None] = []  # of each line, the option that it belongs to
        width = max(self.content_size.width, 20)
        lines: list[Content] = []

        def put(text: str, style: str, option: int | None, hang: int = 0) -> None:
            for line in wrapped(bare(text), width, hang):
                lines.append(Content.styled(line, style))
                self.rows.append(option)

        put(" ".join(bare(self.question.asks).split()), STYLES["loud"], None)
        for number, option in enumerate(self.question.options):
            is_chosen = number in self.chosen
            mark = (RIGHT if option.is_right else WRONG) if is_chosen else " "
            style = STYLES["loud"] if is_chosen else ""
            text = bare(option.text)
            put(f"{mark} {LETTERS[number]}. {text}", style, number, 5)
            if is_chosen:
                verdict = "Right. " if option.is_right else "Not so. "
                why = bare(option.why)
                put(f"     {verdict}{why}", STYLES["dim"], None, 5)
        if self.question.right not in self.chosen:
            put(self.advice(), STYLES["dim"], None)
        self.update(Content("\n").join(lines))

    def advice(self) -> str:
        letters = " ".join(LETTERS[: len(self.question.options)])
        return f"Press one of {letters}." if not self.chosen else f"Again: {letters}."

    def on_resize(self) -> None:
        self.draw()

    def on_click(self, event: Click) -> None:
        row = event.get_content_offset(self)
        if row is not None and row.y < len(self.rows):
            option = self.rows[row.y]
            if option is not None:
                self.action_choose(option)

    def action_choose(self, option: int) -> None:
        if option >= len(self.question.options) or option in self.chosen:
            return
        self.chosen.append(option)
        self.draw()
        self.post_message(Answered(self.question, option))


def bare(text: str) -> str:
    """Without any marks; the prose beside it shows none either."""
    return plain(text).replace("`", "")


def wrapped(text: str, width: int, hang: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        subsequent_indent=" " * hang,
        break_on_hyphens=False,
        drop_whitespace=True,
    ) or [""]


class MotionBlock(Doable):
    """The drawing of the lesson's run; enter opens it, to be stepped through."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "step through"),
    ]

    def __init__(self, motion: Motion, lesson: Lesson) -> None:
        text = lesson.transcript.read_text(encoding="utf-8")
        super().__init__(Content(text.rstrip("\n")))
        self.motion = motion
        self.border_title = Content("enter: step through this run")

    def action_open(self) -> None:
        self.post_message(RunChosen(self.motion))

    def on_click(self) -> None:
        self.action_open()


class JudgedBlock(Doable):
    """An exercise that is judged; enter opens it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open"),
    ]

    def __init__(self, exercise: Exercise) -> None:
        text = f"{exercise.title}.  {exercise.points} points, judged by kmm."
        super().__init__(Content(text))
        self.exercise = exercise
        self.border_title = Content("enter: work on this exercise")

    def action_open(self) -> None:
        self.post_message(ExerciseChosen(self.exercise))

    def on_click(self) -> None:
        self.action_open()


class ToggleBlock(Vertical):
    """A race, and kernels to search it on.  What each makes of it is found out here."""

    DEFAULT_CSS = """
    ToggleBlock {
        border-top: solid $accent; border-bottom: solid $accent;
        border-title-color: $foreground; margin: 0 0 1 0; height: auto;
    }
    ToggleBlock:focus-within {
        border-top: heavy $border; border-bottom: heavy $border;
        border-title-style: bold;
    }
    """

    def __init__(self, toggle: Toggle) -> None:
        super().__init__()
        self.toggle = toggle
        self.border_title = Content(f"{toggle.race}: enter searches on a kernel")

    def compose(self) -> ComposeResult:
        room = max(len(kernel) for kernel, _ in self.toggle.expected)
        for kernel, _ in self.toggle.expected:
            yield KernelRow(self.toggle.race, kernel, room)


class KernelRow(Static, can_focus=True):
    """One kernel of a toggle, and what is known of the race on it so far."""

    DEFAULT_CSS = """
    KernelRow { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "search", "search, step"),
    ]

    def __init__(self, race: str, kernel: str, room: int) -> None:
        super().__init__()
        self.race, self.kernel, self.room = race, kernel, room
        self.found = "not searched yet"

    def on_resize(self) -> None:
        self.draw()

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.draw()

    def say(self, text: str) -> None:
        self.found = text
        self.draw()

    def draw(self) -> None:
        pointer = ">" if self.has_focus else " "
        text = f"{pointer} {self.kernel:{self.room}}  {self.found}"
        width = max(self.content_size.width, 40)
        lines = "\n".join(wrapped(text, width, self.room + 4))
        self.update(Content.styled(lines, STYLES["loud"] if self.has_focus else ""))

    def action_search(self) -> None:
        self.post_message(KernelChosen(self))

    def on_click(self) -> None:
        self.focus()
        self.action_search()
