"""What Python may ask of the page that it runs in.  worker.js has it."""

from __future__ import annotations

from typing import Protocol


class Page(Protocol):
    """Every call is a message, which nobody answers."""

    def draw(self, text: str) -> None:
        """To the terminal, as escape sequences."""

    def keep(self, name: str, text: str) -> None:
        """A file of the reader's, for next time."""

    def token(self, text: str) -> None:
        """What is shown, for the address; "" for the contents."""

    def copy(self, text: str) -> None:
        """To the clipboard."""
