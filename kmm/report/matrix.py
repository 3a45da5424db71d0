"""The table of every race on every kernel, for people, for documents, and as JSON.

Called by `kmm matrix`; the cells are `kmm.scenarios.matrix`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..scenarios import find_race
from ..scenarios.matrix import NOT_RUN, Cell
from .outcome import plural

LETTERS = {"bug": "S", "proved": "N", "survived": "?", NOT_RUN: "-"}

LEGEND = """\
S n  Sometimes: some run fails; the shortest found has n context switches
N n  Never: proved by n executions, which cover every interleaving in the bounds
? n  Not seen: n executions, and no failure; this is no proof
-    not run"""


def matrix_text(cells: Sequence[Cell], width: int) -> str:
    """As many kernels side by side as fit, and then the others."""
    races = list(dict.fromkeys(cell.race for cell in cells))
    kernels = list(dict.fromkeys(cell.kernel for cell in cells))
    found = {(cell.race, cell.kernel): cell for cell in cells}
    first = max(len(race) for race in races) + 2
    texts = [*kernels, *(short(cell) for cell in cells)]
    column = max(map(len, texts)) + 2
    number = max(1, (width - first) // column)
    blocks = []
    for start in range(0, len(kernels), number):
        some = kernels[start : start + number]
        lines = [" " * first + "".join(f"{kernel:{column}}" for kernel in some)]
        lines += [
            f"{race:{first}}"
            + "".join(f"{short(found[race, kernel]):{column}}" for kernel in some)
            for race in races
        ]
        blocks.append("\n".join(line.rstrip() for line in lines))
    return "\n\n".join([*blocks, *notes(races), LEGEND, summary(cells)])


def short(cell: Cell) -> str:
    """A cell in a few characters."""
    letter = LETTERS[cell.verdict]
    if cell.verdict == "bug":
        return f"{letter} {cell.context_switches}"
    return letter if cell.verdict == NOT_RUN else f"{letter} {cell.executions:,}"


def notes(races: Sequence[str]) -> list[str]:
    """Which races insist on an answer, whatever the kernel's own is."""
    lines = [f"{name}: with {sets}" for name, sets in insisting(races).items()]
    return ["\n".join(lines)] if lines else []


def insisting(races: Sequence[str]) -> Mapping[str, str]:
    sets = {name: find_race(name).sets for name in races}
    return {
        name: ", ".join(f"{question}={answer}" for question, answer in pairs.items())
        for name, pairs in sets.items()
        if pairs
    }


def summary(cells: Sequence[Cell]) -> str:
    """How much work stands behind the table, and how much of it is from before."""
    own = [cell for cell in cells if cell.same_as is None and cell.verdict != NOT_RUN]
    runs = sum(cell.executions for cell in own)
    shared = sum(cell.same_as is not None for cell in cells)
    cached = sum(cell.cached for cell in own)
    missing = sum(cell.verdict == NOT_RUN for cell in cells)
    text = f"{plural(len(cells), 'cell')}, {plural(runs, 'execution')}"
    if shared:
        text += f"; {shared} with the same answers as another, and not run twice"
    if cached:
        text += f"; {cached} known from before"
    if missing:
        text += f"; {missing} not run"
    return f"{text}."


def matrix_markdown(cells: Sequence[Cell]) -> str:
    """For documents: each cell with what it rests on."""
    races = list(dict.fromkeys(cell.race for cell in cells))
    kernels = list(dict.fromkeys(cell.kernel for cell in cells))
    found = {(cell.race, cell.kernel): cell for cell in cells}
    sets = insisting(races)
    lines = [
        f"| race | {' | '.join(kernels)} | sets |",
        f"| --- |{' --- |' * len(kernels)} --- |",
    ]
    for race in races:
        row = " | ".join(short(found[race, kernel]) for kernel in kernels)
        lines.append(f"| `{race}` | {row} | {sets.get(race, '')} |")
    return "\n".join(lines)


def matrix_json(cells: Sequence[Cell]) -> dict[str, Any]:
    """The object that `kmm matrix --json` prints."""
    return {
        "races": list(dict.fromkeys(cell.race for cell in cells)),
        "kernels": list(dict.fromkeys(cell.kernel for cell in cells)),
        "cells": [cell_json(cell) for cell in cells],
    }


def cell_json(cell: Cell) -> dict[str, Any]:
    return {
        "race": cell.race,
        "kernel": cell.kernel,
        "verdict": cell.verdict,
        "failure_kind": cell.failure_kind,
        "message": cell.message,
        "executions": cell.executions,
        "steps": cell.steps,
        "schedule_steps": cell.schedule_steps,
        "context_switches": cell.context_switches,
        "schedule": cell.schedule,
        "sets": dict(find_race(cell.race).sets),
        "same_as": cell.same_as,
        "cached": cell.cached,
        "stopped": cell.stopped,
        "seconds": cell.seconds,
    }
