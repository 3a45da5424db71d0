"""The letter's tables drawn in a terminal: plain characters, no colours.

Rows that are steps along an axis (sysbench's 1 to 8 threads) become two lines over it,
the steps being equally far apart.
Of other rows each has its own unit, so that their figures have no common scale; what is
drawn of them is what the second kernel gains, beside an axis that is the baseline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil, floor, isnan, log10

from attrs import frozen

from .bench import SIMULATED, Row, Table, delta_text, is_curve

NAME = 20  # columns for a row's name, at most
ROWS_A_TICK = 3
MARKS = ("o", "x")
BOTH = "*"
LINE = "."
BAR = "#"


def plot_text(table: Table, width: int = 80) -> str:
    """A table's plot, in lines of at most `width` columns."""
    lines = curve(table, width) if is_curve(table) else bars(table, width)
    lines = [line.rstrip() for line in lines]
    return "\n".join([*lines, *["", SIMULATED] * table.simulated])


# Gains and losses, as bars.


@frozen
class Axis:
    """Where gains begin; losses and gains have one scale."""

    left: int  # columns for losses
    right: int  # columns for gains
    scale: float  # columns for one per cent

    def bars(self, delta: float | None) -> tuple[str, str]:
        """What stands on either side of the axis; one of the two is blank."""
        length = round((delta or 0.0) * self.scale)
        loss, gain = BAR * -length, BAR * length  # of a negative number: none
        return f"{loss:>{self.left}}", f"{gain:{self.right}}"


def axis_for(rows: Sequence[Row], columns: int) -> Axis:
    loss, gain = extremes(rows)
    share = loss / (loss + gain) if loss + gain else 0.5
    left = min(max(round(columns * share), len("loss ")), columns - len(" gain"))
    right = columns - left
    scales = [side / most for side, most in ((left, loss), (right, gain)) if most]
    return Axis(left, right, min(scales, default=0.0))


def extremes(rows: Sequence[Row]) -> tuple[float, float]:
    """The greatest loss and the greatest gain, in per cent, both from 0 on."""
    deltas = [row.delta or 0.0 for row in rows]
    return -min(0.0, *deltas), max(0.0, *deltas)


def bars(table: Table, width: int) -> list[str]:
    names = [shortened(row.name, NAME) for row in table.rows]
    deltas = [delta_text(row.delta) for row in table.rows]
    name_width, delta_width = max(map(len, names)), max(map(len, deltas))
    axis = axis_for(table.rows, width - name_width - delta_width - 5)
    lines = [
        shortened(bars_title(table), width),
        "",
        f"{'':{name_width}}  {'loss ':>{axis.left}}| gain",
    ]
    for name, row, delta in zip(names, table.rows, deltas, strict=True):
        loss, gain = axis.bars(row.delta)
        lines.append(f"{name:{name_width}}  {loss}|{gain}  {delta:>{delta_width}}")
    return lines


def bars_title(table: Table) -> str:
    return f"{table.title}: what {table.columns[1]} gains on {table.columns[0]}"


# Figures over an axis, as lines.


def curve(table: Table, width: int) -> list[str]:
    scale = ticks(table)
    labels = [number_text(tick) for tick in scale]
    label_width = max(map(len, labels))
    columns = width - label_width - 2
    grid = drawn(table, scale, columns)
    lines = [*caption(table, width), ""]
    for number, cells in enumerate(grid):
        tick, rest = divmod(len(grid) - 1 - number, ROWS_A_TICK)
        label = "" if rest else labels[tick]
        lines.append(f"{label:>{label_width}} {' ' if rest else '+'}{''.join(cells)}")
    names = axis_names([row.name for row in table.rows], columns)
    return [*lines, f"{'':{label_width}}  {names}"]


def caption(table: Table, width: int) -> list[str]:
    told = [f"{mark} {name}" for mark, name in zip(MARKS, table.columns, strict=True)]
    return [
        shortened(curve_title(table), width),
        shortened("   ".join([*told, f"{BOTH} both"]), width),
    ]


def curve_title(table: Table) -> str:
    better = {row.better for row in table.rows}
    return (
        f"{table.title} ({better.pop()} is better)" if len(better) == 1 else table.title
    )


def ticks(table: Table) -> list[float]:
    """From 0 to above the greatest figure, two to six round numbers."""
    most = max((v for row in table.rows for v in row.values if not isnan(v)), default=0)
    if most < 1e-300:
        return [0.0, 1.0]
    ten = 10.0 ** floor(log10(most / 5))
    step = next(ten * n for n in (1, 2, 5, 10) if ten * n * 5 >= most)
    return [step * n for n in range(ceil(most / step) + 1)]


def number_text(value: float) -> str:
    return f"{value:,.10g}"


def drawn(table: Table, scale: Sequence[float], columns: int) -> list[list[str]]:
    """The lines, and then the marks on top of them."""
    height = (len(scale) - 1) * ROWS_A_TICK + 1
    grid = [[" "] * columns for _ in range(height)]
    places = [
        places_of([row.values[side] for row in table.rows], scale[-1], columns, height)
        for side in (0, 1)
    ]
    for side in (0, 1):
        for start, end in pairwise(places[side]):
            for column, line in between(start, end):
                grid[line][column] = LINE
    for side, mark in enumerate(MARKS):
        for place in filter(None, places[side]):
            column, line = place
            taken = side and grid[line][column] in (MARKS[0], BOTH)
            grid[line][column] = BOTH if taken else mark
    return grid


Place = tuple[int, int]  # column, line from the top


def places_of(
    figures: Sequence[float], most: float, columns: int, height: int
) -> list[Place | None]:
    """Where each figure's mark stands; None for one that is missing."""
    return [
        None
        if isnan(v)
        else (
            center(number, len(figures), columns),
            round((1 - v / most) * (height - 1)),
        )
        for number, v in enumerate(figures)
    ]


def center(number: int, of: int, columns: int) -> int:
    """The middle column of one of `of` equal parts."""
    return (2 * number + 1) * columns // (2 * of)


def between(start: Place | None, end: Place | None) -> Iterator[Place]:
    """What a straight line touches, a place a column; nothing if an end is missing."""
    if start is None or end is None:
        return
    for column in range(start[0] + 1, end[0]):
        share = (column - start[0]) / (end[0] - start[0])
        yield column, round(start[1] + (end[1] - start[1]) * share)


def axis_names(names: Sequence[str], columns: int) -> str:
    """Names below their marks; one that would touch the name before it is left out."""
    line = ""
    for number, name in enumerate(names):
        start = max(center(number, len(names), columns) - len(name) // 2, 0)
        if start + len(name) <= columns and (start > len(line) or not line):
            line = f"{line:{start}}{name}"
    return line


def shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."
