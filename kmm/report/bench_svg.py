"""The letter's tables drawn as one SVG, for a document: what `bench_plot` draws, finer.

The two kernels differ in colour, and in mark and line as well, for whoever prints it in
grey or does not tell the colours apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isnan

from attrs import define, field, frozen

from .bench import SIMULATED, Row, Table, delta_text, is_curve
from .bench_plot import (
    bars_title,
    curve_title,
    extremes,
    number_text,
    shortened,
    ticks,
)

# Pixels.
WIDTH = 720
MARGIN = 24
NAMES = 150  # for the names of rows, and what is on the axis
LABEL = 66  # for a per cent beside a bar
BAR, ROW = 14, 24  # a bar is so high, and begins so far below the one before
SINK = 2.5  # from the end of a bar up to the foot of letters about as high
HEIGHT = 240  # of what is below a curve
FONT = 13
LETTER = 0.6 * FONT  # how wide one is, about

INK, PALE = "#222222", "#dddddd"
COLORS = ("#0072b2", "#d55e00")  # blue and vermilion: seen apart by nearly everybody
DASHES = (None, "7 4")
GAIN, LOSS = "#009e73", "#cc79a7"  # green and purple, of the same set


@define
class Drawing:
    """Elements, from the top down; `y` is where the next one goes."""

    y: float = MARGIN
    parts: list[str] = field(factory=list)

    def add(self, tag: str, text: str | None = None, **attributes: object) -> None:
        written = "".join(
            f' {name.replace("_", "-")}="{attribute(value)}"'
            for name, value in attributes.items()
            if value is not None
        )
        end = "/>" if text is None else f">{escape(text, quote=False)}</{tag}>"
        self.parts.append(f"<{tag}{written}{end}")

    def text(
        self,
        text: str,
        x: float,
        y: float,
        anchor: str | None = None,
        weight: str | None = None,
    ) -> None:
        self.add("text", text, x=x, y=y, text_anchor=anchor, font_weight=weight)

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str) -> None:
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke)


def attribute(value: object) -> str:
    return tenths(value) if isinstance(value, float) else escape(str(value))


def tenths(pixels: float) -> str:
    return f"{round(pixels, 1):g}"


def draw_table(drawing: Drawing, table: Table) -> None:
    draw_title(drawing, curve_title(table) if is_curve(table) else bars_title(table))
    (draw_curve if is_curve(table) else draw_bars)(drawing, table)
    draw_end(drawing, simulated=table.simulated)


def draw_end(drawing: Drawing, *, simulated: bool) -> None:
    if simulated:
        drawing.text(SIMULATED, MARGIN, drawing.y)
        drawing.y += FONT
    drawing.y += MARGIN


def document(drawing: Drawing, titles: Sequence[str]) -> str:
    """The SVG, as text."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
            f'height="{drawing.y:.0f}" viewBox="0 0 {WIDTH} {drawing.y:.0f}" '
            f'role="img" font-family="sans-serif" font-size="{FONT}" fill="{INK}">',
            f"<title>{escape(', '.join(titles))}</title>",
            '<rect width="100%" height="100%" fill="white"/>',
            *drawing.parts,
            "</svg>",
        ]
    )


def draw_title(drawing: Drawing, title: str) -> None:
    drawing.y += FONT
    room = int((WIDTH - 2 * MARGIN) / LETTER)
    drawing.text(shortened(title, room), MARGIN, drawing.y, weight="bold")
    drawing.y += MARGIN


# Gains and losses, as bars.


def draw_bars(drawing: Drawing, table: Table) -> None:
    axis, scale = axis_for(table.rows)
    top = drawing.y
    drawing.text("loss", axis - 8, top, anchor="end")
    drawing.text("gain", axis + 8, top)
    drawing.y += 10
    for row in table.rows:
        draw_bar(drawing, row, axis, scale)
    drawing.line(axis, top - FONT, axis, drawing.y, INK)
    drawing.y += FONT + 6


def axis_for(rows: Sequence[Row]) -> tuple[float, float]:
    """Where gains begin, and how many pixels one per cent has.

    Each side leaves room for the longest label, and for its heading.
    """
    loss, gain = extremes(rows)
    start, end = MARGIN + NAMES + LABEL, WIDTH - MARGIN - LABEL
    scale = (end - start) / (loss + gain) if loss + gain else 0.0
    return start + loss * scale, scale


