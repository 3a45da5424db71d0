"""`kmm stress`: the letter's reproduction recipe on one kernel."""

from __future__ import annotations

import json
import os
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

from attrs import evolve

from ..designs import KernelSpec, UnknownName, parse_kernel
from ..hw.memory import PAGE_SIZE
from ..report.stress import (
    last_text,
    stress_json,
    stress_text,
    table_json,
    table_text,
)
from ..workloads.cycles import BadCosts, Table, table_from, usual_table
from ..workloads.endurance import StressResult, over_seeds, run
from ..workloads.stress import MIB, PARTS, PAUSE, Recipe, small
from ..workloads.tail import last_steps
from ..workloads.triggers import TRIGGERS
from .dashboard import Dashboard
from .exits import FAILED, INTERRUPTED, OK, Usage
from .options import (
    add_json,
    positive_number,
    whole_number,
    zero_or_more,
)
from .output import deliver, text_width
from .progress import Meter

LEAST_MEMORY, MOST_MEMORY = 2 * MIB, 64 << 30
MOST_CPUS = 64
LAST = 60
SETTINGS = (
    *("memory", "mapping", "cpus", "children", "jobs"),
    *("only", "trigger", "pause", "block_order"),
)
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def add_stress(parser: ArgumentParser) -> None:
    parser.description = (
        "The recipe by which the letter breaks a kernel, in virtual time:\n"
        "compilations in a loop; (a) children that fault a mapping, (b) children\n"
        "that punch a hole in it, (c) children that exec echo; (d) more memory set\n"
        "than there is; and compaction all the time."
    )
    add_what(parser)
    add_settings(parser)
    add_how_long(parser)
    add_way_back(parser)
    parser.add_argument(
        "--check",
        action="store_true",
        help="see after each millisecond whether all counts and lists add up (slow)",
    )
    add_json(parser)
    parser.epilog = (
        "examples:\n"
        f"  kmm stress {QUICK}\n"
        f"  kmm stress {QUICK} --last 400 --why\n"
        f"  kmm stress {QUICK} --kernel v6 --duration 0.005\n"
        f"  kmm stress --small --only b,c --table 2 --duration 0.001\n\n"
        "docs/stress.md has settings under which kernels fail, and how soon.\n\n"
        "exit code: 1 if the kernel failed, 0 if it survived, 130 if interrupted"
    )


# Fails within a second of the reader's time, being small.
QUICK = "--small --only c --seed 1"
SMALL_TEXT = (
    "4M in blocks of order 4, 8 children, no compilation, a pause of 20 microseconds"
)


def add_what(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--kernel",
        action="append",
        metavar="K",
        help="2.6.34 unless given; several of them for --table",
    )
    parser.add_argument(
        "--design",
        action="append",
        default=[],
        metavar="Q=A",
        help="another answer to one question; may be repeated",
    )
    parser.add_argument("--costs", metavar="FILE", help="what things cost, as TOML")


def add_settings(parser: ArgumentParser) -> None:
    """Each of these replaces one of the recipe's, or of --small."""
    parser.add_argument("--small", action="store_true", help=f"start from {SMALL_TEXT}")
    parser.add_argument("--memory", type=size, metavar="SIZE", help="of RAM (64M)")
    parser.add_argument(
        "--mapping",
        type=size,
        metavar="SIZE",
        help="what a, b and c map (a 170th of memory, and at least 256K)",
    )
    parser.add_argument("--cpus", type=whole_number, metavar="N", help="how many (4)")
    parser.add_argument(
        "--children",
        type=whole_number,
        metavar="N",
        help="of each of a, b and c (100)",
    )
    add_programs(parser)


def add_programs(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--jobs",
        type=zero_or_more,
        metavar="N",
        help="compilers at a time (4); 0 is no compilation",
    )
    parser.add_argument(
        "--only", type=parts, metavar="a,b,c,d", help="which of the four (all)"
    )
    parser.add_argument(
        "--trigger", choices=TRIGGERS, help="what moves memory (compaction)"
    )
    parser.add_argument(
        "--pause",
        type=zero_or_above,
        metavar="S",
        help=f"seconds between one time and the next ({PAUSE}); 0 is the letter's own",
    )
    parser.add_argument(
        "--block-order",
        type=block_order,
        metavar="N",
        help="of a pageblock (9), by which compaction and hot-remove go",
    )


