"""Submissions that are judged by the workers of an executor, as on other machines.

Called by `grade`.  A worker has kmm, and so the exercise, by its name; only the
submission's text goes there, and what became of it comes back.  There as here it is
judged in a process of its own.
"""

from __future__ import annotations

import atexit
from concurrent.futures import Executor, wait

from .exercise import Exercise
from .library import find_exercise
from .nursery import Nursery
from .sandbox import LOOK, Judgement, Stopped, Unwanted, judge

OTHER = "the worker that was to judge this has another version of the exercise"


def judge_elsewhere(
    executor: Executor,
    exercise: Exercise,
    text: str,
    seed: int | None,
    watchdog: float,
    unwanted: Unwanted,
) -> Judgement:
    """As `sandbox.judge`, by a worker.  Raises Stopped."""
    asked = checks_of(exercise)
    future = executor.submit(judge_here, exercise.name, asked, text, seed, watchdog)
    while not wait([future], LOOK).done:
        if unwanted():
            future.cancel()
            raise Stopped
    return future.result()


def checks_of(exercise: Exercise) -> str:
    """All that is asked, as text: two that differ would not judge alike."""
    return repr(exercise.checks)


# What a worker does.

NURSERIES: dict[str, Nursery] = {}  # by the kind of exercise, for as long as it works


def judge_here(
    name: str, asked: str, text: str, seed: int | None, watchdog: float
) -> Judgement:
    exercise = find_exercise(name)
    if checks_of(exercise) != asked:
        return Judgement(complaint=OTHER)
    nursery = NURSERIES.get(exercise.kind)
    if nursery is None:
        nursery = NURSERIES[exercise.kind] = Nursery(exercise)
        atexit.register(nursery.close)
    return judge(exercise, text, nursery=nursery, seed=seed, watchdog=watchdog)
