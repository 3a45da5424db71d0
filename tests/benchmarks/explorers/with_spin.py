"""SPIN: every state of a model in Promela, compiled to C.

It runs no code either, but a model that is written for it (`toy.pml`, `counters.pml`).
Depth first, with its own partial-order reduction and without.
"""

from __future__ import annotations

import re
import resource
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.explorers.programs import FIXED, SCALED, TOY, scaled
from benchmarks.explorers.rows import Effort, Goal, Outcome, Row, hand_on

MODELS = Path(__file__).parent
TIMES = 10  # since once is too short to be measured
REDUCTIONS = {"reduced": [], "not reduced": ["-DNOREDUCE"]}


def time_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def outcome_of(output: str) -> Outcome:
    if not re.search(r"errors: 0\b", output):
        return Outcome.BUG
    cut = "max search depth too small" in output or "Search not completed" in output
    return Outcome.STOPPED if cut else Outcome.COVERED


def verified(
    model: str, defines: Sequence[str], reduction: Sequence[str], depth: int = 10_000
) -> tuple[Outcome, int, float, str]:
    """The outcome, the states, the processor time, and what was said."""
    with TemporaryDirectory() as place:

        def run(*command: str) -> str:
            done = subprocess.run(
                command, cwd=place, check=True, capture_output=True, text=True
            )
            return done.stdout

        run("spin", "-a", *defines, str(MODELS / model))
        run("gcc", "-O1", "-w", "-DSAFETY", *reduction, "-o", "pan", "pan.c")
        before = time_of_children()
        for _ in range(TIMES):
            output = run("./pan", f"-m{depth}", "-w20")
        seconds = (time_of_children() - before) / TIMES
    states = re.search(r"(\d+) states, stored", output)
    errors = re.search(r"errors: \d+", output)
    assert states, output
    assert errors, output
    says = errors[0]
    if "max search depth too small" in output:
        says = f"error: max search depth too small, {says}"
    return outcome_of(output), int(states[1]), seconds, says


def measure(effort: Effort) -> Iterator[Row]:
    for called, reduction in REDUCTIONS.items():
        method = f"depth first, {called}"
        for program, defines in ((TOY, []), (FIXED, ["-DFIXED"])):
            goal = Goal.ALL if defines else Goal.FIRST
            outcome, states, seconds, says = verified("toy.pml", defines, reduction)
            yield Row(method, program, goal, outcome, states, seconds, says, "states")
        for program, (sections, locks) in SCALED.items():
            if effort.quick and (sections == 7 or reduction):
                continue
            defines = [f"-DSECTIONS={sections}", f"-DLOCKS={locks}"]
            outcome, states, seconds, says = verified(
                "counters.pml", defines, reduction
            )
            yield Row(
                method, program, Goal.ALL, outcome, states, seconds, says, "states"
            )
    # What a spent budget is called.
    defines = ["-DSECTIONS=3", "-DLOCKS=1"]
    found = verified("counters.pml", defines, REDUCTIONS["reduced"], depth=20)
    outcome, states, seconds, says = found
    method, program = "depth first, reduced", scaled(3, 1)
    yield Row(method, program, Goal.ALL, outcome, states, seconds, says, "states")


def version() -> str:
    done = subprocess.run(["spin", "-V"], check=True, capture_output=True, text=True)
    found = re.search(r"Version ([\d.]+)", done.stdout)
    assert found, done.stdout
    return found[1]


if __name__ == "__main__":
    hand_on("SPIN", version(), measure)
