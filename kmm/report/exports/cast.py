"""A run as an asciinema recording: the drawing, as it grows step by step.

https://docs.asciinema.org/manual/asciicast/v2/.  The last line on the screen says what
each step does; a step that matters stays, and is looked at for longer.  Times come from
the steps alone, so the same run makes the same bytes.

    asciinema play race.cast
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from attrs import define, field

from ...sim.recording import Step
from ..interleaving import Drawing, drawing_of
from ..oops import oops
from ..words import describe, function
from .run import ExportedRun

WIDTH, LEAST_HEIGHT = 80, 24
# Seconds.
OPENING, STEP, MATTERS, ENDING = 2.0, 0.1, 1.0, 3.0

AGAIN = "\r\x1b[K"  # the line from its start, and nothing on it
BOLD, DIM, RED, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[m"


@define
class Tape:
    """Output, each piece at its time."""

    now: float = 0.0
    lines: list[str] = field(factory=list)

    def put(self, text: str, then: float) -> None:
        """Print, and leave it there for some time."""
        self.lines.append(json.dumps([round(self.now, 3), "o", text]))
        self.now += then


def cast_lines(run: ExportedRun) -> str:
    drawing = drawing_of(run.recording, WIDTH)
    console = oops(run.recording, run.played.kernel.name).splitlines()
    tape = Tape()
    tape.put(ended([f"{BOLD}{run.title}{PLAIN}", "", *drawing.head]), OPENING)
    play(run, drawing, tape)
    tape.put(AGAIN + ended([*failure_lines(drawing), *drawing.legend]), ENDING)
    if console:
        tape.put(ended(["", *console]), ENDING)
    tape.put("", 0.0)  # so that a player shows the end for its time
    height = max(LEAST_HEIGHT, len(drawing.lines) + len(console) + 5)
    return "\n".join([header(run, height), *tape.lines]) + "\n"


def header(run: ExportedRun, height: int) -> str:
    return json.dumps(
        {
            "version": 2,
            "width": WIDTH,
            "height": height,
            "title": f"kmm: {run.title}",
            "env": {"TERM": "xterm-256color"},
        }
    )


def play(run: ExportedRun, drawing: Drawing, tape: Tape) -> None:
    """Every step on the last line; those of the drawing stay above it."""
    rows: dict[int | None, list[str]] = {}
    for number, text in drawing.body:
        rows.setdefault(number, []).append(text)
    for step in run.recording.steps:
        tape.put(AGAIN + f"{DIM}{status(run, step)}{PLAIN}", STEP)
        drawn = rows.get(step.number + 1)
        if drawn:
            tape.put(AGAIN + ended(drawn), MATTERS)


def status(run: ExportedRun, step: Step) -> str:
    """A step on one line, cut to fit."""
    cpu = run.recording.threads[step.thread].cpu
    text = f"{step.number + 1:4} CPU {cpu}  {function(step)}: "
    text += describe(step, run.names)
    return text if len(text) < WIDTH else f"{text[: WIDTH - 4]}..."


def failure_lines(drawing: Drawing) -> Iterator[str]:
    for number, text in drawing.body:
        if number is None:
            yield f"{RED}{text}{PLAIN}"


def ended(lines: list[str]) -> str:
    """Lines as a terminal wants them."""
    return "".join(f"{line}\r\n" for line in lines)
