"""What becomes of a run or a search: its report, and an exit code."""

from __future__ import annotations

import json
import sys
from argparse import Namespace

from ..report.outcome import answer, as_json, as_text
from ..scenarios.play import Played
from .exits import FAILED, INTERRUPTED, OK, complain
from .output import USUAL, deliver, on_terminal, text_width


def report(options: Namespace, played: Played, seconds: float) -> int:
    if options.output and played.stopped == "interrupt" and not played.recording:
        complain(f"{answer(played)}  {options.output!r} was not written.")
        return exit_code(played)
    if options.json:
        found = as_json(
            played,
            kernel_name=getattr(options, "kernel", played.kernel.name).split(",")[0],
            seed=getattr(options, "seed", None) or 0,
            seconds=seconds,
        )
        text = json.dumps(found)
    else:
        width = USUAL if options.output else text_width()
        text = as_text(played, width, options.verbose, seconds)
    deliver(text + "\n", options.output)
    if options.output and on_terminal(sys.stderr) and not options.quiet:
        print(f"{answer(played)}  See {options.output}", file=sys.stderr)
    return exit_code(played)


def exit_code(played: Played) -> int:
    if played.stopped == "interrupt":
        return INTERRUPTED
    return FAILED if played.verdict == "bug" else OK
