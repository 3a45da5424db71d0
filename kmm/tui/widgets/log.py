"""The steps so far, the latest last."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from ..logbook import LogEntry, has_columns, log_lines
from .pane import Pane, lay_out

MOST = 400  # steps that are drawn; a long run's earlier ones are left out


class LogPane(Pane):
    """Follows the steps: the last one is in sight."""

    entries: Sequence[LogEntry] = ()
    names: Sequence[str] = ()

    def follow(self, entries: Sequence[LogEntry], names: Sequence[str]) -> None:
        """Show these steps of threads that are called `names`."""
        self.entries, self.names = entries[-MOST:], names
        self.draw()

    def draw(self) -> None:
        columns = has_columns(len(self.names), self.room)
        heads = f" - {' | '.join(self.names)}" if columns else ""
        self.call(self.title + heads)
        super().draw()

    def laid_out(self, width: int) -> tuple[Sequence[Content], Sequence[int]]:
        lines = list(log_lines(self.entries, len(self.names), width))
        rows, _ = lay_out(lines, width, gutter=0)
        return rows, [len(rows) - 1] if rows else []
