"""A run from the top down, with a lane for each CPU and only the steps that matter.

A line has the number of the step, the lane in which it was taken, the function, what
that did, the locks held that matter, and the place in the source:

      57 | 1 store_bounds: vma#1.vm_start ..e000 -> ..8000  [mmap_sem] vma.py:316

What has been said shorter is explained below the drawing.  Which steps matter, and
which locks, `causes` says.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter

from attrs import evolve, frozen

from ..sim.failure import Failure
from ..sim.recording import Recording
from ..sim.thread import Place
from .causes import Cause, causes, held_at_the_end, waiting_at_the_end
from .words import Names, describe, place

ADDRESS = re.compile(r"0x[0-9a-f]{12,}")
FEWEST_DIGITS = 4  # of an address that is cut
MOST_DIGITS = 6
SHORTER = (
    (re.compile(r"migration entry \(page (\w+)\)"), r"migration(\1)"),
    (re.compile(r"PG_locked of page (\w+)"), r"PG_locked(\1)"),
    (re.compile(r"tries to take (.+): busy"), r"finds \1 busy"),
    (re.compile(r"(#\d+)\.lock\b"), r"\1"),
)
# What the reader must be told of them: of these the first that is there.
LONGER = (
    (re.compile(r"migration\((\w+)\)"), r"\g<0>: migration entry for page \1"),
    (re.compile(r"PG_locked\((\w+)\)"), r"\g<0>: lock of page \1"),
)
PTL = "page_table_lock"
RIGHT = "[locks] place"
IDLE = "|"  # a lane in which nothing happens on this line
INDENT = 2  # spaces before the rest of what does not fit on one line


@frozen
class Row:
    """What stands on a line, or on two if it does not fit."""

    number: str  # of the step, from 1
    lane: int | None  # None: in nobody's
    function: str
    what: str
    locks: tuple[str, ...] = ()
    where: str = ""

    @property
    def left(self) -> str:
        return f"{self.function}: {self.what}" if self.function else self.what

    @property
    def held(self) -> str:
        return f"[{' '.join(self.locks) or '-'}]" if self.function else ""

    @property
    def right(self) -> str:
        return f"{self.held} {self.where}".strip()


@frozen
class Drawing:
    """Who is in which lane, the lines, and what the reader must be told."""

    head: tuple[str, ...]
    body: tuple[tuple[int | None, str], ...]  # each line with its step, from 1
    legend: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        return [*self.head, *(text for _, text in self.body), *self.legend]


def lanes(recording: Recording, width: int = 80, *, every: bool = False) -> list[str]:
    """The lines of the drawing.  An interrupt is drawn in the lane of its CPU.

    With `every`, that of all steps.
    """
    return drawing_of(recording, width, every=every).lines


def drawing_of(recording: Recording, width: int, *, every: bool = False) -> Drawing:
    rows = [*rows_of_steps(recording, every=every), *rows_of_failure(recording)]
    short = Shortened(rows)
    rows = [short.row(row) for row in rows]
    gutter = Gutter(recording, max((len(row.number) for row in rows), default=0))
    space = width - gutter.width
    body = in_columns(rows, space) or [
        line for row in rows for line in in_lines(row, space)
    ]
    drawn = [
        (int(row.number) if row.number else None, gutter.before(row, first) + text)
        for row, first, text in body
    ]
    edge = max((len(line) for _, line in drawn), default=width)
    head, legend = gutter.head(width, edge), short.legend(width)
    return Drawing(tuple(head), tuple(drawn), tuple(legend))


# The rows.


def rows_of_steps(recording: Recording, *, every: bool) -> list[Row]:
    names = Names(recording)
    found = causes(recording, every=every)
    return [row_of(recording, cause, names) for cause in found]


def row_of(recording: Recording, cause: Cause, names: Names) -> Row:
    step = cause.step
    return Row(
        str(step.number + 1),
        recording.column_of(step.thread),
        cause.function,
        describe(step, names),
        cause.matter,
        short_place(cause.place),
    )


def rows_of_failure(recording: Recording) -> list[Row]:
    """How the run ended: in a deadlock, who waits for what and whom."""
    failure = recording.failure
    if failure is None:
        return []
    if failure.kind == "deadlock":
        return [
            row_of_waiter(recording, thread) for thread in waiting_at_the_end(recording)
        ]
    lane = None if failure.thread is None else lane_of(recording, failure)
    return [Row("", lane, "", failure.message)]


def lane_of(recording: Recording, failure: Failure) -> int:
    names = [thread.name for thread in recording.threads]
    assert failure.thread is not None
    return recording.column_of(names.index(failure.thread))


def row_of_waiter(recording: Recording, thread: int) -> Row:
    last = recording.moments[-1]
    lock = waiting_at_the_end(recording)[thread]
    holders = [
        info.name
        for info, held in zip(recording.threads, last.held, strict=True)
        if lock in held
    ]
    by = f", held by {', '.join(holders)}" if holders else ""
    where = place(last.standing[thread])
    return Row(
        "",
        recording.column_of(thread),
        where.function if where else "?",
        f"waits for {lock}{by}",
        held_at_the_end(recording, thread),
        short_place(where),
    )


def short_place(where: Place | None) -> str:
    return f"{where.file.rpartition('/')[2]}:{where.line}" if where else ""


# What is said shorter, and how the reader learns of it.


class Shortened:
    """Addresses by their last digits, and locks by as little as tells them apart."""

    def __init__(self, rows: list[Row]) -> None:
        steps = [row for row in rows if row.function]  # a failure's words are its own
        self.addresses = sorted({a for row in steps for a in ADDRESS.findall(row.what)})
        self.digits = enough_digits(self.addresses)
        locks = {lock for row in steps for lock in row.locks}
        self.same_field = Counter(lock.rpartition(".")[2] for lock in locks)
        self.texts: list[str] = []

    def row(self, row: Row) -> Row:
        if not row.function:
            return row
        what, locks = self.text(row.what), tuple(self.lock(name) for name in row.locks)
        self.texts += [what, *locks]
        return evolve(row, what=what, locks=locks)

    def text(self, text: str) -> str:
        for pattern, shorter in SHORTER:
            text = pattern.sub(shorter, text)
        return ADDRESS.sub(lambda found: self.address(found[0]), text)

    def address(self, whole: str) -> str:
        return f"..{whole[-self.digits :]}"

    def lock(self, name: str) -> str:
        thing, _, field = self.text(name).rpartition(".")
        short = "ptl" if field == PTL else field
        return f"{thing}.{short}" if thing and self.same_field[field] > 1 else short

    def legend(self, width: int) -> list[str]:
        """What a reader has to be told."""
        words = []
        if any(text.endswith("ptl") for text in self.texts):
            words.append(f"ptl: {PTL}")
        for pattern, longer in LONGER:
            found = [match for text in self.texts if (match := pattern.search(text))]
            if found:
                words.append(found[0].expand(longer))
                break
        alike = len(beginnings(self.addresses, self.digits)) == 1
        explained = self.addresses[:1] if alike else self.addresses
        words += [f"{self.address(whole)}: {whole}" for whole in explained]
        words.append("[locks] held: those that others take too, or the last")
        return packed([*(f"{word};" for word in words[:-1]), f"{words[-1]}."], width)


def packed(phrases: list[str], width: int) -> list[str]:
    """Phrases on as few lines as can be, each unbroken if it fits on one."""
    lines: list[str] = []
    for phrase in phrases:
        if lines and len(lines[-1]) + 1 + len(phrase) <= width:
            lines[-1] += f" {phrase}"
        else:
            lines += textwrap.wrap(phrase, width, break_on_hyphens=False)
    return lines


def enough_digits(addresses: list[str]) -> int:
    """How many of the last digits tell the addresses apart.

    The rest is the same for all, unless they would have to be long for that.
    """
    for digits in range(FEWEST_DIGITS, MOST_DIGITS + 1):
        if len(beginnings(addresses, digits)) == 1:
            return digits
    digits = FEWEST_DIGITS
    while len({address[-digits:] for address in addresses}) < len(addresses):
        digits += 1
    return digits


def beginnings(addresses: list[str], digits: int) -> set[str]:
    """What so many digits leave out of the addresses."""
    return {address[:-digits] for address in addresses}


# The lines.


class Gutter:
    """What stands left of the text: the number of the step, and the lanes."""

    def __init__(self, recording: Recording, digits: int) -> None:
        threads = [recording.threads[index] for index in recording.columns]
        self.names = [f"CPU {thread.cpu}: {thread.name}" for thread in threads]
        self.marks = [str(thread.cpu) for thread in threads]
        self.digits = max(digits, len("step"))
        self.width = self.digits + 1 + sum(len(mark) + 1 for mark in self.marks)

    def head(self, width: int, edge: int) -> list[str]:
        """Who is in which lane, and what stands at the right edge of the drawing."""
        lines = textwrap.wrap(f"{'step':>{self.digits}} {'  '.join(self.names)}", width)
        space = edge - len(lines[-1])
        if space > len(RIGHT):
            lines[-1] += f"{RIGHT:>{space}}"
        return lines

    def before(self, row: Row, first: bool) -> str:
        number = row.number if first else ""
        lane = row.lane if first else None
        cells = (self.cell(n, lane) for n in range(len(self.marks)))
        return f"{number:>{self.digits}} {''.join(cells)}"

    def cell(self, lane: int, active: int | None) -> str:
        mark = self.marks[lane]
        return f"{mark if lane == active else IDLE:{len(mark)}} "


Line = tuple[Row, bool, str]  # whether it is the row's first line, and its text


def in_columns(rows: list[Row], space: int) -> list[Line]:
    """One line a row, everything in columns; [] if that is too wide."""
    steps = [row for row in rows if row.function]
    function = max((len(row.function) for row in steps), default=0)
    what = max((len(row.what) for row in steps), default=0)
    locks = max((len(row.held) for row in steps), default=0)
    lines = []
    for row in rows:
        text = f"{row.function:{function}}  {row.what:{what}}  {row.held:{locks}}"
        text = f"{text}  {row.where}" if row.function else row.what
        lines.append((row, True, text.rstrip()))
    return lines if all(len(text) <= space for _, _, text in lines) else []


def in_lines(row: Row, space: int) -> list[Line]:
    """The locks and the place at the right edge, below the rest if it is too long."""
    left = textwrap.wrap(
        row.left, space, subsequent_indent=" " * INDENT, break_on_hyphens=False
    )
    if len(left[-1]) + 1 + len(row.right) > space:
        left.append("")
    left[-1] = f"{left[-1]}{row.right:>{space - len(left[-1])}}".rstrip()
    return [(row, number == 0, text) for number, text in enumerate(left)]
