"""A Markdown table as columns of text, whose cells are broken where they must be."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest

GAP = 2  # columns between two cells
NARROWEST = 8  # columns of a cell, before another one is made narrower


def table_lines(paragraph: str, width: int) -> list[str]:
    """The rows below each other; the first one is the heading, with a rule below."""
    head, _, *body = [cells(line) for line in paragraph.splitlines()]
    widths = fitted([head, *body], width)
    rule = "-" * (sum(widths) + GAP * (len(widths) - 1))
    lines = [*row_lines(head, widths), rule]
    for row in body:
        lines += row_lines(row, widths)
    return lines


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def fitted(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """How wide each column is; the widest give way until all fit."""
    widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    room = width - GAP * (len(widths) - 1)
    while sum(widths) > room and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def row_lines(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    broken = [
        textwrap.wrap(cell, width, break_on_hyphens=False) or [""]
        for cell, width in zip(row, widths, strict=False)
    ]
    for parts in zip_longest(*broken, fillvalue=""):
        padded = (f"{part:{width}}" for part, width in zip(parts, widths, strict=False))
        yield (" " * GAP).join(padded).rstrip()
