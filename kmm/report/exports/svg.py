"""A moment of a run, as a picture: the drawing as far as it has come, and memory.

What comes after the moment is pale; the step that led to it is marked.  Below are the
VMAs, anon_vmas and pages of the moment.
"""

from __future__ import annotations

import textwrap
from html import escape

from ..bench_svg import Drawing
from ..graph import graph_of
from ..graph_svg import EDGE, FONT, LETTER, LINE, PAPER, draw_graph, legend
from ..interleaving import drawing_of
from ..words import describe, function
from .run import ExportedRun

COLUMNS = 96
PALE = 0.4
SAMPLE = 28  # pixels of an edge, in the legend


def svg_picture(run: ExportedRun) -> str:
    drawing = Drawing(y=EDGE + FONT)
    write(drawing, run.title, weight="bold")
    for text in textwrap.wrap(where(run), COLUMNS):
        write(drawing, text)
    drawing.y += LINE / 2
    draw_lanes(drawing, run)
    width = COLUMNS * LETTER
    if run.state is not None:
        drawing.y += LINE
        graph = draw_graph(drawing, graph_of(run.state), PAPER)
        width = max(width, graph, draw_legend(drawing))
    return document(drawing, run.title, width + 2 * EDGE)


def where(run: ExportedRun) -> str:
    """Which moment it is, in words."""
    last = len(run.recording.steps)
    if run.at == 0:
        return f"Before the first of {last} steps."
    step = run.recording.steps[run.at - 1]
    cpu = run.recording.threads[step.thread].cpu
    text = f"{function(step)}: {describe(step, run.names)}"
    return f"After step {run.at} of {last}, on CPU {cpu}: {text}"


def write(
    drawing: Drawing,
    text: str,
    *,
    weight: str | None = None,
    opacity: float | None = None,
    fill: str | None = None,
) -> None:
    drawing.add(
        "text",
        text,
        x=EDGE,
        y=drawing.y,
        font_weight=weight,
        fill_opacity=opacity,
        fill=fill,
    )
    drawing.y += LINE


def draw_lanes(drawing: Drawing, run: ExportedRun) -> None:
    lanes = drawing_of(run.recording, COLUMNS)
    for text in lanes.head:
        write(drawing, text, weight="bold")
    for number, text in lanes.body:
        is_ahead = not run.is_at_end if number is None else number > run.at
        write(
            drawing,
            text,
            weight="bold" if number == run.at else None,
            opacity=PALE if is_ahead else None,
            fill=PAPER.lost if number is None else None,
        )
    for text in lanes.legend:
        write(drawing, text, opacity=0.7)


def draw_legend(drawing: Drawing) -> float:
    """What the edges mean; the width that it takes, without an edge."""
    drawing.y += LINE
    x: float = EDGE
    for text, (color, dashes) in legend(PAPER).items():
        drawing.add(
            "line",
            x1=x,
            y1=drawing.y - FONT / 3,
            x2=x + SAMPLE,
            y2=drawing.y - FONT / 3,
            stroke=color,
            stroke_width=1.5,
            stroke_dasharray=dashes,
        )
        drawing.add("text", text, x=x + SAMPLE + 6, y=drawing.y)
        x += SAMPLE + (len(text) + 3) * LETTER
    drawing.y += LINE
    return x - EDGE


def document(drawing: Drawing, title: str, width: float) -> str:
    size = f'width="{width:.0f}" height="{drawing.y:.0f}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
            f'viewBox="0 0 {width:.0f} {drawing.y:.0f}" role="img" '
            f'xml:space="preserve" '
            f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" '
            f'font-size="{FONT}" fill="{PAPER.ink}">',
            f"<title>{escape(title)}</title>",
            '<rect width="100%" height="100%" fill="white"/>',
            *drawing.parts,
            "</svg>",
            "",
        ]
    )
