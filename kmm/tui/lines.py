"""A line of text for a pane, and how long ones are broken.

Made by `session`, `tables` and `logbook`, and drawn by the panes of `widgets/`.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

CURRENT = ">"  # the line that a thread runs next
CHANGED = "*"  # what the last step did, or changed
FATAL = "!"  # where it went wrong


@frozen
class Line:
    """One line of a pane.

    `mark` is shown before it: nothing is said by colour alone.
    """

    text: str
    mark: str = " "
    look: str = ""  # "", "title", "dim" or "loud"
    hang: int = 0  # by how much a broken line goes on further right


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
