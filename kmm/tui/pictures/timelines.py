"""The whole run: a lane a CPU, and below them one for each lock.

A click goes to the moment that is at that place.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from ...report.outline import Stretch
from ...sim.recording import Recording
from ..lines import CURRENT, FATAL, Line, Span
from .seen import Seen, dim, title

NAME = 22  # columns for what a lane is called
IDLE, WAITS, ENDED, SEVERAL = ".", "w", " ", "+"


def timelines(seen: Seen, width: int) -> list[Line]:
    recording, outline = seen.recording, seen.outline
    if not recording.steps:
        return [dim("No step has been taken yet.")]
    strip = Strip(len(recording.steps), max(width - NAME, 1), seen.at)
    cpus = sorted({thread.cpu for thread in recording.threads})
    return [
        dim(f"{'step ' + str(seen.at):{NAME}}{strip.pointer()}", 0),
        *(cpu_lane(seen, strip, cpu) for cpu in cpus),
        dim("|name= takes steps in it   . another CPU does   w waits", 0),
        title("Locks: the CPU that has it (+: several)"),
        *(lock_lane(seen, strip, lock) for lock in outline.locks),
        title("Who went on, and in what (a click goes there)"),
        *stretch_lines(seen),
    ]


@frozen
class Strip:
    """So many steps in so many columns."""

    steps: int
    room: int
    at: int

    @property
    def width(self) -> int:
        return min(self.room, self.steps)

    def first(self, cell: int) -> int:
        """The number of the first step that is drawn in a column."""
        return cell * self.steps // self.width

    def cell(self, step: int) -> int:
        """The column in which a step is drawn."""
        return ((step + 1) * self.width - 1) // self.steps

    @property
    def here(self) -> int:
        """The column of the step that led here."""
        return self.cell(max(self.at - 1, 0))

    def pointer(self) -> str:
        return " " * self.here + "v" if self.at else ""

    def spans(self) -> tuple[Span, ...]:
        """A click on a column goes to the moment after its last step."""
        return tuple(
            Span(
                NAME + cell,
                NAME + cell + 1,
                CURRENT if self.at and cell == self.here else "",
                self.first(cell + 1),
            )
            for cell in range(self.width)
        )


def cpu_lane(seen: Seen, strip: Strip, cpu: int) -> Line:
    """Functions where the CPU took the steps, dots where another did."""
    recording = seen.recording
    threads = recording.threads
    own = [n for n, t in enumerate(threads) if t.cpu == cpu and not t.daemon]
    cells = [idle(recording, own, strip.first(cell)) for cell in range(strip.width)]
    for stretch in seen.outline.stretches:
        if threads[stretch.thread].cpu == cpu:
            write(cells, strip, stretch)
    if recording.failure and threads[recording.steps[-1].thread].cpu == cpu:
        cells[-1] = FATAL
    name = " ".join([f"CPU {cpu}", *(threads[n].comm for n in own)])[: NAME - 1]
    return Line(f"{name:{NAME}}{''.join(cells)}", spans=strip.spans())


def idle(recording: Recording, threads: list[int], number: int) -> str:
    """What to draw for a CPU that takes no step then."""
    moment = recording.moments[number]
    if any(moment.blocked[n] for n in threads):
        return WAITS
    return ENDED if all(moment.about_to[n] is None for n in threads) else IDLE


def write(cells: list[str], strip: Strip, stretch: Stretch) -> None:
    """The name of a function in the columns of its steps, as much of it as fits."""
    first, last = strip.cell(stretch.first), strip.cell(stretch.last)
    room = last - first + 1
    text = f"|{stretch.function}".ljust(room, "=") if room > 2 else "|="
    cells[first : last + 1] = text[:room]


def lock_lane(seen: Seen, strip: Strip, lock: str) -> Line:
    """Column by column, the CPU that has a lock after a step of it."""
    cells = [IDLE] * strip.width
    for hold in seen.outline.holds:
        if hold.lock == lock:
            first, last = (max(moment - 1, 0) for moment in (hold.first, hold.last))
            for cell in range(strip.cell(first), strip.cell(last) + 1):
                free = cells[cell] in (IDLE, str(hold.cpu))
                cells[cell] = str(hold.cpu) if free else SEVERAL
    name = short(lock)
    return Line(f"{name:{NAME}}{''.join(cells)}", seen.mark(lock), spans=strip.spans())


def short(lock: str) -> str:
    """The name of a lock in the room that there is; its end tells it apart."""
    name = lock.replace("PG_locked of page ", "PG_locked ")
    return name if len(name) < NAME else f"..{name[3 - NAME :]}"


def stretch_lines(seen: Seen) -> Iterator[Line]:
    for stretch in seen.outline.stretches:
        info = seen.recording.threads[stretch.thread]
        is_here = stretch.first < seen.at <= stretch.last + 1
        steps = f"{stretch.first + 1} to {stretch.last + 1}"
        text = f"{steps:12} CPU {info.cpu} {info.comm}: {stretch.function}()"
        mark = CURRENT if is_here else " "
        look = "dim" if stretch.first >= seen.at else ""
        yield Line(text, mark, look, hang=13, goes=stretch.first + 1)
