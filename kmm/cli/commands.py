"""The commands: each asks the rooms below, prints the answer, returns an exit code."""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import evolve

from ..designs import KernelSpec, UnknownName, parse_kernel
from ..report.difference import difference, difference_json, difference_text
from ..report.export import EXPORTS, step_lines
from ..report.listing import KINDS, listing_json, listing_text
from ..report.outcome import answer, as_json, as_text
from ..scenarios import Race, ScheduleToken, find_race, play
from ..scenarios.play import Played
from ..sim.schedule import ScheduleError
from ..sim.sharing import processes
from ..sim.state import Unmergeable
from ..sim.strategies import (
    Delays,
    Enumeration,
    Merging,
    Pct,
    Portfolio,
    Pos,
    Preemptions,
    RandomWalk,
    RoundRobin,
    SourceDpor,
    Strategy,
    Surw,
)
from .exits import FAILED, INTERRUPTED, OK, Usage, complain
from .output import USUAL, check_output, color_diff, deliver, on_terminal, text_width
from .progress import Meter, nobody_knows

# What --strategy names: of --seed, of --bound, and of neither.
SEEDED: Mapping[str, Callable[[int], Strategy]] = {
    "portfolio": Portfolio,
    "pct": Pct,
    "pos": Pos,
    "surw": Surw,
    "random": RandomWalk,
}
BOUNDED: Mapping[str, Callable[[int | None], Strategy]] = {
    "preemptions": Preemptions,
    "delays": Delays,
}
OTHERS: Mapping[str, Callable[[], Strategy]] = {
    "dpor": SourceDpor,
    "merging": Merging,
    "round-robin": RoundRobin,
    "enumeration": Enumeration,
}

# A hunt by chance alone has no end of its own.
RANDOM_BUDGET = 10_000

# Longer than any file with a schedule in it, and short enough to read at once.
MOST_TEXT = 10_000_000  # characters


def list_command(options: Namespace) -> int:
    kinds = [options.kind] if options.kind else list(KINDS)
    if options.json:
        whole: dict[str, Any] = {}
        for kind in kinds:
            whole.update(listing_json(kind))
        return print_json(whole)
    deliver(listing_text(kinds, text_width(), options.verbose) + "\n", None)
    return OK


def run_command(options: Namespace) -> int:
    race, kernel = chosen(options)
    check_output(options.output)
    if options.strategy is None:
        options.strategy = "round-robin" if options.seed is None else "random"
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
    check_output(options.output)
    if options.workers is not None:
        check_sharing(options)
    if options.bound is not None and options.strategy not in BOUNDED:
        raise Usage(f"--bound is for {' and '.join(BOUNDED)}: choose a --strategy")
    how, budget = strategy(options), options.budget
    by_chance = options.strategy in SEEDED and not how.exhaustive
    if by_chance and not (options.budget or options.seconds):
        budget = RANDOM_BUDGET
    started = time.perf_counter()
    with (
        Meter(
            f"{announce} {race.name}",
            options.seconds,
            quiet=options.quiet,
            guess=how.estimate if options.workers is None else nobody_knows,
        ) as meter,
        workers(options) as executor,
    ):
        try:
            played = play.hunt(
                race,
                kernel,
                how,
                budget=budget,
                progress=meter.update,
                strict=options.strict,
                workers=executor,
                found=meter.shorten,
            )
        except Unmergeable as error:
            raise Usage(f"{error}, so equal states are not known: use dpor") from None
        except BrokenExecutor:
            raise Usage("a worker was killed: try fewer --workers") from None
    return report(options, played, time.perf_counter() - started)


def check_sharing(options: Namespace) -> None:
    """What workers can share is the exhaustive search.  Raises Usage."""
    if options.strict:
        raise Usage("--strict looks at all runs in one process: leave out --workers")
    if options.strategy not in ("dpor", "portfolio"):
        raise Usage(f"--workers share the search by dpor, not by {options.strategy}")
    options.strategy = "dpor"


@contextmanager
def workers(options: Namespace) -> Iterator[Executor | None]:
    """Those that --workers asks for."""
    if options.workers is None:
        yield None
    else:
        with processes(options.workers) as executor:
            yield executor


def replay_command(options: Namespace) -> int:
    check_output(options.output)
    played = replayed(options.schedule, checked=options.check)
    if options.export:
        deliver(EXPORTS[options.export](played), options.output)
    elif options.step and played.recording and not options.json:
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


def diff_command(options: Namespace) -> int:
    try:
        found = difference(options.a, options.b)
    except UnknownName as error:
        raise Usage(str(error)) from None
    if options.json:
        return print_json(difference_json(found))
    text = difference_text(found, text_width(), options.verbose)
    deliver(color_diff(text, options) + "\n", None)
    return OK


def conform_command(options: Namespace) -> int:
    from .conform import conform_command

    return conform_command(options)


def mmu_command(options: Namespace) -> int:
    from .mmu import mmu_command

    return mmu_command(options)


def matrix_command(options: Namespace) -> int:
    from .matrix import matrix_command

    return matrix_command(options)


def cost_command(options: Namespace) -> int:
    from .cost import cost_command

    return cost_command(options)


def bench_command(options: Namespace) -> int:
    from .bench import bench_command

    return bench_command(options)


def stress_command(options: Namespace) -> int:
    from .stress import stress_command

    return stress_command(options)


def proc_command(options: Namespace) -> int:
    from .proc import proc_command

    return proc_command(options)


COMMANDS: Mapping[str, Callable[[Namespace], int]] = {
    "list": list_command,
    "run": run_command,
    "hunt": hunt_command,
    "prove": prove_command,
    "replay": replay_command,
    "diff": diff_command,
    "matrix": matrix_command,
    "cost": cost_command,
    "bench": bench_command,
    "stress": stress_command,
    "proc": proc_command,
    "mmu": mmu_command,
    "conform": conform_command,
}


def chosen(options: Namespace) -> tuple[Race, KernelSpec]:
    """The race and the kernel that the options name."""
    name = f"{options.race}:{options.trigger}" if options.trigger else options.race
    race = evolve(race_named(name), checked=options.check)
    try:
        kernel = parse_kernel(options.kernel)
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
    name: str = options.strategy
    if name in SEEDED:
        return SEEDED[name](options.seed or 0)
    if name in BOUNDED:
        return BOUNDED[name](options.bound)
    return OTHERS[name]()


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
        return [f"{step['kind']} {step['object']}" for step in written["steps"]]
    operations = written.get("operations")
    return None if operations is None else [str(one) for one in operations]


def reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return "it is not text"


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


def print_json(value: Any) -> int:
    deliver(json.dumps(value) + "\n", None)
    return OK


def exit_code(played: Played) -> int:
    if played.stopped == "interrupt":
        return INTERRUPTED
    return FAILED if played.verdict == "bug" else OK
