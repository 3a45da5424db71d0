"""The run from the top down, with only the steps that matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from ...report.interleaving import lanes
from ...report.stress import last_text
from ...sim.recording import Recording
from ...workloads.endurance import StressResult
from ..lines import Line
from .box import Box, Paper

WIDTH = 120  # as wide as a drawing needs to be
FRAME = 7  # columns that are not for text


class Drawing(Box[None]):
    DEFAULT_CSS = """
    Drawing > Vertical { width: 120; }
    """
    heading = "The race: one lane a CPU, from the top down"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,space,enter", "answer", "close", key_display="esc"),
    ]

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self.recording = recording

    def lines(self) -> Sequence[Line]:
        return drawing_lines(self.recording, self.app.size.width)


class Steps(Box[None]):
    """The last steps of a run of the recipe: those that matter, or every one."""

    DEFAULT_CSS = """
    Steps > Vertical { width: 120; }
    """
    heading = "The last steps, from the top down"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "turn", "all, or those that matter"),
        Binding("escape,q,space,enter", "answer", "close", key_display="esc"),
    ]

    def __init__(self, result: StressResult, recording: Recording) -> None:
        super().__init__()
        self.result, self.recording = result, recording
        self.why = True

    def lines(self) -> Sequence[Line]:
        width = min(WIDTH, self.app.size.width) - FRAME
        text = last_text(self.result, self.recording, width, why=self.why)
        return [Line(line) for line in text.splitlines()]

    def action_turn(self) -> None:
        self.why = not self.why
        paper = self.query_one(Paper)
        paper.show(self.lines())
        paper.scroll_home(animate=False)


def drawing_lines(recording: Recording, columns: int) -> list[Line]:
    """For a screen of so many columns."""
    width = min(WIDTH, columns) - FRAME
    return [Line(text) for text in lanes(recording, width)]
