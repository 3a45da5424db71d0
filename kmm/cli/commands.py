"""The commands: each asks the rooms below, prints the answer, returns an exit code."""

from __future__ import annotations

import json
import os
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..designs import KernelSpec, UnknownName, find_kernel
from ..report.difference import difference, difference_json, difference_text
from ..report.export import EXPORTS, step_lines
from ..report.listing import KINDS, listing_json, listing_text
from ..report.outcome import as_json, as_text
from ..scenarios import Race, ScheduleToken, find_race, play
from ..scenarios.play import Played
from ..sim.schedule import ScheduleError
from ..sim.strategies import (
    Enumeration,
    RandomWalk,
    RoundRobin,
    SourceDpor,
    Strategy,
)
from .main import FAILED, INTERRUPTED, OK, Usage
from .output import deliver, print_json, text_width
from .progress import Meter

# A hunt by chance has no end of its own.
RANDOM_BUDGET = 10_000


def list_command(options: Namespace) -> int:
    kinds = [options.kind] if options.kind else list(KINDS)
    if options.json:
        whole: dict[str, Any] = {}
        for kind in kinds:
            whole.update(listing_json(kind))
        print_json(whole)
    else:
        print(listing_text(kinds))
    return OK


def run_command(options: Namespace) -> int:
    race, kernel = chosen(options)
    started = time.perf_counter()
    played = play.run(race, kernel, strategy(options))
    return report(options, played, time.perf_counter() - started)


def hunt_command(options: Namespace) -> int:
    return search(options, announce="hunting")


def prove_command(options: Namespace) -> int:
    return search(options, announce="proving")


def search(options: Namespace, *, announce: str) -> int:
    """Hunt and prove: the same search, with other defaults."""
    race, kernel = chosen(options)
    budget = int(options.budget) if options.budget else None
    if options.strategy == "random" and not (options.budget or options.seconds):
        budget = RANDOM_BUDGET
    started = time.perf_counter()
    with Meter(
        f"{announce} {race.name}", options.seconds, quiet=options.quiet
    ) as meter:
        played = play.hunt(
            race, kernel, strategy(options), budget=budget, progress=meter.update
        )
    return report(options, played, time.perf_counter() - started)


def replay_command(options: Namespace) -> int:
    text = schedule_text(options.schedule)
    try:
        token = ScheduleToken.parse(text)
        played = play.replay(race_named(token.race), token)
    except ScheduleError as error:
        raise Usage(str(error)) from None
    if options.export:
        deliver(EXPORTS[options.export](played), options.output)
    elif options.step and played.recording and not options.json:
        deliver("\n".join(step_lines(played.recording)) + "\n", options.output)
    else:
        return report(options, played, 0.0)
    return exit_code(played)


def diff_command(options: Namespace) -> int:
    try:
        found = difference(options.a, options.b)
    except UnknownName as error:
        raise Usage(str(error)) from None
    if options.json:
        print_json(difference_json(found))
    else:
        print(difference_text(found))
    return OK


COMMANDS: Mapping[str, Callable[[Namespace], int]] = {
    "list": list_command,
    "run": run_command,
    "hunt": hunt_command,
    "prove": prove_command,
    "replay": replay_command,
    "diff": diff_command,
}


def chosen(options: Namespace) -> tuple[Race, KernelSpec]:
    """The race and the kernel that the options name."""
    race = race_named(options.race)
    try:
        kernel = find_kernel(options.kernel)
        for pair in options.design:
            question, equals, answer = pair.partition("=")
            if not equals:
                raise Usage(f"--design takes QUESTION=ANSWER, not {pair!r}")
            kernel = kernel.with_answer(question, answer)
    except UnknownName as error:
        raise Usage(str(error)) from None
    return race, kernel


def race_named(name: str) -> Race:
    try:
        return find_race(name)
    except UnknownName as error:
        raise Usage(str(error)) from None


def strategy(options: Namespace) -> Strategy:
    match options.strategy:
        case "random":
            return RandomWalk(options.seed)
        case "round-robin":
            return RoundRobin()
        case "enumeration":
            return Enumeration()
        case _:
            return SourceDpor()


def schedule_text(argument: str) -> str:
    """The schedule itself: given as it is, or in a file, alone or in kmm's JSON."""
    path = Path(argument)
    try:
        if argument.count("/") == 3 and not path.exists():
            return argument
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Usage(
            f"{argument!r} is neither a file nor a schedule; a schedule looks like "
            f"race/kernel/14a22b/check, as `kmm hunt` prints it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"cannot read {argument}: {reason(error)}") from None
    if not text.lstrip().startswith("{"):
        return text
    try:
        schedule = json.loads(text)["schedule"]
    except (ValueError, KeyError):
        raise Usage(f"{argument} holds no schedule: expected kmm's JSON") from None
    if not isinstance(schedule, str):
        raise Usage(f"{argument} holds no schedule: no run failed in it")
    return schedule


def reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return "it is not text"


def report(options: Namespace, played: Played, seconds: float) -> int:
    if options.json:
        found = as_json(
            played,
            kernel_name=getattr(options, "kernel", played.kernel.name),
            seed=getattr(options, "seed", 0),
            seconds=seconds,
        )
        deliver(json.dumps(found) + "\n", options.output)
    else:
        deliver(as_text(played, width=text_width()) + "\n", options.output)
    return exit_code(played)


def exit_code(played: Played) -> int:
    if played.verdict == "bug":
        return FAILED
    return INTERRUPTED if played.stopped == "interrupt" else OK
