"""Rival answers drawn as SVG, for a document: what `sheet_plot` draws, finer.

And tables of both kinds together, as one SVG.
"""

from __future__ import annotations

from collections.abc import Sequence

from .bench import Table
from .bench_svg import (
    BAR,
    COLORS,
    FONT,
    INK,
    LABEL,
    MARGIN,
    NAMES,
    ROW,
    SINK,
    WIDTH,
    Drawing,
    axis_for,
    document,
    draw_delta,
    draw_end,
    draw_table,
    draw_title,
)
from .sheet import Line, Sheet, value_text
from .sheet_plot import name_line, plot_title, scale_for

LEFT = MARGIN + NAMES
LONGEST = WIDTH - LEFT - LABEL - MARGIN  # of a bar
GAP = 8  # between two answers


def plots_svg(tables: Sequence[Table | Sheet]) -> str:
    drawing = Drawing()
    for table in tables:
        if isinstance(table, Sheet):
            draw_sheet(drawing, table)
        else:
            draw_table(drawing, table)
    return document(drawing, [table.title for table in tables])


def draw_sheet(drawing: Drawing, sheet: Sheet) -> None:
    """Nothing, if it is one of counts."""
    if not sheet.unit:
        return
    draw_title(drawing, plot_title(sheet))
    (draw_gains if sheet.gains else draw_growth)(drawing, sheet)
    draw_end(drawing, simulated=sheet.simulated)


def draw_name(drawing: Drawing, line: Line) -> None:
    drawing.y += GAP
    drawing.text(name_line(line), MARGIN, drawing.y + FONT - 2)
    drawing.y += ROW


def draw_label(drawing: Drawing, text: str) -> None:
    drawing.text(text, LEFT - 10, drawing.y + BAR - SINK, anchor="end")


def draw_growth(drawing: Drawing, sheet: Sheet) -> None:
    scale = scale_for(sheet)
    for line in sheet.lines:
        draw_name(drawing, line)
        for column, value in zip(sheet.columns, line.values, strict=True):
            draw_label(drawing, column)
            length = LONGEST * scale.share(value)
            drawing.add(
                "rect", x=LEFT, y=drawing.y, width=length, height=BAR, fill=COLORS[0]
            )
            text = value_text(value, sheet.digits)
            drawing.text(text, LEFT + length + 6, drawing.y + BAR - SINK)
            drawing.y += ROW
    drawing.y += FONT


def draw_gains(drawing: Drawing, sheet: Sheet) -> None:
    columns = range(len(sheet.columns))
    rows = [[sheet.row(line, column) for column in columns] for line in sheet.lines]
    axis, scale = axis_for([row for of_line in rows for row in of_line])
    drawing.text("loss", axis - 8, drawing.y, anchor="end")
    drawing.text("gain", axis + 8, drawing.y)
    top = drawing.y
    for line, of_line in zip(sheet.lines[1:], rows[1:], strict=True):
        draw_name(drawing, line)
        for column, row in zip(sheet.columns, of_line, strict=True):
            drawing.text(column, MARGIN + NAMES / 3, drawing.y + BAR - SINK, "end")
            draw_delta(drawing, row.delta, axis, scale)
    drawing.line(axis, top - FONT, axis, drawing.y, INK)
    drawing.y += FONT + 6
