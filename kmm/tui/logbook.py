"""The steps of a run as text: one column a CPU where there is room, else one in all.

Widths are in columns of the terminal.  Called by `widgets.log`.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from .lines import Line, break_line

LEAST_COLUMN = 34  # columns of text below which CPUs share one
NUMBER = 4  # columns for a step's number and a space
BETWEEN = 2  # columns between two CPUs
HANG = 2


@frozen
class LogEntry:
    """One step."""

    number: int  # 1 for the first
    column: int
    cpu: int
    text: str


def entry_lines(
    entry: LogEntry, threads: int, width: int, look: str = ""
) -> Iterator[Line]:
    """The lines of one step, of `threads` that have a column."""
    column = (width - NUMBER - BETWEEN * (threads - 1)) // threads
    if column < LEAST_COLUMN:
        text = f"{entry.number:{NUMBER - 1}} CPU {entry.cpu} {entry.text}"
        yield Line(text, look=look, hang=NUMBER + len("CPU 0 "))
        return
    left = " " * (entry.column * (column + BETWEEN))
    number = f"{entry.number:{NUMBER - 1}} "
    for start, end in break_line(entry.text, column, HANG):
        hang = "" if start == 0 else " " * HANG
        yield Line(f"{number}{left}{hang}{entry.text[start:end]}", look=look)
        number = " " * NUMBER


def has_columns(threads: int, width: int) -> bool:
    """Whether there is room for a column each."""
    return (width - NUMBER - BETWEEN * (threads - 1)) // threads >= LEAST_COLUMN
