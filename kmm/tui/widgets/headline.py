"""The top of the screen: which race, which kernel, which question, how far."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from ..session import Session


class Headline(Static):
    """Three lines: the race and the step, the question, and the run as a strip."""

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
        right = session.position
        left = shortened(left, width - len(right) - 2)
        gap = max(width - len(left) - len(right), 2)
        return Content("\n").join(
            [
                Content.styled(left + " " * gap + right, "bold"),
                Content(shortened(session.race.asks, width)),
                Content.styled(f"CPU {session.timeline(width - 4)}", "$foreground 65%"),
            ]
        )


def shortened(text: str, width: int) -> str:
    """The text, or its beginning and two dots: a second line would hide the CPUs."""
    return text if len(text) <= width else text[: max(width - 2, 0)] + ".."
