"""What a student has earned, which hints were told, and where the work is.

`$XDG_STATE_HOME/kmm/exercises.json` has it by the exercise's name; what this version
does not know is kept as it is.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from attrs import define, field

from ..course.progress import usual_path
from ..designs import UnknownName
from .desk import Copy, DeskError, copy_at
from .exercise import Exercise
from .read import ExerciseError


@define
class Scores:
    """What the file says.  Every change is written at once; else `problem` says why."""

    path: Path
    kept: dict[str, dict[str, Any]] = field(factory=dict)
    problem: str | None = None

    @staticmethod
    def load(path: Path | None = None) -> Scores:
        path = path or usual_path().with_name("exercises.json")
        try:
            return Scores(path, kept_in(path))
        except (OSError, ValueError, AttributeError, TypeError):
            return Scores(path, problem=f"{path} could not be read; nothing is kept")

    def best(self) -> dict[str, float]:
        """The most points that each exercise has had."""
        found = {name: one.get("best") for name, one in self.kept.items()}
        return {n: float(b) for n, b in found.items() if isinstance(b, int | float)}

    def earned(self, exercise: Exercise, points: float) -> None:
        if points >= self.best().get(exercise.name, 0.0):
            self.keep(exercise, "best", points)

    def hints_told(self, exercise: Exercise) -> int:
        """How many levels have been told."""
        told = self.kept.get(exercise.name, {}).get("hints", 0)
        return min(max(told, 0), len(exercise.hints)) if isinstance(told, int) else 0

    def next_hint(self, exercise: Exercise) -> int:
        """The level that is told next, from 1; it is remembered as told."""
        level = min(self.hints_told(exercise) + 1, len(exercise.hints))
        self.keep(exercise, "hints", level)
        return level

    def begun(self, copy: Copy) -> None:
        """Remember where a student works on an exercise."""
        self.keep(copy.exercise, "folder", str(copy.path.parent.resolve()))

    def copy_of(self, exercise: Exercise) -> Copy | None:
        """The copy that was begun last, if it is still there."""
        folder = self.kept.get(exercise.name, {}).get("folder")
        if not isinstance(folder, str):
            return None
        try:
            copy = copy_at(folder)
        except (DeskError, UnknownName, ExerciseError):
            return None
        return copy if copy.exercise.name == exercise.name else None

    def keep(self, exercise: Exercise, key: str, value: Any) -> None:
        """Write one thing down.  Others may have written since this was read."""
        self.kept.setdefault(exercise.name, {})[key] = value
        if self.problem is not None:
            return
        scratch = self.path.with_suffix(f".{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            newest = kept_in(self.path)
            newest.setdefault(exercise.name, {})[key] = value
            scratch.write_text(json.dumps(newest, indent=1) + "\n", encoding="utf-8")
            scratch.replace(self.path)
            self.kept = newest
        except OSError as error:
            self.problem = f"scores are not kept: {self.path}: {error.strerror}"
        except (ValueError, AttributeError, TypeError):
            self.problem = f"{self.path} could not be read; nothing is kept"


def kept_in(path: Path) -> dict[str, dict[str, Any]]:
    """What a file of scores says.  Raises an error if it is none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if not all(isinstance(one, dict) for one in values.values()):
        raise TypeError
    return dict(values)
