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
from textual.geometry import Size
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
from ..lines import CURRENT, break_line
from ..messages import Answered, ExerciseChosen, KernelChosen, RunChosen
from .code import CodeTheme, code_rows
from .pane import STYLES

LETTERS = "abcdefgh"
HANG = 4  # a line that is too long goes on this much further right
NARROWEST = 20  # columns
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
    ProseBlock MarkdownFence > Label { padding: 0 2; }
    ProseBlock MarkdownParagraph { margin: 0 0 1 0; }
    ProseBlock MarkdownBulletList, ProseBlock MarkdownOrderedList { margin: 0 0 1 0; }
    ProseBlock MarkdownListItem MarkdownParagraph { margin: 0; }
    """

    def __init__(self, markdown: str) -> None:
        super().__init__(markdown, open_links=False)


class Fitted(Static):
    """Rows that are made for the room that there is, and as high as they are many.

    (Text that is put in after a resize may find its height already settled, and lose
    its end.)
    """

    DEFAULT_CSS = """
    Fitted { height: auto; }
    """

    def rows(self, width: int) -> list[Content]:
        """Of at most `width` columns."""
        raise NotImplementedError

    def render(self) -> Content:
        return Content("\n").join(self.rows(self.content_size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self.rows(width))


class TableBlock(Fitted):
    """A table in as few lines as it takes."""

    DEFAULT_CSS = """
    TableBlock { margin: 0 1 1 3; }
    """

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.markdown = bare(markdown)

    def rows(self, width: int) -> list[Content]:
        return [Content(line) for line in table_lines(self.markdown, width)]


class Verbatim(Fitted):
    """Lines that stay as they are, and need every column of a narrow terminal."""

    DEFAULT_CSS = """
    Verbatim {
        border-top: solid $foreground 40%; border-bottom: solid $foreground 40%;
        border-title-color: $foreground;
        margin: 0 0 1 0;
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

    def rows(self, width: int) -> list[Content]:
        rows = []
        for number, line in enumerate(self.lines, start=self.found.first):
            mark = CURRENT if number == self.found.marked else " "
            rows += code_rows(line, number, mark, width)
        return rows


class ConsoleBlock(Verbatim):
    """A command, and what it prints."""

    def __init__(self, block: Console) -> None:
        super().__init__()
        self.output = block.output.rstrip("\n")
        self.border_title = Content(f"$ {block.command}")

    def rows(self, width: int) -> list[Content]:
        return kept_rows(self.output, width)


def kept_rows(text: str, width: int) -> list[Content]:
    """Lines as they are; one that is too long goes on further right."""
    rows = []
    for line in text.split("\n"):
        for start, end in break_line(line, width, HANG):
            rows.append(Content(" " * (HANG if start else 0) + line[start:end]))
    return rows


class Doable(Fitted, can_focus=True):
    """Something that the reader can do; in focus it has a heavy frame."""

    DEFAULT_CSS = """
    Doable {
        border-top: solid $accent; border-bottom: solid $accent;
        border-title-color: $foreground; margin: 0 0 1 0;
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

    def rows(self, width: int) -> list[Content]:
        return [row for row, _ in self.laid_out(width)]

    def laid_out(self, width: int) -> list[tuple[Content, int | None]]:
        """The rows, and of each the option that it belongs to."""
        rows: list[tuple[Content, int | None]] = []

        def put(text: str, style: str, option: int | None, hang: int = 0) -> None:
            lines = wrapped(text, width, hang)
            rows.extend((Content.styled(line, style), option) for line in lines)

        put(" ".join(bare(self.question.asks).split()), STYLES["loud"], None)
        for number, option in enumerate(self.question.options):
            is_chosen = number in self.chosen
            mark = (RIGHT if option.is_right else WRONG) if is_chosen else " "
            style = STYLES["loud"] if is_chosen else ""
            put(f"{mark} {LETTERS[number]}. {bare(option.text)}", style, number, 5)
            if is_chosen:
                verdict = "Right. " if option.is_right else "Not so. "
                put(f"     {verdict}{bare(option.why)}", STYLES["dim"], None, 5)
        if self.question.right not in self.chosen:
            put(self.advice(), STYLES["dim"], None)
        return rows

    def advice(self) -> str:
        letters = " ".join(LETTERS[: len(self.question.options)])
        return f"Press one of {letters}." if not self.chosen else f"Again: {letters}."

    def on_click(self, event: Click) -> None:
        where = event.get_content_offset(self)
        options = [option for _, option in self.laid_out(self.content_size.width)]
        if where is not None and where.y < len(options):
            option = options[where.y]
            if option is not None:
                self.action_choose(option)

    def action_choose(self, option: int) -> None:
        if option >= len(self.question.options) or option in self.chosen:
            return
        self.chosen.append(option)
        self.refresh(layout=True)
        self.post_message(Answered(self.question, option))


def bare(text: str) -> str:
    """Without any marks; the prose beside it shows none either."""
    return plain(text).replace("`", "")


def wrapped(text: str, width: int, hang: int) -> list[str]:
    return textwrap.wrap(
        text,
        max(width, NARROWEST),
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
        super().__init__()
        self.motion = motion
        self.drawing = lesson.transcript.read_text(encoding="utf-8").rstrip("\n")
        self.border_title = Content("enter: step through this run")

    def rows(self, width: int) -> list[Content]:
        return kept_rows(self.drawing, width)

    def action_open(self) -> None:
        self.post_message(RunChosen(self.motion))

    def on_click(self) -> None:
        self.action_open()


class JudgedBlock(Doable):
    """An exercise that is judged; enter opens it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open"),
    ]

    def __init__(self, exercise: Exercise, best: float | None) -> None:
        super().__init__()
        self.exercise = exercise
        self.best = best  # points that the reader has had; None: it was not judged
        self.border_title = Content("enter: work on this exercise")

    def know(self, best: float | None) -> None:
        """It may have been judged since."""
        if best != self.best:
            self.best = best
            self.refresh(layout=True)

    def rows(self, width: int) -> list[Content]:
        text = f"{self.exercise.title}.  {self.points()}"
        return [Content(line) for line in wrapped(text, width, hang=0)]

    def points(self) -> str:
        points, best = self.exercise.points, self.best
        if best is None:
            return f"{points} points, judged by kmm."
        if best >= points:
            return f"Done: all {points} points."
        return f"{best:g} of {points} points so far."

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


class KernelRow(Fitted, can_focus=True):
    """One kernel of a toggle, and what is known of the race on it so far."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "search", "search, step"),
    ]

    def __init__(self, race: str, kernel: str, room: int) -> None:
        super().__init__()
        self.race, self.kernel, self.room = race, kernel, room
        self.found = "not searched yet"

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.refresh()

    def say(self, text: str) -> None:
        self.found = text
        self.refresh(layout=True)

    def rows(self, width: int) -> list[Content]:
        pointer = ">" if self.has_focus else " "
        text = f"{pointer} {self.kernel:{self.room}}  {self.found}"
        style = STYLES["loud"] if self.has_focus else ""
        lines = wrapped(text, width, self.room + 4)
        return [Content.styled(line, style) for line in lines]

    def action_search(self) -> None:
        self.post_message(KernelChosen(self))

    def on_click(self) -> None:
        self.focus()
        self.action_search()
