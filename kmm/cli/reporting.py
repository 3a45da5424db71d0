"""What becomes of a run or a search: its report, and an exit code."""

from __future__ import annotations

import json
import sys
from argparse import Namespace

from ..report.exports import EXPORTS, ExportError, export
from ..report.outcome import answer, as_json, as_text
from ..scenarios.play import Played
from .exits import FAILED, INTERRUPTED, OK, Usage, complain
from .output import USUAL, deliver, on_terminal, text_width

# The formats that show one moment of a run.
OF_MOMENT = tuple(name for name, form in EXPORTS.items() if form.of_moment)


def report(options: Namespace, played: Played, seconds: float) -> int:
    if options.output and played.stopped == "interrupt" and not played.recording:
        complain(f"{answer(played)}  {options.output!r} was not written.")
        return exit_code(played)
    if options.export and not played.recording:
        complain(f"{answer(played)}  There is no run to export; try `kmm run`.")
        return exit_code(played)
    if options.export:
        deliver(in_format(options, played), options.output)
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


def in_format(options: Namespace, played: Played) -> str | bytes:
    """The run as --export and --moment say.  Raises Usage."""
    try:
        return export(options.export, played, options.moment)
    except ExportError as error:
        raise Usage(str(error)) from None


def check_export(options: Namespace) -> None:
    """Complain now, not after a long search, of what cannot be exported."""
    name, moment = options.export, options.moment
    if moment is not None and (name is None or not EXPORTS[name].of_moment):
        raise Usage(f"--moment is for --export {', '.join(OF_MOMENT)}")
    if name is not None:
        try:
            EXPORTS[name].check()
        except ExportError as error:
            raise Usage(str(error)) from None


def exit_code(played: Played) -> int:
    if played.stopped == "interrupt":
        return INTERRUPTED
    return FAILED if played.verdict == "bug" else OK
