"""A question that is answered by yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from ..lines import Line
from .box import Box


class Confirm(Box[bool]):
    """Answers with True if it is to be done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "yes"),
        Binding("n,escape,q", "answer", "no", key_display="n"),
    ]

    def __init__(self, question: str, more: str) -> None:
        super().__init__()
        self.heading = "Sure?"
        self.question, self.more = question, more

    def lines(self) -> Sequence[Line]:
        return [Line(self.question, look="loud"), Line(self.more, look="dim")]

    def action_yes(self) -> None:
        self.answer(True)
