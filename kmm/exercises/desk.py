"""A student's copies: begun, compared with the starter, put back, and watched.

`start` puts the task and the starter into a folder, with a line in `exercise.toml` that
says which exercise it is.  What was earned is kept by `scores`.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from pathlib import Path
from typing import Any

from attrs import define, frozen

from . import answers
from .exercise import Exercise
from .library import exercises, find_exercise
from .read import ExerciseError, read_exercise

LARGEST = 200_000  # bytes of a submission
LABEL = "exercise.toml"
USUAL_SEED = 1


class DeskError(Exception):
    """A file that is not there, or not what it should be; the message says which."""


@frozen
class Copy:
    """A student's file, and the exercise that it is for."""

    exercise: Exercise
    path: Path
    seed: int | None = None  # of an exercise whose numbers one chooses
    is_own: bool = True  # whether `start` laid it out, and what it earns is kept

    def text(self) -> str:
        return read_submission(self.path)

    def exercise_with(self, hidden: Path | None) -> Exercise:
        """The exercise, with hidden checks that are kept elsewhere.

        Raises DeskError.
        """
        if hidden is None:
            return self.exercise
        try:
            return read_exercise(self.exercise.folder, hidden)
        except ExerciseError as error:
            raise DeskError(str(error)) from None

    @property
    def starter(self) -> str:
        """The file as it was at first."""
        return starter_of(self.exercise, self.seed)

    def difference(self) -> str:
        """What the student has changed, as a unified diff."""
        lines = difflib.unified_diff(
            self.starter.splitlines(keepends=True),
            self.text().splitlines(keepends=True),
            f"{self.path.name} (starter)",
            self.path.name,
        )
        return "".join(lines)

    def reset(self) -> Path | None:
        """Put the starter back; the file that was there is kept beside it.

        Raises DeskError.
        """
        kept = None
        try:
            if self.path.exists():
                kept = backup_of(self.path)
                self.path.replace(kept)
            self.path.write_text(self.starter, encoding="utf-8")
        except OSError as error:
            raise DeskError(f"cannot write {self.path}: {error.strerror}") from None
        return kept


def starter_of(exercise: Exercise, seed: int | None) -> str:
    if exercise.kind == "answer":
        return answers.starter(exercise, USUAL_SEED if seed is None else seed)
    return exercise.starter.read_text(encoding="utf-8")


def solution_of(exercise: Exercise, seed: int | None) -> str:
    if exercise.kind == "answer":
        return answers.solution(exercise, USUAL_SEED if seed is None else seed)
    return exercise.solution.read_text(encoding="utf-8")


def task_of(exercise: Exercise, seed: int | None) -> str:
    """What the student reads."""
    text = f"# {exercise.title}\n\n{exercise.task}\n"
    if exercise.kind == "answer":
        made = answers.variant(exercise, USUAL_SEED if seed is None else seed)
        text += f"\n{made.text}"
    return text


def start(exercise: Exercise, folder: Path, seed: int | None) -> Copy:
    """Lay out the task and the starter.

    Raises DeskError where something is already.
    """
    if exercise.kind == "answer" and seed is None:
        seed = USUAL_SEED
    copy = Copy(exercise, folder / exercise.file, seed)
    there = [p for p in (copy.path, folder / LABEL) if p.exists()]
    if there:
        raise DeskError(
            f"{there[0]} is there already; `kmm exercise reset` begins anew"
        )
    label = [
        f"name = {json.dumps(known_as(exercise))}",
        *([f"seed = {seed}"] if seed is not None else []),
    ]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LABEL).write_text("\n".join(label) + "\n", encoding="utf-8")
        (folder / "task.md").write_text(task_of(exercise, seed), encoding="utf-8")
        copy.path.write_text(copy.starter, encoding="utf-8")
    except OSError as error:
        raise DeskError(f"cannot write in {folder}: {error.strerror}") from None
    return copy


def known_as(exercise: Exercise) -> str:
    """What `find_exercise` finds it by: its folder, if it is on no shelf."""
    on_shelf = any(one.folder == exercise.folder for one in exercises())
    return exercise.name if on_shelf else str(exercise.folder.resolve())


def copy_at(file: str | None, name: str | None = None) -> Copy:
    """The copy that a file or a folder is; `name` where no label says it.

    Raises DeskError, UnknownName.
    """
    path = Path(file) if file else Path()
    folder = path if path.is_dir() else path.parent
    label = label_of(folder / LABEL)
    is_own = name is None
    name = name or label.get("name")
    if name is None:
        raise DeskError(
            f"no exercise is known of {path}: there is no {LABEL} beside it; say which "
            f"by --exercise NAME, or begin with `kmm exercise start NAME`"
        )
    exercise = find_exercise(str(name))
    path = path / exercise.file if path.is_dir() else path
    seed = label.get("seed")
    return Copy(exercise, path, seed if isinstance(seed, int) else None, is_own)


def label_of(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return {}
    except tomllib.TOMLDecodeError as error:
        raise DeskError(f"{path}: {error}") from None


def read_submission(path: Path) -> str:
    """A submission as text.  Raises DeskError: no file, too large, no text."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise DeskError(
            f"cannot read {path}: {os.strerror(error.errno or 0)}"
        ) from None
    if len(data) > LARGEST:
        raise DeskError(f"{path} has more than {LARGEST:,} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise DeskError(f"{path} is not text") from None


def backup_of(path: Path) -> Path:
    """A name beside a file that nothing has yet."""
    number = 1
    while (found := path.with_name(f"{path.name}.~{number}~")).exists():
        number += 1
    return found


@define
class Watched:
    """A file that is looked at again and again, for what is in it to change.

    Only that counts, and not its times: some editors write a file twice, some put
    another in its place.  While it is not there, or empty, somebody is saving it.
    """

    path: Path
    seen: str | None = None  # what was in it when it was judged last

    def changed(self) -> str | None:
        """What is in it, if that is new."""
        text = self.now()
        if text is None or text == self.seen:
            return None
        self.seen = text
        return text

    def is_stale(self) -> bool:
        """Whether what is being judged is not what is in the file any more."""
        return self.now() not in (None, self.seen)

    def now(self) -> str | None:
        try:
            return read_submission(self.path) or None
        except DeskError:
            return None
