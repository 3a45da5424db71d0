"""How a run of the recipe is getting on, on standard error.

On a terminal it is a block of lines that is drawn over; elsewhere, a line now and then.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType

from ..mm.vmstat import free_blocks_by_order
from ..workloads.stress import Recipe
from ..workloads.userland import System
from .output import on_terminal

REDRAW = 0.25  # seconds between two drawings
NOW_AND_THEN = 10.0  # seconds between two lines, where nothing can be drawn over
WIDTH = 79


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

    def update(self, system: System) -> None:
        now = time.perf_counter()
        if not self.shown or now < self.next:
            return
        self.next = now + self.every
        if self.drawn_over:
            self.draw(lines_of(system, self.recipe, self.duration, now - self.started))
        else:
            line = one_line(system, self.duration, now - self.started)
            print(f"kmm: {line}", file=sys.stderr, flush=True)

    def draw(self, lines: list[str]) -> None:
        self.erase()
        sys.stderr.write("".join(f"{line[:WIDTH]}\n" for line in lines))
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


def one_line(system: System, duration: float, wall: float) -> str:
    events = system.k.vm_events
    return (
        f"stress: {system.table.seconds(system.now):.3f} of {duration:g} s, "
        f"{events['pgfault']:,} faults, {events['pgmigrate_success']:,} migrations, "
        f"{wall:.0f} s"
    )


def lines_of(system: System, recipe: Recipe, duration: float, wall: float) -> list[str]:
    """At most 24 lines of 79 columns."""
    k, machine = system.k, system.machine
    seconds = system.table.seconds(system.now)
    share = min(1.0, seconds / duration)
    speed = wall / seconds if seconds else 0.0
    lines = [
        f"kmm stress   kernel {recipe.spec.text}   seed {recipe.seed}",
        f"virtual {seconds:9.4f} of {duration:g} s  {bar(share, 20)}  "
        f"wall {wall:6.1f} s  {speed:.0f} : 1",
        f"{machine.steps:,} steps, {len(k.mms):,} address spaces, "
        f"{sum(rq.load for rq in machine.rqs)} threads that want a CPU",
        "",
        *columns(numbers(system)),
        "",
        "free blocks by order   " + "".join(f"{n:>5}" for n in range(11)),
    ]
    for zone in k.zones[:4]:
        free = free_blocks_by_order(zone)
        cells = "".join(f"{number:>5}" for number in free)
        lines.append(f"  node {zone.node} {zone.name:<8}      {cells}")
    used, slots = k.swap.inuse_pages, max(1, k.config.swap_slots)
    lines += ["", f"swap {bar(used / slots, 20)} {used:,} of {slots:,} slots in use"]
    for rq in machine.rqs[:4]:
        name = rq.current.thread.name if rq.current else "idle"
        lines.append(f"  CPU {rq.number}: {name}")
    return lines


def numbers(system: System) -> dict[str, int]:
    events, counts = system.k.vm_events, system.counts
    return {
        "faults": events["pgfault"],
        "migrations": events["pgmigrate_success"],
        "swapped in": events["pswpin"],
        "swapped out": events["pswpout"],
        **dict(sorted(counts.items())),
    }


def columns(values: dict[str, int]) -> list[str]:
    """Two numbers a line."""
    cells = [f"{name:<22}{number:>14,}" for name, number in values.items()]
    return ["   ".join(cells[start : start + 2]) for start in range(0, len(cells), 2)]


def bar(share: float, width: int) -> str:
    full = round(min(1.0, max(0.0, share)) * width)
    return f"[{'#' * full}{'.' * (width - full)}]"
