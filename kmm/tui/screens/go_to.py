"""A small prompt: to which step?"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Label

from .box import Box


class GoTo(Box[int | None]):
    """Answers with the number of a step, or None."""

    DEFAULT_CSS = """
    GoTo > Vertical { width: 44; }
    GoTo Input, GoTo Input:focus { border: none; height: 1; padding: 0; }
    """
    heading = "Go to a step"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "answer", "stay here", key_display="esc"),
    ]

    def __init__(self, last: int) -> None:
        super().__init__()
        self.last = last

    def content(self) -> ComposeResult:
        yield Label(f"Its number, from 0 to {self.last}, then enter:")
        yield Input(type="integer", max_length=6, select_on_focus=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.answer(int(event.value) if event.value.strip("+-").isdigit() else None)
