"""How a run of the recipe is getting on, on standard error.

On a terminal it is a block of lines that is drawn over; elsewhere, a line now and then.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from types import TracebackType

from ..report.gauges import bar, named_numbers
from ..workloads.gauges import Gauges, read_gauges
from ..workloads.stress import Recipe
from ..workloads.userland import System
from .output import on_terminal

REDRAW = 0.25  # seconds between two drawings
NOW_AND_THEN = 10.0  # seconds between two lines, where nothing can be drawn over
MOST = 4  # zones, and CPUs, that there is room for


class Dashboard:
    """Tells how far a run is, for as long as it is open."""

    def __init__(self, recipe: Recipe, duration: float, *, quiet: bool) -> None:
        self.recipe = recipe
        self.duration = duration  # seconds of virtual time
        self.shown = not quiet and sys.stderr is not None
        self.drawn_over = on_terminal(sys.stderr)
        self.started = time.perf_counter()
        self.every = REDRAW if self.drawn_over else NOW_AND_THEN
        self.next = self.started + self.every
        self.height = 0  # of what stands there

    def update(self, system: System) -> bool:
        now = time.perf_counter()
        if self.shown and now >= self.next:
            self.next = now + self.every
            self.show(read_gauges(system), now - self.started)
        return True

    def show(self, gauges: Gauges, wall: float) -> None:
        if self.drawn_over:
            width, height = shutil.get_terminal_size()
            self.draw(
                lines_of(gauges, self.recipe, self.duration, wall)[: height - 1],
                width - 1,
            )
        else:
            line = one_line(gauges, self.duration, wall)
            print(f"kmm: {line}", file=sys.stderr, flush=True)

    def draw(self, lines: list[str], width: int) -> None:
        """Cut, since what is broken or scrolled away could not be drawn over."""
        self.erase()
        sys.stderr.write("".join(f"{line[:width]}\n" for line in lines))
        sys.stderr.flush()
        self.height = len(lines)

    def erase(self) -> None:
        if self.height:
            # \r, since a terminal shows what is typed, and be it ^C.
            sys.stderr.write(f"\r\x1b[{self.height}A\x1b[J")
            self.height = 0

    def __enter__(self) -> Dashboard:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.height:
            self.erase()
            sys.stderr.flush()


def one_line(gauges: Gauges, duration: float, wall: float) -> str:
    return (
        f"stress: {gauges.seconds:.3f} of {duration:g} s, "
        f"{gauges.events['faults']:,} faults, "
        f"{gauges.events['migrations']:,} migrations, {wall:.0f} s"
    )


def lines_of(gauges: Gauges, recipe: Recipe, duration: float, wall: float) -> list[str]:
    """At most 23 lines of 79 columns."""
    share = min(1.0, gauges.seconds / duration)
    speed = wall / gauges.seconds if gauges.seconds else 0.0
    lines = [
        f"kmm stress   kernel {recipe.spec.text}   seed {recipe.seed}",
        f"virtual {gauges.seconds:9.4f} of {duration:g} s  {bar(share, 20)}  "
        f"wall {wall:6.1f} s  {speed:.0f} : 1",
        f"{gauges.steps:,} steps, {gauges.address_spaces:,} address spaces, "
        f"threads that want a CPU: {gauges.wanting}",
        f"processes: {named_numbers(gauges.processes)}",
        "",
        *columns({**gauges.events, **gauges.counts}),
        "",
        "free blocks by order   " + "".join(f"{n:>5}" for n in range(11)),
    ]
    for zone, free in list(gauges.free.items())[:MOST]:
        lines.append(f"  {zone:<20} " + "".join(f"{number:>5}" for number in free))
    used, slots = gauges.swap_used, gauges.swap_slots
    lines += [
        "",
        f"swap {bar(used / max(1, slots), 20)} {used:,} of {slots:,} slots in use",
    ]
    running = [f"  CPU {n}: {who}" for n, who in enumerate(gauges.running)]
    return lines + running[:MOST]


def columns(values: Mapping[str, int]) -> list[str]:
    """Two numbers a line."""
    cells = [f"{name:<22}{number:>14,}" for name, number in values.items()]
    return ["   ".join(cells[start : start + 2]) for start in range(0, len(cells), 2)]
