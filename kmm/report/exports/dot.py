"""VMAs, anon_vmas and pages at the moment, for Graphviz.

https://graphviz.org/doc/info/lang.html.

    kmm replay SCHEDULE@47 --export dot | dot -Tsvg -o graph.svg
"""

from __future__ import annotations

from collections.abc import Iterator

from ..graph import Graph, Node, Space, VmaNode, graph_of
from .run import ExportedRun

LOST = 'color="#c0392b", fontcolor="#c0392b"'


def dot_graph(run: ExportedRun) -> str:
    """A graph with nothing in it, of a race that has no memory."""
    lines = [
        "digraph kmm {",
        f"  label={quoted(f'{run.title}, after {run.at} steps')};",
        '  rankdir=LR; fontname="monospace";',
        '  node [shape=box, fontname="monospace", fontsize=10];',
        '  edge [fontname="monospace", fontsize=9];',
    ]
    if run.state is not None:
        graph = graph_of(run.state)
        lines += [f"  {line}" for line in statements(graph)]
    return "\n".join([*lines, "}", ""])


def statements(graph: Graph) -> Iterator[str]:
    for number, space in enumerate(graph.spaces):
        yield from cluster(number, space)
    for node in graph.anon_vmas:
        yield stated(node, "ellipse")
    for node in graph.pages:
        yield stated(node, "box")
    for space in graph.spaces:
        for vma in space.vmas:
            yield from edges(vma)
    for node in graph.pages:
        if node.to is not None:
            attributes = 'label="mapping", style=dashed'
            yield f"{quoted(node.key)} -> {quoted(node.to)} [{attributes}];"


def cluster(number: int, space: Space) -> Iterator[str]:
    yield f"subgraph cluster_{number} {{"
    yield f"  label={quoted(space.title)};"
    for vma in space.vmas:
        text = "\n".join([*vma.lines, *(entry.text for entry in vma.entries)])
        yield f"  {quoted(vma.key)} [label={lines_left(text)}];"
    yield "}"


def stated(node: Node, shape: str) -> str:
    text = "\n".join(node.lines)
    return f"{quoted(node.key)} [label={lines_left(text)}, shape={shape}];"


def edges(vma: VmaNode) -> Iterator[str]:
    for anon_vma in vma.anon_vmas:
        yield f'{quoted(vma.key)} -> {quoted(anon_vma)} [label="chain"];'
    for entry in vma.entries:
        if entry.page is not None:
            what = "migration entry" if entry.is_migration else "entry"
            lost = f", {LOST}" if entry.is_lost else ""
            attributes = f"label={quoted(what)}{lost}"
            yield f"{quoted(vma.key)} -> {quoted(entry.page)} [{attributes}];"


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def lines_left(text: str) -> str:
    """A label of several lines, each at the left."""
    return quoted(text + "\n").replace("\n", "\\l")