def draw_bar(drawing: Drawing, row: Row, axis: float, scale: float) -> None:
    name = shortened(row.name, int(NAMES / LETTER))
    drawing.text(name, MARGIN, drawing.y + BAR - SINK)
    draw_delta(drawing, row.delta, axis, scale)


def draw_delta(
    drawing: Drawing, delta: float | None, axis: float, scale: float
) -> None:
    """A bar from the axis to the left or to the right, and how much that is."""
    known = delta or 0.0
    length = abs(known) * scale
    left = axis - length if known < 0 else axis
    base = drawing.y + BAR - SINK
    fill = LOSS if known < 0 else GAIN
    drawing.add("rect", x=left, y=drawing.y, width=length, height=BAR, fill=fill)
    label = delta_text(delta).strip()
    if known < 0:
        drawing.text(label, left - 6, base, anchor="end")
    else:
        drawing.text(label, left + length + 6, base)
    drawing.y += ROW


# Figures over an axis, as lines.


@frozen
class Frame:
    """The area below a curve, and where in it a figure stands."""

    top: float
    most: float
    steps: int

    left = MARGIN + 100.0
    right = WIDTH - MARGIN

    def x(self, step: int) -> float:
        return self.left + (2 * step + 1) * (self.right - self.left) / (2 * self.steps)

    def y(self, figure: float) -> float:
        return self.top + HEIGHT * (1 - figure / self.most)


def draw_curve(drawing: Drawing, table: Table) -> None:
    draw_legend(drawing, table)
    scale = ticks(table)
    frame = Frame(drawing.y, scale[-1], len(table.rows))
    for tick in scale:
        height = frame.y(tick)
        drawing.line(frame.left, height, frame.right, height, PALE if tick else INK)
        drawing.text(number_text(tick), frame.left - 8, height + 4, anchor="end")
    bottom = frame.top + HEIGHT + FONT + 6
    for step, name in enumerate(named(table, frame)):
        drawing.text(name, frame.x(step), bottom, anchor="middle")
    for side in (0, 1):
        draw_line(drawing, [row.values[side] for row in table.rows], frame, side)
    drawing.y = bottom + MARGIN


def named(table: Table, frame: Frame) -> list[str]:
    """The rows' names, some of them left blank where there is no room for all."""
    widest = max(len(row.name) for row in table.rows) * LETTER + 8
    every = max(1, -(-int(widest) // max(1, int(frame.x(1) - frame.x(0)))))
    return ["" if step % every else row.name for step, row in enumerate(table.rows)]


def draw_legend(drawing: Drawing, table: Table) -> None:
    x: float = MARGIN
    for side, name in enumerate(table.columns):
        name = shortened(name, 36)
        draw_stroke(drawing, [(x, drawing.y - 4), (x + 36, drawing.y - 4)], side)
        draw_mark(drawing, x + 18, drawing.y - 4, side)
        drawing.text(name, x + 44, drawing.y)
        x += 44 + len(name) * LETTER + MARGIN
    drawing.y += MARGIN


def draw_line(
    drawing: Drawing, figures: Sequence[float], frame: Frame, side: int
) -> None:
    """With a gap where a figure is missing."""
    piece: list[tuple[float, float]] = []
    for step, figure in enumerate([*figures, float("nan")]):
        if not isnan(figure):
            piece.append((frame.x(step), frame.y(figure)))
            continue
        if piece:
            draw_stroke(drawing, piece, side)
        for x, y in piece:
            draw_mark(drawing, x, y, side)
        piece = []


def draw_stroke(
    drawing: Drawing, points: Sequence[tuple[float, float]], side: int
) -> None:
    drawing.add(
        "polyline",
        points=" ".join(f"{tenths(x)},{tenths(y)}" for x, y in points),
        fill="none",
        stroke=COLORS[side],
        stroke_width=2,
        stroke_dasharray=DASHES[side],
    )


def draw_mark(drawing: Drawing, x: float, y: float, side: int) -> None:
    """A disc for the baseline; a cross that leaves a disc below it to be seen."""
    if side == 0:
        drawing.add("circle", cx=x, cy=y, r=5, fill=COLORS[0])
        return
    for slope in (-1, 1):
        drawing.add(
            "line",
            x1=x - 6,
            y1=y - 6 * slope,
            x2=x + 6,
            y2=y + 6 * slope,
            stroke=COLORS[1],
            stroke_width=2,
        )
