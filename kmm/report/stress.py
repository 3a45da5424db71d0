"""What became of the letter's recipe, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..hw.memory import PAGE_SHIFT
from ..sim.recording import Recording
from ..workloads.endurance import StressResult
from ..workloads.stress import Recipe
from .interleaving import lanes
from .oops import oops
from .outcome import failure_json

Rows = Sequence[Sequence[StressResult | None]]  # of each recipe, by seed

WORDS = {
    "pgfault": "page faults",
    "pgmajfault": "of them from swap",
    "pgmigrate_success": "pages migrated",
    "pswpin": "pages swapped in",
    "pswpout": "pages swapped out",
}


def stress_text(result: StressResult, command: str) -> str:
    """How it ended and how much work that was; `command` shows the way to a failure."""
    blocks = [work_text(result)]
    if result.failure:
        alone = Recording((), (), (), result.failure)
        blocks.insert(0, oops(alone, result.recipe.spec.name))
        blocks.append(f"The last steps before it:\n  {command}")
    return "\n\n".join(blocks)


def work_text(result: StressResult) -> str:
    return "\n".join([sentence(result), *work_lines(result)])


def sentence(result: StressResult) -> str:
    after = f"{result.seconds:.6f} s of virtual time, {result.steps:,} steps"
    name = result.recipe.spec.text
    if result.failure:
        return f"{name} failed after {after}."
    if result.stopped:
        return f"Interrupted; {name} had survived {after}."
    return f"{name} survived {after}."


def work_lines(result: StressResult) -> list[str]:
    """What was done, by name."""
    done = {WORDS.get(name, name): number for name, number in result.works.items()}
    return [f"  {number:>12,} {name}" for name, number in done.items() if number]


def stress_json(result: StressResult, seconds: float) -> dict[str, Any]:
    """One object; `seconds` are those of the host."""
    return {
        **recipe_json(result.recipe),
        "verdict": result.verdict,
        "failure": failure_json(result.failure),
        "stopped": result.stopped,
        "virtual_seconds": result.seconds,
        "steps": result.steps,
        "counts": result.counts,
        "events": result.events,
        "seconds": round(seconds, 3),
    }


def recipe_json(recipe: Recipe) -> dict[str, Any]:
    answers = {q: answer.name for q, answer in recipe.spec.answers.items()}
    return {
        "workload": "stress",
        "kernel": {"name": recipe.spec.name, **answers},
        "seed": recipe.seed,
        "memory": recipe.memory,
        "mapping": recipe.pages << PAGE_SHIFT,
        "cpus": recipe.cpus,
        "children": recipe.children,
        "holes": recipe.holes,
        "jobs": recipe.jobs,
        "only": recipe.only,
        "trigger": recipe.trigger,
        "pause": recipe.pause,
        "block_order": recipe.block_order,
    }


# The last steps.


def last_text(
    result: StressResult, recording: Recording, width: int, *, why: bool
) -> str:
    """The steps, a lane a CPU: all, or with `why` those that matter; and the oops."""
    first = result.steps - len(recording.steps)
    head = [f"Step 1 is the run's step {first + 1:,}.", *sharers(recording)]
    drawing = lanes(recording, width, every=not why)
    console = oops(recording, result.recipe.spec.name)
    blocks = ["\n".join(head), "\n".join(drawing), console, work_text(result)]
    return "\n\n".join(block for block in blocks if block)


def sharers(recording: Recording) -> list[str]:
    """Who else was on a CPU, beside the one that its lane is named for."""
    lines = []
    for index in recording.columns:
        named = recording.threads[index]
        others = [
            thread.name
            for thread in recording.threads
            if thread.cpu == named.cpu and thread is not named
        ]
        if others:
            lines.append(f"On CPU {named.cpu} also: {', '.join(others)}.")
    return lines


# Many seeds.


def table_text(rows: Rows) -> str:
    """Virtual time to the first failure, a line a kernel and a column a seed."""
    names = [row_name(row) for row in rows]
    seeds = max(map(len, rows))
    cells = [[cell(result) for result in row] for row in rows]
    width = max(len("kernel"), *map(len, names))
    column = max(len(text) for row in cells for text in row)
    head = f"{'kernel':{width}}  failed  median s  longest s  seconds, by seed"
    lines = [head]
    per_line = max(1, (79 - width - 31) // (column + 1))
    for name, row, texts in zip(names, rows, cells, strict=True):
        times = failures(row)
        ran = sum(result is not None for result in row)
        left = f"{name:{width}}  {f'{len(times)}/{ran}':>6}  {middle(times):>8}  "
        left += f"{max(times):>9.4f}  " if times else f"{'-':>9}  "
        for start in range(0, seeds, per_line):
            part = " ".join(f"{text:>{column}}" for text in texts[start:][:per_line])
            lines.append(f"{left}{part}")
            left = " " * len(left)
    return "\n".join([*lines, *legend(rows)])


def row_name(row: Sequence[StressResult | None]) -> str:
    found = next((result for result in row if result is not None), None)
    return found.recipe.spec.text if found else "?"


def cell(result: StressResult | None) -> str:
    if result is None:
        return "?"
    return f"{result.seconds:.4f}" if result.failure else "-"


def failures(row: Sequence[StressResult | None]) -> list[float]:
    """When the runs failed that did, the soonest first."""
    return sorted(r.seconds for r in row if r is not None and r.failure)


def middle(times: list[float]) -> str:
    """The median of those that failed."""
    if not times:
        return "-"
    half = len(times) // 2
    median = times[half] if len(times) % 2 else (times[half - 1] + times[half]) / 2
    return f"{median:.4f}"


def legend(rows: Rows) -> list[str]:
    cells = [result for row in rows for result in row]
    lines = ["", "-: survived.  Seconds are of virtual time."]
    if any(result is None for result in cells):
        lines.append("?: not run, since the table was interrupted.")
    kinds = sorted(
        {r.failure.message for r in cells if r is not None and r.failure is not None}
    )
    return lines + [f"Failures: {'; '.join(kinds)}"] * bool(kinds)


def table_json(rows: Rows, duration: float) -> dict[str, Any]:
    found = [
        {
            "kernel": result.recipe.spec.text,
            "seed": result.recipe.seed,
            "verdict": result.verdict,
            "virtual_seconds": result.seconds,
            "steps": result.steps,
            "failure": failure_json(result.failure),
        }
        for row in rows
        for result in row
        if result is not None
    ]
    missing = sum(result is None for row in rows for result in row)
    return {
        "workload": "stress",
        "duration": duration,
        "runs": found,
        "missing": missing,
    }
