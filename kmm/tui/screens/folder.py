"""A small prompt: in which folder is an exercise to be laid out?"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Label

from ..workbench import shorter
from .box import Box


class FolderBox(Box[str | None]):
    """Answers with a path, or None."""

    DEFAULT_CSS = """
    FolderBox > Vertical { width: 72; }
    FolderBox Input, FolderBox Input:focus { border: none; height: 1; padding: 0; }
    """
    heading = "Where do you want to work on it?"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "answer", "not now", key_display="esc"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self.usual = shorter(Path.cwd() / name)

    def content(self) -> ComposeResult:
        yield Label("A folder that is made if it is not there, then enter:")
        yield Input(self.usual, select_on_focus=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.answer(event.value.strip() or None)
