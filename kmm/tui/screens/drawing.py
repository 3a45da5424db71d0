"""The run from the top down, with only the steps that matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from ...report.interleaving import lanes
from ...sim.recording import Recording
from ..lines import Line
from .box import Box

WIDTH = 120  # as wide as a drawing needs to be
FRAME = 7  # columns that are not for text


class Drawing(Box[None]):
    heading = "The race: one lane a CPU, from the top down"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,space,enter", "answer", "close", key_display="esc"),
    ]

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self.recording = recording

    def lines(self) -> Sequence[Line]:
        return drawing_lines(self.recording, self.app.size.width)


def drawing_lines(recording: Recording, columns: int) -> list[Line]:
    """For a screen of so many columns."""
    width = min(WIDTH, columns - FRAME)
    return [Line(text) for text in lanes(recording, width)]
