"""The graph of a moment inside a page: SVG in the ink of the page around it."""

from __future__ import annotations

from ..report.bench_svg import Drawing
from ..report.graph import Graph
from ..report.graph_svg import EDGE, FONT, INLINE, draw_graph
from . import html

LEGEND = (
    "From a VMA to an anon_vma: a link of its chain.  From an entry to a page: what it "
    "maps; dashed, what it waits for; red, what it waits for in vain.  Dotted: the "
    "page's mapping."
)


def graph_html(graph: Graph) -> str:
    drawing = Drawing(y=EDGE)
    width = draw_graph(drawing, graph, INLINE) + 2 * EDGE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" '
        f'height="{drawing.y:.0f}" viewBox="0 0 {width:.0f} {drawing.y:.0f}" '
        f'role="img" style="max-width:100%;color:inherit;{html.MONO}" '
        f'font-size="{FONT}"><title>VMAs, anon_vmas and pages</title>'
        f"{''.join(drawing.parts)}</svg>{html.text(LEGEND, 'p', 'font-size:85%')}"
    )
