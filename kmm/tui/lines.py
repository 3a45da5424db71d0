"""A line of text for a pane, and how long ones are broken.

Made by `session`, `tables`, `pictures` and `logbook`; the panes of `widgets/` draw it.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

CURRENT = ">"  # the line that a thread runs next
CHANGED = "*"  # what the last step did, or changed
FATAL = "!"  # where it went wrong


@frozen
class Span:
    """A part of a line that looks otherwise, or that a click on leads somewhere."""

    start: int
    end: int
    look: str = ""  # as of a line, or a mark, whose look it has
    goes: int | None = None  # to this moment


@frozen
class Line:
    """One line of a pane.

    `mark` is shown before it: nothing is said by colour alone.
    """

    text: str
    mark: str = " "
    look: str = ""  # "", "title", "dim" or "loud"
    hang: int = 0  # by how much a broken line goes on further right
    spans: tuple[Span, ...] = ()
    goes: int | None = None  # to this moment, with a click on any other part of it

    def goes_at(self, offset: int) -> int | None:
        """The moment that a click on the character at `offset` leads to."""
        found = (s.goes for s in self.spans if s.start <= offset < s.end)
        return next((moment for moment in found if moment is not None), self.goes)


def break_line(text: str, width: int, hang: int = 0) -> Iterator[tuple[int, int]]:
    """Where to break a line that is too long: the first and last offset of each part.

    Breaks at spaces where it can.  Parts after the first have `hang` columns less.
    """
    start = 0
    room = max(width, 1)
    while len(text) - start > room:
        end = text.rfind(" ", start + 1, start + room + 1)
        if end <= start or not text[start:end].strip():
            end = start + room
        yield start, end
        start = end
        while start < len(text) and text[start] == " ":
            start += 1
        room = max(width - hang, 1)
    yield start, len(text)
