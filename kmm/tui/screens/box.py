"""What the screens that open over the main one share: a frame with text in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Footer

from ..lines import Line
from ..widgets.pane import Pane

Result = TypeVar("Result")


class Paper(Pane):
    """Lines to read, as many as there are."""

    DEFAULT_CSS = """
    Paper, Paper:focus {
        border: none; height: auto; max-height: 100%; scrollbar-background: $surface;
    }
    """


class Box(ModalScreen[Result]):
    """A frame in the middle of the screen, with a footer of its own."""

    DEFAULT_CSS = """
    Box { align: center middle; }
    Box > Vertical {
        width: 88; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: heavy $border; padding: 0 1;
        border-title-style: bold; border-title-color: $foreground;
    }
    """

    heading = ""

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = self.heading
            yield from self.content()
        yield Footer(show_command_palette=False)

    def content(self) -> ComposeResult:
        yield Paper("", id="paper")

    def on_mount(self) -> None:
        for paper in self.query(Paper):
            paper.show(self.lines())
            paper.focus()

    def lines(self) -> Sequence[Line]:
        """What is on the paper."""
        return ()

    def action_answer(self) -> None:
        self.answer()

    def answer(self, result: Result | None = None) -> None:
        """Close, and hand `result` to whoever opened this."""
        _ = self.dismiss(result)  # awaiting one's own end would never end
