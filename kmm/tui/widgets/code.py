"""The source that one thread is in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from textual.content import Content
from textual.highlight import HighlightTheme, TokenType, highlight

from ..lines import CHANGED, CURRENT, FATAL, break_line
from ..source import Function
from ..standing import ThreadView
from .pane import STYLES, Pane

NUMBER = 5  # columns for a line number and a space
HANG = 4  # a broken line goes on this much further right than it began
UNMARKED = " "
CORNERS = 6  # columns of the frame that its title leaves free

COLOURS = {
    "Token.Comment": "$foreground 65%",
    "Token.Keyword": "$text-accent",
    "Token.Operator.Word": "$text-accent",
    "Token.Literal.String": "$text-success",
    "Token.Literal.String.Doc": "$text-success",
    "Token.Name.Function": "bold",
}
TOKEN_STYLES: dict[TokenType, str] = {
    token: COLOURS.get(str(token), "") for token in HighlightTheme.STYLES
}


class CodeTheme(HighlightTheme):
    """Few colours, since the current line must stand out."""

    STYLES = TOKEN_STYLES


class CodePane(Pane):
    """`>` marks the line that the thread runs next, `*` the one that it just ran.

    Above the source, and always in sight, are the functions that it is in.
    """

    view: ThreadView | None = None

    def look_at(self, view: ThreadView) -> None:
        self.view = view
        self.draw()

    def draw(self) -> None:
        if self.view is not None and self.room > 0:
            title_room = self.outer_size.width - CORNERS
            file = self.view.function.file if self.view.function else ""
            self.call(fitted_title(self.title, self.view, title_room), file)
        super().draw()

    def laid_out(self, width: int) -> tuple[Sequence[Content], Sequence[int]]:
        rows: list[Content] = []
        marked: list[int] = []
        view = self.view
        if view is None:
            return rows, marked
        self.head = Content.styled(fitted_trace(view, width), STYLES["dim"])
        lines = highlighted(view.function)
        for offset, plain in enumerate(plain_rows(view.function, width)):
            number = offset + (view.function.first if view.function else 0)
            if number == (view.next_line or view.done_line):
                marked.append(len(rows))
            mark = mark_of(view, number)
            if mark == UNMARKED:
                rows += plain
            else:
                rows += code_rows(lines[offset], number, mark, width)
        return rows, marked

    def bring_into_sight(self, rows: Sequence[int]) -> None:
        """What a thread runs next belongs in the middle."""
        self.put_on_top(rows[0] - self.height_for_rows // 2 if rows else 0)


def mark_of(view: ThreadView, number: int) -> str:
    if number == view.next_line:
        return FATAL if view.is_failed else CURRENT
    return CHANGED if number == view.done_line else UNMARKED


@lru_cache(maxsize=128)
def highlighted(function: Function | None) -> tuple[Content, ...]:
    """The lines of a function, coloured."""
    if function is None:
        return ()
    if not function.lines:
        return (Content(f"the source of {function.name}() is not installed"),)
    text = "\n".join(function.lines)
    return tuple(highlight(text, language="python", theme=CodeTheme).split("\n"))


@lru_cache(maxsize=128)
def plain_rows(function: Function | None, width: int) -> list[list[Content]]:
    """The rows of each of its lines; most of them are the same at the next step."""
    first = function.first if function else 0
    return [
        code_rows(line, number, UNMARKED, width)
        for number, line in enumerate(highlighted(function), start=first)
    ]


def code_rows(code: Content, number: int, mark: str, width: int) -> list[Content]:
    """One line of source, broken if it is too long."""
    indent = len(code.plain) - len(code.plain.lstrip()) + HANG
    style = STYLES.get(mark, "")
    rows = []
    for start, end in break_line(code.plain, width - NUMBER - 2, indent):
        if start == 0:
            gutter = Content.styled(f"{mark} {number:{NUMBER - 1}} ", style)
        else:
            gutter = Content(" " * (NUMBER + 2 + indent))
        part = code[start:end]
        rows.append(gutter + (part.stylize(style) if style else part))
    return rows


def fitted_title(number: str, view: ThreadView, width: int) -> str:
    """Who, and what next; the pid goes first if there is too little room, then comm."""
    name = view.name
    titles = [
        f"{number} {shorter} - {view.standing}"
        for shorter in (name, name.rpartition(":")[0], name.partition(":")[0])
    ]
    return next((title for title in titles if len(title) <= width), titles[-1])


def fitted_trace(view: ThreadView, width: int) -> str:
    """The functions that the thread is in; outer ones are left out to make it fit."""
    functions = view.trace.split(" > ") if view.trace else []
    if not functions:
        return view.role[:width]
    text = " > ".join(functions)
    while len(text) > width and len(functions) > 1:
        functions = functions[1:]
        text = "... > " + " > ".join(functions)
    return text
