"""Pieces of HTML, as a notebook shows them.

All text is escaped.  Colours are the page's own, or legible on white and on black; no
colour says what words do not.  Styles stand in the elements, so nothing outside of them
changes, and nothing is asked for from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

LINE = "rgba(128,128,128,.45)"
RED, GREEN, BLUE = "#e0503c", "#2f9e5f", "#2f8fd0"
TONES = {"bug": RED, "proved": GREEN, "survived": BLUE}

MONO = "font-family:ui-monospace,Menlo,Consolas,monospace"
CELL = f"border:1px solid {LINE};padding:2px 8px;text-align:left;vertical-align:top"


def element(tag: str, *inside: str, style: str = "") -> str:
    """An element around what is HTML already."""
    styled = f' style="{style}"' if style else ""
    return f"<{tag}{styled}>{''.join(inside)}</{tag}>"


def text(words: object, tag: str = "span", style: str = "") -> str:
    return element(tag, escape(str(words)), style=style)


def pre(words: str) -> str:
    """Text whose columns matter."""
    style = f"{MONO};line-height:1.35;margin:1em 0;overflow-x:auto;white-space:pre"
    return text(words, "pre", style)


def bold(words: str, color: str = "inherit") -> str:
    return text(words, "strong", f"color:{color}")


def verdict(word: str) -> str:
    return bold(word, TONES.get(word, "inherit"))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], mono: bool = True
) -> str:
    """A table of cells that are HTML already; `mono` if they are of one width."""
    head = element("tr", *(text(name, "th", CELL) for name in columns))
    body = [element("tr", *(element("td", c, style=CELL) for c in row)) for row in rows]
    style = f"border-collapse:collapse;color:inherit;{MONO};font-size:90%"
    return element(
        "table",
        element("thead", head),
        element("tbody", *body),
        style=style,
    )


def whole(*parts: str) -> str:
    return element("div", *parts, style="color:inherit;background:transparent")