def add_how_long(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--duration",
        type=positive_number,
        default=10.0,
        metavar="S",
        help="seconds of virtual time (10)",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of what is chance (0)")
    parser.add_argument(
        "--table",
        type=whole_number,
        metavar="SEEDS",
        help="virtual time to the first failure, for the seeds 0 to SEEDS-1",
    )
    parser.add_argument(
        "--workers",
        type=whole_number,
        metavar="N",
        help="processes that work out the table (default: one for each CPU)",
    )


def add_way_back(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--last",
        type=whole_number,
        nargs="?",
        const=LAST,
        metavar="N",
        help=f"run it twice, and draw the last N steps ({LAST}), a lane a CPU",
    )
    parser.add_argument(
        "--why", action="store_true", help="of these, draw only those that matter"
    )


# The command.


def stress_command(options: Namespace) -> int:
    recipes = [recipe(options, name) for name in options.kernel or ["vanilla"]]
    if options.table is not None:
        return table_command(options, recipes)
    if len(recipes) > 1 or options.workers is not None:
        raise Usage("several kernels, or --workers, are for --table SEEDS")
    if options.last is None and options.why:
        raise Usage("--why is about the steps that --last N draws")
    started = time.perf_counter()
    with Dashboard(recipes[0], options.duration, quiet=options.quiet) as dashboard:
        result = run(
            recipes[0], options.duration, dashboard.update, check=options.check
        )
    deliver(written(options, result, time.perf_counter() - started) + "\n", None)
    return exit_code(result)


def exit_code(result: StressResult) -> int:
    if result.stopped:
        return INTERRUPTED
    return FAILED if result.failure else OK


def written(options: Namespace, result: StressResult, seconds: float) -> str:
    if options.json:
        found = stress_json(result, seconds)
        return json.dumps({**found, "replay": command_of(options, result)})
    if options.last is None or result.stopped:
        return stress_text(result, command_of(options, result))
    recording = last_steps(result, options.last)
    return last_text(result, recording, text_width(), why=options.why)


def table_command(options: Namespace, recipes: list[Recipe]) -> int:
    if options.last is not None or options.why or options.seed is not None:
        raise Usage("--table has its own seeds, and draws no steps")
    with Meter("stress", None, quiet=options.quiet, unit="runs", rate=False) as meter:

        def progress(done: int, of: int) -> None:
            meter.unit = f"of {of} runs"
            meter.count(done)

        try:
            rows = over_seeds(
                recipes,
                options.table,
                options.duration,
                options.workers or os.cpu_count(),
                progress,
            )
        except BrokenExecutor:
            raise Usage("a worker was killed: try fewer --workers") from None
    as_json = json.dumps(table_json(rows, options.duration)) if options.json else None
    deliver((as_json or table_text(rows)) + "\n", None)
    cells = [result for row in rows for result in row]
    if None in cells:
        return INTERRUPTED
    return FAILED if any(r is not None and r.failure for r in cells) else OK


# What the options say.


def recipe(options: Namespace, kernel: str) -> Recipe:
    """What is to be run.  Raises Usage."""
    if not LEAST_MEMORY <= (options.memory or LEAST_MEMORY) <= MOST_MEMORY:
        raise Usage("--memory is from 2M to 64G")
    if (options.cpus or 1) > MOST_CPUS:
        raise Usage(f"--cpus is from 1 to {MOST_CPUS}")
    if (options.mapping or PAGE_SIZE) % PAGE_SIZE:
        raise Usage("--mapping is a number of pages of 4K")
    spec = spec_of(kernel, options.design)
    start = small(spec) if options.small else Recipe(spec)
    given = {name: getattr(options, name) for name in SETTINGS}
    return evolve(
        start,
        seed=options.seed or 0,
        table=costs(options.costs),
        **{name: value for name, value in given.items() if value is not None},
    )


def spec_of(kernel: str, designs: list[str]) -> KernelSpec:
    try:
        spec = parse_kernel(kernel)
        for pair in designs:
            question, equals, answer = pair.partition("=")
            if not equals:
                raise Usage(f"--design takes QUESTION=ANSWER, not {pair!r}")
            spec = spec.with_answer(question, answer)
    except UnknownName as error:
        raise Usage(str(error)) from None
    return spec


def costs(path: str | None) -> Table:
    if path is None:
        return usual_table()
    try:
        return table_from(Path(path))
    except BadCosts as error:
        raise Usage(str(error)) from None
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise Usage(f"cannot read {path!r}: {why}") from None


def command_of(options: Namespace, result: StressResult) -> str:
    """The command that makes this run again, and draws its last steps."""
    recipe = result.recipe
    usual = Recipe(recipe.spec)
    words = [f"kmm stress --kernel {recipe.spec.text}"]
    for name in SETTINGS:
        value = getattr(recipe, name)
        if value != getattr(usual, name):
            shown = WRITTEN.get(name, str)(value)
            words.append(f"--{name.replace('_', '-')} {shown}")
    if options.costs:
        words.append(f"--costs {options.costs}")
    if options.check:
        words.append("--check")
    if options.duration != 10:
        words.append(f"--duration {options.duration:g}")
    return " ".join([*words, f"--seed {recipe.seed} --last {LAST}"])


def size(text: str) -> int:
    """Bytes, as in 64M."""
    unit = UNITS.get(text[-1:].upper(), 1)
    try:
        return int(text if unit == 1 else text[:-1]) * unit
    except ValueError:
        message = f"{text[:40]!r} is no size such as 64M"
        raise ArgumentTypeError(message) from None


def size_text(bytes_: int) -> str:
    for letter, unit in reversed(UNITS.items()):
        if bytes_ % unit == 0:
            return f"{bytes_ // unit}{letter}"
    return str(bytes_)


WRITTEN: Mapping[str, Callable[[Any], str]] = {
    "memory": size_text,
    "mapping": size_text,
    "only": ",".join,
}


def parts(text: str) -> str:
    """Which of a, b, c and d, in their order."""
    letters = text.replace(",", "")
    if not letters or set(letters) - set(PARTS):
        raise ArgumentTypeError(f"{text[:40]!r} is not of {','.join(PARTS)}")
    return "".join(letter for letter in PARTS if letter in letters)


def zero_or_above(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ArgumentTypeError(f"{text[:40]!r} is not a number from 0 on")
    return value


def block_order(text: str) -> int:
    value = zero_or_more(text)
    if not 1 <= value <= 10:
        raise ArgumentTypeError(f"{text[:40]!r} is not a number from 1 to 10")
    return value
