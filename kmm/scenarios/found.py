"""Races that are not in this room: those of lessons, and those of other packages.

A lesson's own race is `SCENARIO` in the `scenario.py` of its folder, and is called
`lesson.` and the lesson's name; an exercise may have one too, `exercise.` and its name.
More of them are in files beside it: `exercise.NAME.MORE` in `scenario_MORE.py`.
A package that is installed beside kmm has races by an entry point in the group
`kmm.races`, and lessons and exercises by one in `kmm.lessons` or `kmm.exercises`, which
names a module whose folder they are in.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from .race import Race

LESSON, EXERCISE = "lesson.", "exercise."  # what their races' names begin with
PACKAGE = Path(__file__).parent.parent


class BrokenPlugin(Exception):
    """What an installed package offers cannot be used; the message says which, why."""


def own_lessons() -> Path:
    """The folder of this project's lessons: beside the package, or in it (a wheel)."""
    installed = PACKAGE / "lessons"
    return installed if installed.is_dir() else PACKAGE.parent / "lessons"


@cache
def lesson_folders() -> tuple[Path, ...]:
    """Where lessons are, this project's own first.  Those that are broken are not."""
    return (own_lessons(), *offered("kmm.lessons"))


@cache
def exercise_folders() -> tuple[Path, ...]:
    """Where exercises are, this project's own first."""
    return (own_lessons() / "exercises", *offered("kmm.exercises"))


def offered(group: str) -> list[Path]:
    """The folders of the modules that other packages name."""
    found = []
    for entry in plugins(group):
        spec = importlib.util.find_spec(entry.module)
        if spec is not None and spec.origin is not None:
            found.append(Path(spec.origin).parent)
    return found


def plugins(group: str) -> list[EntryPoint]:
    """What other packages offer, in the order of their names."""
    return sorted(entry_points(group=group), key=lambda entry: entry.name)


def names_elsewhere() -> list[str]:
    """What `find_elsewhere` finds."""
    own = [*names_in(LESSON, lesson_folders()), *names_in(EXERCISE, exercise_folders())]
    return own + [entry.name for entry in plugins("kmm.races")]


def names_in(prefix: str, folders: Iterable[Path]) -> list[str]:
    return [
        prefix + path.parent.name.replace("_", "-") + more_of(path)
        for folder in folders
        for path in sorted(folder.glob("*/scenario*.py"))
    ]


def more_of(path: Path) -> str:
    _, _, more = path.stem.partition("_")
    return f".{more}" if more else ""


def find_elsewhere(name: str) -> Race | None:
    """A race that is not in this room; None if there is none.  Raises BrokenPlugin."""
    if name.startswith(LESSON):
        return race_in(lesson_folders(), name.removeprefix(LESSON))
    if name.startswith(EXERCISE):
        return race_in(exercise_folders(), name.removeprefix(EXERCISE))
    for entry in plugins("kmm.races"):
        if entry.name == name:
            return plugin_race(entry)
    return None


def plugin_race(entry: EntryPoint) -> Race:
    try:
        race = entry.load()
    except Exception as error:  # somebody else's code, which may do anything
        raise BrokenPlugin(f"race {entry.name} ({entry.value}): {error!r}") from error
    if not isinstance(race, Race):
        raise BrokenPlugin(f"race {entry.name} ({entry.value}) is no Race")
    return race


@cache
def race_in(folders: tuple[Path, ...], name: str) -> Race | None:
    """The race that a lesson or an exercise brings with it; `NAME` or `NAME.MORE`."""
    own, _, more = name.partition(".")
    file = f"scenario_{more}.py" if more else "scenario.py"
    for folder in folders:
        path = folder / own.replace("-", "_") / file
        if path.is_file():
            return load_scenario(path)
    return None


def load_scenario(path: Path) -> Race:
    """`SCENARIO` of a file, which becomes the module lessons.FOLDER.scenario.

    An exercise's is lessons.exercises.FOLDER.scenario.  Raises BrokenPlugin.
    """
    above = path.parents[1].name
    room = "lessons.exercises" if above == "exercises" else "lessons"
    name = f"{room}.{path.parent.name}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        race = module.SCENARIO
    except Exception as error:  # the code of a lesson, which may do anything
        del sys.modules[name]
        raise BrokenPlugin(f"{path}: {error!r}") from error
    if not isinstance(race, Race):
        raise BrokenPlugin(f"{path}: SCENARIO is no Race")
    return race
