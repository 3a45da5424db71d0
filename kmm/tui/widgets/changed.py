"""What the last step did: the part of the screen that is always in sight."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size

from ..lines import Line
from ..session import Session
from ..telling import happened
from .pane import Pane, lay_out


class ChangedPane(Pane, can_focus=False):
    """As high as all that is not dim needs; dim lines fill what is left."""

    DEFAULT_CSS = """
    ChangedPane {
        height: auto; min-height: 8; max-height: 60%; overflow: hidden;
        padding-right: 1;
    }
    """

    def look_at(self, session: Session) -> None:
        number = f"step {session.at} of {session.last}"
        title = f"What {number} did" if session.at else "The race"
        self.call(title)
        before = self.wanted(self.room)
        self.show(happened(session))
        if self.wanted(self.room) != before:
            self.refresh(layout=True)

    def wanted(self, width: int) -> int:
        """The rows that it is to have, of which there are a least number."""
        least = self.styles.min_height
        frame = self.gutter.height
        return max(needed(self.lines, width), int(least.value) - frame if least else 0)

    def hold(self, rows: int) -> None:
        """It does not scroll, and `look_at` knows when it needs another height."""

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return needed(self.lines, width)

    def laid_out(self, width: int) -> tuple[Sequence[Content], Sequence[int]]:
        lines = list(self.lines)
        rows, height = lay_out(lines, width)[0], self.height_for_rows
        while len(rows) > height and lines[-1].look == "dim":
            lines.pop()
            rows = lay_out(lines, width)[0]
        if len(rows) > height > 0:
            hidden = len(rows) - height + 1
            more = lay_out([Line(f"... {hidden} more lines", look="dim")], width)[0]
            rows = rows[: height - 1] + more
        return rows, []


def needed(lines: Sequence[Line], width: int) -> int:
    """How many rows are not dim."""
    return len(lay_out([line for line in lines if line.look != "dim"], width)[0])
