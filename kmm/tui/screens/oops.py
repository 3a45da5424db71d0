"""The run has failed: what the kernel prints, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from ...report.oops import oops
from ..lines import Line
from ..session import Session
from ..telling import failing_words
from .box import Box

UNDO, KERNEL, DRAWING = "undo", "kernel", "drawing"


class Oops(Box[str | None]):
    """Answers with what to do next, or None to look at the wreck."""

    heading = "The run fails here"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u,p,h,left", "leave('undo')", "undo the last step", key_display="u"),
        Binding("k", "leave('kernel')", "other kernel"),
        Binding("d", "leave('drawing')", "draw the race"),
        Binding("escape,q,space,enter", "answer", "look around", key_display="esc"),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def lines(self) -> Sequence[Line]:
        return [
            *(Line(text, look="loud") for text in failing_words(self.session)),
            Line(""),
            *(Line(text, hang=4) for text in self.console()),
        ]

    def console(self) -> list[str]:
        session = self.session
        return oops(session.recording, session.kernel.name).splitlines()

    def action_leave(self, answer: str) -> None:
        self.answer(answer)
