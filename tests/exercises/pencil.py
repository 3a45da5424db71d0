"""Answers of one seed with a mistake in them, for the exercises of kind answer."""

from __future__ import annotations

from functools import cache

from exercises.wrong import Wrong

from kmm.exercises import find_exercise
from kmm.exercises.answers import Variant, shown, solution, variant

SEED = 7


@cache
def questions(exercise: str) -> Variant:
    return variant(find_exercise(exercise), SEED)


def right(exercise: str, key: str) -> str:
    return shown(questions(exercise).answer(key))


def number(exercise: str, key: str) -> int:
    return int(right(exercise, key), 0)


def mistake(exercise: str, check: str, key: str, given: str) -> Wrong:
    """All answers as they should be, but one, which `check` looks at."""
    text = solution(find_exercise(exercise), SEED)
    line = f'{key} = "{right(exercise, key)}"'
    assert text.count(line) == 1
    assert given != right(exercise, key)
    return Wrong(text.replace(line, f'{key} = "{given}"'), check, f"{key} = {given!r}")
