"""Text whose columns matter, which shows itself as it is."""

from __future__ import annotations

from . import html


class Text(str):
    """A str; in a notebook it stands under its caption, in letters of one width."""

    __slots__ = ("caption",)

    caption: str

    def __new__(cls, caption: str, words: str) -> Text:
        made = super().__new__(cls, words)
        made.caption = caption
        return made

    def __repr__(self) -> str:
        return f"<kmm text: {self.caption}, {len(self.splitlines())} lines>"

    def _repr_html_(self) -> str:
        return html.whole(html.text(self.caption, "p"), html.pre(self))
