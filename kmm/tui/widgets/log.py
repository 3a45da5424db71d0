"""The steps so far, the latest last."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from textual.content import Content

from ..logbook import LogEntry, entry_lines, has_columns
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
        rows: list[Content] = []
        last = len(self.entries) - 1
        for number, entry in enumerate(self.entries):
            look = "loud" if number == last else ""
            rows += entry_rows(entry, len(self.names), width, look)
        return rows, [len(rows) - 1] if rows else []


@lru_cache(maxsize=4 * MOST)
def entry_rows(
    entry: LogEntry, threads: int, width: int, look: str
) -> Sequence[Content]:
    """The rows of a step; they are asked for again at every later one."""
    rows, _ = lay_out(list(entry_lines(entry, threads, width, look)), width, gutter=0)
    return rows
