"""One line of tabs, for what has no room beside one another."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from ..messages import TabChosen

TABS = ("code", "memory", "log")


class TabLine(Static):
    """The open tab has brackets around it."""

    DEFAULT_CSS = """
    TabLine { height: 1; padding: 0 1; }
    """

    def __init__(self, names: Sequence[str] = TABS) -> None:
        super().__init__()
        self.names, self.tab = names, names[0]

    def choose(self, tab: str) -> None:
        self.tab = tab
        parts = [
            Content.styled(
                f"[{name}]" if name == tab else f" {name} ", style(name, tab)
            )
            for name in self.names
        ]
        self.update(Content("  ").join(parts))

    def on_click(self, event: object) -> None:
        column = getattr(event, "x", 0) - 1
        start = 0
        for name in self.names:
            if start <= column < start + len(name) + 2:
                self.post_message(TabChosen(name))
            start += len(name) + 4


def style(name: str, tab: str) -> str:
    return "bold" if name == tab else "$foreground 65%"
