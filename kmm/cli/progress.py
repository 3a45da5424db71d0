"""Progress of a search, on standard error if that is a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from types import TracebackType

from ..sim.estimate import Estimate, written
from ..sim.search import Coverage
from .output import on_terminal

REDRAW = 0.1  # seconds
DAY = 86_400.0  # seconds


def nobody_knows() -> None:
    """The usual `guess`, which is none: of how many there will be."""


def time_left(seconds: float) -> str:
    """So long that nobody waits for it is not said."""
    return f", {seconds:.0f} s left" if seconds < DAY else ""


class Meter:
    """Counts executions in one line that is drawn over, and keeps the time limit."""

    def __init__(
        self,
        what: str,
        seconds: float | None,
        *,
        quiet: bool,
        unit: str = "executions",
        rate: bool = True,
        guess: Callable[[], Estimate | None] = nobody_knows,
    ) -> None:
        self.what = what
        self.unit = unit
        self.rate = rate  # whether how many there are a second says anything
        self.guess = guess  # how many there will be
        self.started = time.perf_counter()
        self.deadline = self.started + seconds if seconds else None
        self.shown = not quiet and on_terminal(sys.stderr)
        self.next_draw = self.started + REDRAW
        self.drawn = False

    def start(self) -> None:
        """Show that nothing is done yet, where the first thing takes its time."""
        if self.shown:
            self.draw(0, 0.0)

    def update(self, coverage: Coverage) -> bool:
        """As `count`, for a search."""
        return self.count(coverage.executions)

    def count(self, done: int) -> bool:
        """Draw if it is time to; False once the time is up."""
        now = time.perf_counter()
        if self.shown and now >= self.next_draw:
            self.next_draw = now + REDRAW
            self.draw(done, now - self.started)
        return self.deadline is None or now < self.deadline

    def look_for_least(self) -> None:
        """Say that a run has failed, and that the least such run is looked for now."""
        if self.shown:
            least = "the run with the fewest switches"
            self.write(f"{self.what}: a run failed; looking for {least}")

    def draw(self, done: int, elapsed: float) -> None:
        rate = f", {done / elapsed:,.0f}/s" if self.rate else ""
        guess = self.guess()
        if guess is None:
            line = f"{self.what}: {done:,} {self.unit}{rate}, {elapsed:.0f} s"
        else:
            left = max(0.0, guess.runs - done) * elapsed / max(done, 1)
            line = (
                f"{self.what}: {done:,} of about {written(guess.runs)} {self.unit} "
                f"({written(guess.low)} to {written(guess.high)}){time_left(left)}"
            )
        self.write(line)

    def write(self, line: str) -> None:
        """Over what stands there; a line that does not fit would leave a row behind."""
        room = shutil.get_terminal_size().columns - 1
        if len(line) > room:
            line = line[: max(room - 3, 0)] + "..."
        sys.stderr.write(f"\r{line}\x1b[K")
        sys.stderr.flush()
        self.drawn = True

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
