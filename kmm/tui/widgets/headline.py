"""The top of the screen: which race, which kernel, which question, how far."""

from __future__ import annotations

from textual.content import Content
from textual.events import Click
from textual.widgets import Static

from ..messages import MomentChosen
from ..session import Session
from ..telling import moment_at, position, timeline

STRIP = 4  # columns before the timeline
STRIP_ROW = 2


class Headline(Static):
    """Three lines: the race and the step, the question, and the run as a strip.

    A click on the strip goes to the moment that is there.
    """

    DEFAULT_CSS = """
    Headline { height: 3; padding: 0 1; background: $panel; }
    """

    session: Session | None = None

    def look_at(self, session: Session) -> None:
        self.session = session
        self.refresh()

    def render(self) -> Content:
        session = self.session
        if session is None:
            return Content("")
        width = self.content_size.width
        left = f"{session.race.name} on kernel {session.kernel.text}"
        if session.foreign is not None:
            left += f" with your {session.foreign.file}"
        right = position(session)
        left = shortened(left, width - len(right) - 2)
        gap = max(width - len(left) - len(right), 2)
        strip = f"CPU {timeline(session, width - STRIP)}"
        return Content("\n").join(
            [
                Content.styled(left + " " * gap + right, "bold"),
                Content(shortened(session.race.asks, width)),
                Content.styled(strip, "$foreground 65%"),
            ]
        )

    def on_click(self, event: Click) -> None:
        where = event.get_content_offset(self)
        if self.session is None or where is None or where.y != STRIP_ROW:
            return
        room = self.content_size.width - STRIP
        moment = moment_at(self.session, room, where.x - STRIP)
        self.post_message(MomentChosen(moment))


def shortened(text: str, width: int) -> str:
    """The text, or its beginning and two dots: a second line would hide the CPUs."""
    return text if len(text) <= width else text[: max(width - 2, 0)] + ".."
