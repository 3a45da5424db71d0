"""What the last step did: the part of the screen that is always in sight."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from ..lines import Line
from ..session import Session
from .pane import Pane, lay_out


class ChangedPane(Pane, can_focus=False):
    """Shows as much as there is room for, and says if that is not all.

    Where there is something to explain, it is as high as it needs to be.
    """

    DEFAULT_CSS = """
    ChangedPane { height: 8; overflow: hidden; padding-right: 1; }
    ChangedPane.-long { height: auto; }
    """

    def look_at(self, session: Session) -> None:
        number = f"step {session.at} of {session.last}"
        title = f"What {number} did" if session.at else "The race"
        self.border_title = Content(title)
        self.set_class(bool(session.remarks()), "-long")
        self.show(session.happened())

    def laid_out(self, width: int) -> tuple[Sequence[Content], Sequence[int]]:
        rows, _ = lay_out(self.lines, width)
        height = self.height_for_rows
        if len(rows) > height > 0 and not self.has_class("-long"):
            hidden = len(rows) - height + 1
            more = lay_out([Line(f"... {hidden} more lines", look="dim")], width)[0]
            rows = rows[: height - 1] + more
        return rows, []
