"""An exercise from its files.

`task.md` begins with TOML between two lines `+++`: title, kind, lesson, points, what
the kind needs, and a `[[check]]` for each check that students may see.  Those that they
may not are in `hidden.toml`, which a teacher may keep elsewhere.  `hints.md` has three
sections.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .exercise import KINDS, Check, Exercise

FRONT = re.compile(r"\A\+\+\+\n(?P<toml>.*?)^\+\+\+\n", re.S | re.M)
HINT = re.compile(r"^## .*\n", re.M)
HINTS = 3
LARGEST = 100_000  # bytes of any file of an exercise
OF_ALL = ("title", "kind", "lesson", "points", "check")
OF_CHECK = ("name", "title", "asks", "weight", "needs")


class ExerciseError(Exception):
    """An exercise's files are not an exercise; the message says where and why."""


def read_exercise(folder: Path, hidden: Path | None = None) -> Exercise:
    """The exercise in a folder.  Raises ExerciseError.

    `hidden` is the file with its hidden checks, where that is not in the folder.
    """
    path = folder / "task.md"
    text = read(path)
    front = FRONT.match(text)
    if front is None:
        raise ExerciseError(f"{path}: does not begin with +++ and TOML")
    values = toml(front["toml"], path)
    kind = take(values, "kind", str, path)
    if kind not in KINDS:
        raise ExerciseError(f"{path}: kind {kind!r} is not one of {', '.join(KINDS)}")
    checks = [check_of(one, path) for one in listed(values, path)]
    hidden = hidden or folder / "hidden.toml"
    if hidden.exists():
        kept = toml(read(hidden), hidden)
        checks += [check_of(one, hidden, hidden=True) for one in listed(kept, hidden)]
    return Exercise(
        folder.name.replace("_", "-"),
        take(values, "title", str, path),
        kind,
        take(values, "lesson", str, path),
        take(values, "points", int, path),
        text[front.end() :].strip("\n"),
        distinct(checks, path),
        hints_of(folder / "hints.md"),
        folder,
        {key: value for key, value in values.items() if key not in OF_ALL},
    )


def hints_of(path: Path) -> tuple[str, ...]:
    _, *hints = HINT.split(read(path))
    if len(hints) != HINTS:
        raise ExerciseError(f"{path}: {len(hints)} sections; there are {HINTS} levels")
    return tuple(hint.strip() for hint in hints)


def listed(values: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    found = values.get("check")
    if not isinstance(found, list) or not found:
        raise ExerciseError(f"{path}: no [[check]]")
    return found


def check_of(values: Mapping[str, Any], path: Path, *, hidden: bool = False) -> Check:
    weight = take(values, "weight", int, path)
    if weight <= 0:
        raise ExerciseError(f"{path}: a check of no weight: {values.get('name')}")
    return Check(
        take(values, "name", str, path),
        take(values, "title", str, path),
        take(values, "asks", str, path),
        weight,
        tuple(values.get("needs", ())),
        hidden,
        {key: value for key, value in values.items() if key not in OF_CHECK},
    )


def distinct(checks: list[Check], path: Path) -> tuple[Check, ...]:
    names = [check.name for check in checks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ExerciseError(f"{path}: two checks are called {', '.join(twice)}")
    for number, check in enumerate(checks):
        unknown = set(check.needs) - {*names[:number]}
        if unknown:
            raise ExerciseError(
                f"{path}: {check.name} needs {sorted(unknown)} before it"
            )
    return tuple(checks)


def read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(LARGEST)
    except (OSError, UnicodeDecodeError) as error:
        raise ExerciseError(f"{path}: cannot be read: {error}") from None


def toml(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ExerciseError(f"{path}: not TOML: {error}") from None


def take(values: Mapping[str, Any], key: str, kind: type, path: Path) -> Any:
    value = values.get(key)
    if not isinstance(value, kind) or value == "":
        raise ExerciseError(f"{path}: {key} is missing, or is no {kind.__name__}")
    return value
