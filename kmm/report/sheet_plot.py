"""Rival answers drawn in a terminal: bars, a block of them for each answer.

Figures that grow with the load are bars on a logarithmic scale, which for two answers
that grow alike have like ends.  Rates differ by a few per cent: what is drawn of them
is what an answer gains on the first, beside an axis that is the first's.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan, log

from attrs import frozen

from .bench import SIMULATED, delta_text
from .bench_plot import BAR, NAME, axis_for
from .sheet import Line, Sheet, shortened, value_text

INDENT = 2
SMALLEST = 1e-9  # beside the greatest figure; a bar of less could not be seen


def sheet_plot(sheet: Sheet, width: int = 80) -> str:
    """A sheet's plot, in lines of at most `width` columns; "" if it is of counts."""
    if not sheet.unit:
        return ""
    lines = gains(sheet, width) if sheet.gains else growth(sheet, width)
    head = [shortened(plot_title(sheet), width), ""]
    tail = ["", SIMULATED] if sheet.simulated else []
    return "\n".join([*head, *(line.rstrip() for line in lines), *tail])


def plot_title(sheet: Sheet) -> str:
    if sheet.gains:
        return f"{sheet.title}: gain on {sheet.lines[0].name}"
    return f"{sheet.title}, {sheet.unit} (logarithmic scale)"


def labels_of(sheet: Sheet) -> list[str]:
    """A column's name, as it stands before a bar."""
    names = [shortened(name, NAME) for name in sheet.columns]
    width = max(map(len, names))
    return [f"{'':{INDENT}}{name:>{width}}" for name in names]


def name_line(line: Line) -> str:
    return f"{line.name}: {line.failure}" if line.failure else line.name


# Figures that grow.


@frozen
class Scale:
    """From the least figure to the greatest; the least has a bar as well."""

    least: float
    most: float

    def share(self, value: float) -> float:
        """Of the longest bar, from 0 to 1."""
        if isnan(value) or value <= 0:
            return 0.0
        return log(1 + value / self.least) / log(1 + self.most / self.least)


def scale_for(sheet: Sheet) -> Scale:
    known = [v for line in sheet.lines for v in line.values if v > 0]
    most = max(known, default=1.0)
    return Scale(max(min(known, default=most), most * SMALLEST), most)


def growth(sheet: Sheet, width: int) -> Iterator[str]:
    scale, labels = scale_for(sheet), labels_of(sheet)
    texts = [[value_text(v, sheet.digits) for v in line.values] for line in sheet.lines]
    room = width - len(labels[0]) - 3 - max(len(text) for row in texts for text in row)
    for line, row in zip(sheet.lines, texts, strict=True):
        yield shortened(name_line(line), width)
        for label, value, text in zip(labels, line.values, row, strict=True):
            yield f"{label}  {BAR * round(room * scale.share(value))} {text}"


# What is gained.


def gains(sheet: Sheet, width: int) -> Iterator[str]:
    labels, columns = labels_of(sheet), range(len(sheet.columns))
    rows = [[sheet.row(line, column) for column in columns] for line in sheet.lines]
    every = [row for of_line in rows for row in of_line]
    deltas = max(len(delta_text(row.delta)) for row in every)
    axis = axis_for(every, width - len(labels[0]) - deltas - 5)
    yield f"{'':{len(labels[0])}}  {'loss ':>{axis.left}}| gain"
    for line, of_line in zip(sheet.lines[1:], rows[1:], strict=True):
        yield shortened(name_line(line), width)
        for label, row in zip(labels, of_line, strict=True):
            loss, gain = axis.bars(row.delta)
            yield f"{label}  {loss}|{gain}  {delta_text(row.delta):>{deltas}}"
