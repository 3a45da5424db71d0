"""For authors: whether an exercise is right itself.

Its starter must fail, or there is nothing to do; its solution must pass every check,
hidden ones too, or nobody can; and what it names must be there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..course import lessons
from . import answers, asks, litmus, schedules
from .desk import solution_of, starter_of
from .exercise import Exercise
from .marks import Marks, marks
from .nursery import Nursery
from .sandbox import judge

SEEDS = (1, 2, 3)  # of an exercise whose numbers one chooses
ASKS: Mapping[str, Mapping[str, Any]] = {
    "answer": answers.ASKS,
    "schedule": schedules.ASKS,
    "litmus": litmus.ASKS,
    "design": asks.ASKS,
    "function": asks.ASKS,
}


def problems(exercise: Exercise) -> Iterator[str]:
    """What is not right.  Takes as long as all the checks, for starter and solution."""
    if exercise.lesson not in [lesson.name for lesson in lessons()]:
        yield f"there is no lesson {exercise.lesson}"
    known = ASKS[exercise.kind]
    unknown = [check.asks for check in exercise.checks if check.asks not in known]
    if unknown:
        yield f"no check of kind {exercise.kind} asks {unknown}; it asks {list(known)}"
        return
    with Nursery(exercise) as nursery:
        for seed in SEEDS if exercise.kind == "answer" else (None,):
            yield from problems_of(exercise, seed, nursery)


def problems_of(
    exercise: Exercise, seed: int | None, nursery: Nursery
) -> Iterator[str]:
    """What is not right in one variant."""
    named = "" if seed is None else f" of seed {seed}"
    try:
        begun, done = judged(exercise, seed, nursery)
    except OSError as error:
        yield f"{error.filename}: {error.strerror}"
        return
    if begun.passed:
        yield f"the starter{named} passes"
    yield from failures(done, f"the solution{named}")


def judged(
    exercise: Exercise, seed: int | None, nursery: Nursery
) -> tuple[Marks, Marks]:
    """The marks of the starter and of the solution."""
    begun, done = (make(exercise, seed) for make in (starter_of, solution_of))
    return (
        marks(exercise, judge(exercise, begun, seed=seed, nursery=nursery)),
        marks(exercise, judge(exercise, done, seed=seed, nursery=nursery)),
    )


def failures(found: Marks, what: str) -> Iterator[str]:
    if found.judgement.complaint is not None:
        yield f"{what}: {found.judgement.complaint}"
        return
    for row in found.rows:
        if not row.finding.passed:
            yield f"{what} fails {row.check.name}: {row.finding.why}"
