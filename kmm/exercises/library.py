"""Which exercises there are: this project's, and those of packages beside it.

They are in the order of the lessons that they belong to, so the hard ones come late.

A package that is installed beside kmm has some by an entry point in the group
`kmm.exercises`, which names a module whose folder they are in.  One that cannot be read
is left out, and `broken` says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from attrs import frozen

from ..course import lessons
from ..designs import UnknownName
from ..scenarios.found import exercise_folders
from .exercise import Exercise
from .read import ExerciseError, read_exercise


@frozen
class Shelf:
    """All that was found."""

    exercises: tuple[Exercise, ...]
    broken: tuple[str, ...]


@cache
def shelf() -> Shelf:
    """What is in all folders of exercises; read once."""
    found: dict[str, Exercise] = {}
    broken = []
    for folder in exercise_folders():
        for path in sorted(folder.glob("*/task.md")):
            try:
                exercise = read_exercise(path.parent)
            except ExerciseError as error:
                broken.append(str(error))
                continue
            found.setdefault(exercise.name, exercise)
    return Shelf(tuple(by_lesson(found.values())), tuple(broken))


def by_lesson(found: Iterable[Exercise]) -> list[Exercise]:
    """In the course's order; those of one lesson by their names."""
    names = [lesson.name for lesson in lessons()]
    places = {name: place for place, name in enumerate(names)}
    return sorted(found, key=lambda one: (places.get(one.lesson, len(names)), one.name))


def exercises() -> tuple[Exercise, ...]:
    return shelf().exercises


def find_exercise(name: str) -> Exercise:
    """An exercise by its name, or by the folder that it is in.

    Raises UnknownName, ExerciseError.
    """
    if (Path(name) / "task.md").is_file() and (Path(name) / "hints.md").is_file():
        return read_exercise(Path(name).resolve())
    for exercise in exercises():
        if exercise.name == name:
            return exercise
    raise UnknownName("exercise", name, [one.name for one in exercises()])
