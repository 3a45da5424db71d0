"""Textual's way to a terminal that is in a page.

What Textual draws are escape sequences, which go to the page's terminal; what that one
says of keys and of the mouse are escape sequences too, and Textual reads them as it
reads any terminal's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import events
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.geometry import Size

if TYPE_CHECKING:
    from .app import PageApp

# The alternate screen, no cursor, every movement of the mouse, and pasted text marked.
BEGIN = "\x1b[?1049h\x1b[?25l\x1b[?1000h\x1b[?1003h\x1b[?1006h\x1b[?2004h"
ASK_FOR_WHOLE_FRAMES = "\x1b[?2026$p"  # whether it can draw a frame all at once
ESCAPE = "\x1b"


class PageDriver(Driver):
    """Draws on the page, and is told what the reader does."""

    _app: PageApp

    def __init__(self, app: PageApp, **options: Any) -> None:
        super().__init__(app, **options)
        self.parser = XTermParser()
        self.unsent: list[str] = []

    # Drawing.

    def write(self, data: str) -> None:
        if not self.unsent:
            self._loop.call_soon(self.flush)
        self.unsent.append(data)

    def flush(self) -> None:
        if self.unsent:
            text = "".join(self.unsent)
            self.unsent.clear()
            self._app.page.draw(text)

    def start_application_mode(self) -> None:
        self.write(BEGIN + ASK_FOR_WHOLE_FRAMES)
        assert self._size is not None
        self.hear_size(*self._size)

    def disable_input(self) -> None:
        """The page goes on telling; nobody listens when the app has ended."""

    def stop_application_mode(self) -> None:
        """The page covers the terminal."""
        self.flush()

    # What the reader does.

    def hear_keys(self, text: str) -> None:
        """What the terminal says: keys, the mouse, what was pasted.

        It never says part of a sequence, so an escape by itself is the key.
        """
        if text == ESCAPE:
            self.process_message(events.Key("escape", ESCAPE))
            return
        for event in self.parser.feed(text):
            self.process_message(event)

    def hear_size(self, columns: int, rows: int) -> None:
        self._size = (columns, rows)
        size = Size(columns, rows)
        self._app.post_message(events.Resize(size, size))
