"""`kmm stress`: the letter's reproduction recipe on one kernel."""

from __future__ import annotations

import json
import os
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor
from typing import Any

from attrs import evolve

from ..hw.memory import PAGE_SIZE
from ..report.exports.perfetto import trace_of
from ..report.stress import (
    last_text,
    stress_json,
    stress_text,
    table_json,
    table_text,
)
from ..workloads.endurance import StressResult, over_seeds, run
from ..workloads.stress import MIB, Recipe, small
from ..workloads.tail import last_steps
from .dashboard import Dashboard
from .exits import FAILED, INTERRUPTED, OK, Usage
from .naming import costs_of, kernel_named
from .options.stress import LAST
from .options.values import UNITS
from .output import USUAL, check_output, deliver, text_width
from .progress import Meter

LEAST_MEMORY, MOST_MEMORY = 2 * MIB, 64 << 30
MOST_CPUS = 64
SETTINGS = (
    *("memory", "mapping", "cpus", "children", "holes", "jobs"),
    *("only", "trigger", "pause", "block_order"),
)


# The command.


def stress_command(options: Namespace) -> int:
    recipes = [recipe(options, name) for name in options.kernel or ["vanilla"]]
    if options.table is not None:
        return table_command(options, recipes)
    if len(recipes) > 1 or options.workers is not None:
        raise Usage("several kernels, or --workers, are for --table SEEDS")
    if options.last is None and (options.why or options.export):
        raise Usage("--why and --export are about the steps that --last N draws")
    check_output(options.output)
    started = time.perf_counter()
    with Dashboard(recipes[0], options.duration, quiet=options.quiet) as dashboard:
        result = run(
            recipes[0], options.duration, dashboard.update, check=options.check
        )
    text = written(options, result, time.perf_counter() - started)
    is_trace = options.export and not result.stopped
    deliver(text + "\n", options.output if is_trace or not options.export else None)
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
    if options.export:
        return trace_of(recording, title_of(result), result.recipe.table.mhz).rstrip()
    width = USUAL if options.output else text_width()
    return last_text(result, recording, width, why=options.why)


def title_of(result: StressResult) -> str:
    recipe = result.recipe
    return f"the end of stress, seed {recipe.seed}, on {recipe.spec.text}"


def table_command(options: Namespace, recipes: list[Recipe]) -> int:
    if options.last is not None or options.why or options.export:
        raise Usage("--table draws no steps")
    if options.seed is not None:
        raise Usage("--table has its own seeds, and draws no steps")
    check_output(options.output)
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
    deliver((as_json or table_text(rows)) + "\n", options.output)
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
    spec = kernel_named(kernel, options.design)
    start = small(spec) if options.small else Recipe(spec)
    given = {name: getattr(options, name) for name in SETTINGS}
    return evolve(
        start,
        seed=options.seed or 0,
        table=costs_of(options.costs),
        **{name: value for name, value in given.items() if value is not None},
    )


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
