"""`kmm replay`: a run again, from its schedule or from what kmm wrote of it."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from attrs import evolve

from ..report.steps import step_lines
from ..scenarios import ScheduleToken, play
from ..scenarios.play import Played
from ..sim.schedule import ScheduleError
from ..sim.trap import operation_text
from .exits import Usage
from .naming import race_named
from .output import check_output, deliver
from .reporting import check_export, exit_code, report

# Longer than any file with a schedule in it, and short enough to read at once.
MOST_TEXT = 10_000_000  # characters


def replay_command(options: Namespace) -> int:
    check_output(options.output)
    check_export(options)
    played = replayed(options.schedule, checked=options.check)
    if options.step and played.recording and not options.json:
        deliver("\n".join(step_lines(played.recording)) + "\n", options.output)
    else:
        return report(options, played, 0.0)
    return exit_code(played)


def replayed(schedule: str, *, checked: bool = False) -> Played:
    """The run of a schedule, or of a file with one.  Raises Usage."""
    text, operations = written_schedule(schedule)
    try:
        token = ScheduleToken.parse(text)
        race = evolve(race_named(token.race), checked=checked)
        return play.replay(race, token, operations)
    except ScheduleError as error:
        raise Usage(str(error)) from None


def written_schedule(argument: str) -> tuple[str, list[str] | None]:
    """The schedule itself: given as it is, or in what kmm wrote, as text or JSON.

    JSON has the operation of each step as well.
    """
    if argument.count("/") == 3 and not os.access(argument, os.F_OK):
        return argument, None
    try:
        path = Path("/dev/stdin" if argument == "-" else argument)
        with path.open(encoding="utf-8") as file:
            text = file.read(MOST_TEXT)
    except FileNotFoundError:
        raise Usage(
            f"{argument!r} is neither a file nor a schedule; a schedule looks like "
            f"race/kernel/14a22b/check, as `kmm hunt` prints it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"cannot read {argument!r}: {reason(error)}") from None
    if not text.lstrip().startswith(("{", "[")):
        return text.rpartition("kmm replay ")[2], None
    try:
        written = json.loads(text)
        schedule = written["schedule"]
        operations = operations_in(written)
    except (ValueError, LookupError, TypeError, RecursionError):
        raise Usage(f"{argument!r} holds no schedule: it is not kmm's JSON") from None
    if not isinstance(schedule, str):
        raise Usage(f"{argument!r} holds no schedule: no run failed in it")
    return schedule, operations


def operations_in(written: dict[str, Any]) -> list[str] | None:
    """The operations in kmm's JSON; an exported recording has them step by step."""
    if isinstance(written.get("steps"), list):
        return [
            operation_text(step["kind"], step["object"]) for step in written["steps"]
        ]
    operations = written.get("operations")
    return None if operations is None else [str(one) for one in operations]


def reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return "it is not text"
