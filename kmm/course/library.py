"""Which lessons there are, and in what order.

`course.toml` in a folder of lessons has the parts of the course, each with the names of
its lessons.  A plug-in's lessons come after, its part being called what its file says.
A lesson that cannot be read is left out, and `broken` says why.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from attrs import evolve, field, frozen

from ..designs import UnknownName
from ..scenarios.found import lesson_folders
from .lesson import Lesson
from .parse import LessonError, read_lesson


@frozen
class Part:
    """Lessons that belong together."""

    title: str
    lessons: tuple[Lesson, ...]


@frozen
class Library:
    """All that was found."""

    parts: tuple[Part, ...] = ()
    broken: tuple[str, ...] = field(default=())  # what could not be read, and why


@cache
def library() -> Library:
    """What is in all folders of lessons; read once."""
    found, broken = [], []
    number = 0
    for folder in lesson_folders():
        try:
            contents = list(contents_of(folder))
        except LessonError as error:
            broken.append(str(error))
            continue
        for title, names in contents:
            chapters = []
            for name in names:
                try:
                    lesson = read_lesson(folder / name.replace("-", "_"))
                except LessonError as error:
                    broken.append(str(error))
                    continue
                number += 1
                chapters.append(evolve(lesson, part=title, number=number))
            found.append(Part(title, tuple(chapters)))
    return Library(tuple(found), tuple(broken))


def contents_of(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Each part's title and the names of its lessons.  Raises LessonError."""
    path = folder / "course.toml"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        for part in values["part"]:
            yield part["title"], part["lessons"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LessonError(f"{path}: no list of lessons: {error!r}") from None


def parts() -> tuple[Part, ...]:
    """The course."""
    return library().parts


def lessons() -> tuple[Lesson, ...]:
    """All lessons, in order."""
    return tuple(lesson for part in parts() for lesson in part.lessons)


def find_lesson(name: str) -> Lesson:
    """A lesson by its name, or by its number.  Raises UnknownName."""
    for lesson in lessons():
        if name in (lesson.name, str(lesson.number)):
            return lesson
    raise UnknownName("lesson", name, [lesson.name for lesson in lessons()])
