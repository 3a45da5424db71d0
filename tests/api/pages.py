"""What a browser would make of a piece of HTML, as far as tests ask."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from attrs import define, field

ALONE = ("br", "hr", "img")
# What would fetch, run or style something outside of the piece.
REFUSED = ("script", "link", "style", "iframe", "img", "object", "a")


@define
class Page(HTMLParser):
    """Reads a piece of HTML; raises AssertionError if tags do not pair."""

    open_tags: list[str] = field(factory=list)
    tags: list[str] = field(factory=list)
    texts: list[str] = field(factory=list)
    styles: list[str] = field(factory=list)
    rows: list[list[str]] = field(factory=list)  # of tables: the text of each cell

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open_tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        for name, value in attrs:
            assert not name.startswith("on"), name
            assert name not in ("href", "src"), name
            if name in ("style", "fill", "stroke"):
                self.styles.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open_tags.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open_tags.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if {"td", "th"} & {*self.open_tags}:
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return "".join(self.texts)


def page(thing: object) -> Page:
    """What a thing shows of itself, which must be fit for any page."""
    assert hasattr(thing, "_repr_html_")
    read = Page()
    read.feed(thing._repr_html_())
    read.close()
    assert read.open_tags == []
    assert not {*read.tags} & {*REFUSED}
    assert all(is_legible(style) for style in read.styles), read.styles
    return read


def is_legible(style: str) -> bool:
    """Whether it leaves black and white to the page around it."""
    plain = re.search(r"#(?:000|fff|222222|ffffff)\b|\b(?:black|white)\b(?!-)", style)
    return plain is None
