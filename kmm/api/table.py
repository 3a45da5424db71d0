"""A table: a list of dictionaries that shows itself as rows and columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from . import html

Row = Mapping[str, Any]
SHORTEST = 8  # columns of text in print: a column is cut no shorter than this
BETWEEN = "  "
WIDTH = 80


class Table:
    """Rows by name.  `list(table)` is a list of dictionaries, as pandas takes it."""

    def __init__(
        self,
        title: str,
        rows: Sequence[Row],
        columns: Sequence[str],
        cell: Callable[[str, Any], str] | None = None,
    ) -> None:
        self.title = title
        self.rows = [dict(row) for row in rows]
        self.columns = list(columns)  # those that are shown; a row may have more
        self._cell = cell or plain_cell

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __getitem__(self, name: int | str) -> dict[str, Any]:
        """A row by its place, or by what is in its first column.  Raises KeyError."""
        if isinstance(name, int):
            return self.rows[name]
        for row in self.rows:
            if row[self.columns[0]] == name:
                return row
        raise KeyError(name)

    def __repr__(self) -> str:
        return f"<kmm table: {self.title}, {len(self)} rows>"

    def __str__(self) -> str:
        """In columns; the widest are cut until all fit on a line."""
        cells = [self.columns, *(self.texts(row) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        gaps = len(BETWEEN) * (len(widths) - 1)
        while sum(widths) + gaps > WIDTH and max(widths) > SHORTEST:
            widths[widths.index(max(widths))] -= 1
        lines = [BETWEEN.join(map(fitted, row, widths)).rstrip() for row in cells]
        return "\n".join(lines)

    def texts(self, row: Row) -> list[str]:
        return [in_text(row.get(name)) for name in self.columns]

    def _repr_html_(self) -> str:
        rows = (
            [self._cell(name, row.get(name)) for name in self.columns]
            for row in self.rows
        )
        caption = html.text(self.title, "p")
        return html.whole(caption, html.table(self.columns, rows))


def plain_cell(name: str, value: Any) -> str:
    words = in_text(value)
    return html.verdict(words) if name == "verdict" else html.text(words)


def in_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={each}" for key, each in value.items())
    return " ".join(str(value).split())


def fitted(words: str, width: int) -> str:
    cut = words if len(words) <= width else f"{words[: width - 3]}..."
    return f"{cut:{width}}"
