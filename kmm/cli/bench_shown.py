"""What `kmm bench` shows: a table of two kernels or a sheet of answers, in any form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from ..report.bench import Table, table_json, table_text
from ..report.bench_plot import plot_text
from ..report.sheet import Sheet, sheet_json, sheet_text
from ..report.sheet_plot import sheet_plot
from ..report.sheet_svg import plots_svg


@frozen
class Shown:
    """A table, and what stands below it."""

    table: Table | Sheet | None  # None if nothing was measured
    note: str = ""
    more: Mapping[str, Any] = field(factory=dict)  # beside the table in JSON

    @property
    def json(self) -> dict[str, Any]:
        table = self.table
        if table is None:
            return dict(self.more)
        as_json = sheet_json(table) if isinstance(table, Sheet) else table_json(table)
        return {**as_json, **self.more}

    @property
    def text(self) -> str:
        table = self.table
        if table is None:
            return ""
        return sheet_text(table) if isinstance(table, Sheet) else table_text(table)

    def plot(self, width: int) -> str:
        table = self.table
        if table is None:
            return ""
        if isinstance(table, Sheet):
            return sheet_plot(table, width)
        return plot_text(table, width)


def text_of(shown: Sequence[Shown], width: int, *, plots: bool) -> str:
    """Each table, its note, and its plot if that is wanted."""
    blocks = []
    for one in shown:
        blocks += [one.text, one.note, one.plot(width) if plots else ""]
    return "\n\n".join(filter(None, blocks))


def svg_of(shown: Sequence[Shown]) -> str:
    """All plots as one SVG; "" if there is nothing to be drawn."""
    tables = [one.table for one in shown if one.table is not None]
    return plots_svg(tables) if tables else ""
