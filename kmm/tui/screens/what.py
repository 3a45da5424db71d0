"""What is this?  One object of the moment, explained; or other lines to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from ..lines import Line
from .box import Box


class What(Box[None]):
    """The lines are worked out by `explain`."""

    heading = "What is this?"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,space,enter,x", "answer", "close", key_display="esc"),
    ]

    def __init__(self, said: Sequence[Line], heading: str = heading) -> None:
        super().__init__()
        self.heading = heading
        self.said = said

    def lines(self) -> Sequence[Line]:
        return self.said
