"""The graph of a moment (`graph`) as SVG, laid out without Graphviz.

VMAs stand in the first column, in the box of their address space, anon_vmas in the
second, pages in the third.  Used by `exports.svg` for a file of its own, and by
`kmm.api` for a notebook, whose ink is that of the page around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define, field, frozen

from .bench_svg import Drawing
from .graph import Graph, Node, Space, VmaNode

# Pixels.
FONT, LINE = 12, 17
LETTER = 0.62 * FONT  # how wide one is in a font of one width, at most
PAD = 8  # in a box, around its text
GAP = 14  # between boxes, one above the other
AISLE = 70  # between columns, for the edges
EDGE = 16  # around everything
RADIUS = 4  # of a corner
BEND = 14  # of an edge that turns
BESIDE = 6  # between edges that go the same way


@frozen
class Theme:
    """Colours.  What is drawn thin, or filled, is the same ink, paler."""

    ink: str
    mark: str  # what the last step was about
    lost: str  # what has gone wrong


PAPER = Theme("#222222", "#0072b2", "#c0392b")
INLINE = Theme("currentColor", "#2f8fd0", "#e0503c")  # legible on white and on black


@define
class Layout:
    """Where things are drawn; filled from left to right, then edges are drawn."""

    drawing: Drawing
    theme: Theme
    left: dict[str, tuple[float, float]] = field(factory=dict)  # of boxes, and entries
    right: dict[str, tuple[float, float]] = field(factory=dict)
    passage: float = 0.0  # below all anon_vmas, and the edges that go past them


def draw_graph(drawing: Drawing, graph: Graph, theme: Theme) -> float:
    """Draw below what is there; the width that it takes, without an edge."""
    layout = Layout(drawing, theme)
    top = drawing.y
    spaces = widest([text for space in graph.spaces for text in texts_of(space)])
    middle = widest([text for node in graph.anon_vmas for text in node.lines])
    last = widest([text for node in graph.pages for text in node.lines])
    second = EDGE + spaces + 2 * PAD + AISLE
    third = second + middle + AISLE
    bottoms = [
        draw_spaces(layout, graph.spaces, top, spaces),
        draw_nodes(layout, graph.anon_vmas, second, top + LINE, middle),
        draw_nodes(layout, graph.pages, third, top + LINE, last),
    ]
    layout.passage = bottoms[1] - GAP if graph.anon_vmas else 0.0
    draw_edges(layout, graph)
    drawing.y = max(*bottoms, layout.passage + GAP)
    return third + last - EDGE


def texts_of(space: Space) -> list[str]:
    found = [space.title]
    for vma in space.vmas:
        found += [*vma.lines, *(f"  {entry.text}" for entry in vma.entries)]
    return found


def widest(texts: Sequence[str]) -> float:
    """Of boxes with these lines in them."""
    return max(map(len, texts), default=0) * LETTER + 2 * PAD if texts else 0.0


# Boxes.


def draw_spaces(
    layout: Layout, spaces: Sequence[Space], top: float, width: float
) -> float:
    """Each address space around its VMAs; the y below the last."""
    y = top
    for space in spaces:
        inner = sum(height_of(vma) + GAP for vma in space.vmas)
        height = LINE + PAD + inner
        box(layout, EDGE, y, width + 2 * PAD, height, dashed=True)
        line(layout, space.title, EDGE + PAD, y + LINE, weight="bold")
        at = y + LINE + PAD
        for vma in space.vmas:
            draw_vma(layout, vma, EDGE + PAD, at, width)
            at += height_of(vma) + GAP
        y += height + GAP
    return y


def height_of(vma: VmaNode) -> float:
    return (len(vma.lines) + len(vma.entries)) * LINE + PAD


def draw_vma(layout: Layout, vma: VmaNode, x: float, y: float, width: float) -> None:
    box(layout, x, y, width, height_of(vma))
    layout.right[vma.key] = x + width, y + LINE
    at = y
    for number, text in enumerate(vma.lines):
        at += LINE
        line(layout, text, x + PAD, at, weight=None if number else "bold")
    for entry in vma.entries:
        at += LINE
        color = layout.theme.lost if entry.is_lost else None
        line(layout, f"  {entry.text}", x + PAD, at, color)
        layout.right[entry.key] = x + width, at - FONT / 3


def draw_nodes(
    layout: Layout, nodes: Sequence[Node], x: float, top: float, width: float
) -> float:
    y = top
    for node in nodes:
        height = len(node.lines) * LINE + PAD
        box(layout, x, y, width, height)
        layout.left[node.key] = x, y + height / 2
        layout.right[node.key] = x + width, y + height / 2
        for number, text in enumerate(node.lines, start=1):
            weight = "bold" if number == 1 else None
            line(layout, text, x + PAD, y + number * LINE, weight=weight)
        y += height + GAP
    return y


def box(
    layout: Layout,
    x: float,
    y: float,
    width: float,
    height: float,
    dashed: bool = False,
) -> None:
    layout.drawing.add(
        "rect",
        x=x,
        y=y,
        width=width,
        height=height,
        rx=RADIUS,
        fill=layout.theme.ink,
        fill_opacity=0.0 if dashed else 0.1,
        stroke=layout.theme.ink,
        stroke_opacity=0.5,
        stroke_dasharray="4 3" if dashed else None,
    )


def line(
    layout: Layout,
    text: str,
    x: float,
    y: float,
    color: str | None = None,
    weight: str | None = None,
) -> None:
    layout.drawing.add(
        "text",
        text.strip(),
        x=x + (len(text) - len(text.lstrip())) * LETTER,
        y=y,
        fill=color or layout.theme.ink,
        font_weight=weight,
        font_size=FONT,
    )


# Edges.


def draw_edges(layout: Layout, graph: Graph) -> None:
    theme = layout.theme
    for space in graph.spaces:
        for vma in space.vmas:
            for anon_vma in vma.anon_vmas:
                curve(layout, vma.key, anon_vma, theme.ink)
            for entry in vma.entries:
                if entry.page is not None:
                    color = theme.lost if entry.is_lost else theme.mark
                    dashes = "5 4" if entry.is_migration else None
                    past(layout, entry.key, entry.page, color, dashes)
    for page in graph.pages:
        if page.to is not None:
            back(layout, page.key, page.to)


def curve(
    layout: Layout, source: str, target: str, color: str, dashes: str | None = None
) -> None:
    """From the right side of one to the left side of the other."""
    (x1, y1), (x2, y2) = layout.right[source], layout.left[target]
    bend = AISLE / 2
    path = f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} "
    stroke(layout, f"{path}{x2:.1f} {y2:.1f}", color, dashes)
    arrow(layout, x2, y2, -1, color)


def past(
    layout: Layout, source: str, target: str, color: str, dashes: str | None
) -> None:
    """From an entry to its page; below the anon_vmas, if these are in the way."""
    (x1, y1), (x2, y2) = layout.right[source], layout.left[target]
    if min(y1, y2) > layout.passage:
        curve(layout, source, target, color, dashes)
        return
    layout.passage += BESIDE
    y = layout.passage
    near, far = x1 + AISLE / 2, x2 - AISLE / 3
    path = f"M{x1:.1f} {y1:.1f}Q{near:.1f} {y1:.1f} {near:.1f} {(y1 + y) / 2:.1f}"
    path += f"Q{near:.1f} {y:.1f} {near + BEND:.1f} {y:.1f}H{far - BEND:.1f}"
    path += f"Q{far:.1f} {y:.1f} {far:.1f} {(y + y2) / 2:.1f}"
    stroke(layout, f"{path}Q{far:.1f} {y2:.1f} {x2:.1f} {y2:.1f}", color, dashes)
    arrow(layout, x2, y2, -1, color)


def back(layout: Layout, page: str, anon_vma: str) -> None:
    """From the left side of a page to the right side of its anon_vma."""
    (x1, y1), (x2, y2) = layout.left[page], layout.right[anon_vma]
    bend = AISLE / 2
    path = f"M{x1:.1f} {y1 + 5:.1f}C{x1 - bend:.1f} {y1 + 5:.1f} {x2 + bend:.1f} "
    stroke(layout, f"{path}{y2:.1f} {x2:.1f} {y2:.1f}", layout.theme.ink, "1 3")
    arrow(layout, x2, y2, 1, layout.theme.ink)


def stroke(layout: Layout, path: str, color: str, dashes: str | None) -> None:
    layout.drawing.add(
        "path",
        d=path,
        fill="none",
        stroke=color,
        stroke_width=1.5,
        stroke_dasharray=dashes,
    )


def arrow(layout: Layout, x: float, y: float, side: int, color: str) -> None:
    """A head whose point is at x, and which comes from that side."""
    points = f"{x:.1f},{y:.1f} {x + side * 8:.1f},{y - 4:.1f} {x + side * 8:.1f},"
    layout.drawing.add("polygon", points=f"{points}{y + 4:.1f}", fill=color)


def legend(theme: Theme) -> Mapping[str, tuple[str, str | None]]:
    """What the kinds of edges mean: a colour and dashes for each."""
    return {
        "a link of the chain": (theme.ink, None),
        "an entry": (theme.mark, None),
        "a migration entry": (theme.mark, "5 4"),
        "one that is left behind": (theme.lost, "5 4"),
        "the page's mapping": (theme.ink, "1 3"),
    }
