"""A new exercise: a copy of one that is right, to be changed bit by bit."""

from __future__ import annotations

import shutil
from pathlib import Path

from .desk import DeskError
from .library import find_exercise

# What a new exercise of a kind is a copy of: the plainest, with no scene of its own.
MODELS = {
    "answer": "walk-by-hand",
    "function": "try-to-unmap-one",
    "design": "exec-stack",
    "schedule": "break-vanilla",
    "litmus": "tell-apart",
}


def new(name: str, kind: str, folder: Path) -> Path:
    """A folder for an exercise of a kind.  Raises DeskError where something is already.

    It is right from the start (`verify`), so that one sees which change made it wrong.
    """
    model = find_exercise(MODELS[kind])
    target = folder / name.replace("-", "_")
    if target.exists():
        raise DeskError(f"{target} is there already")
    try:
        shutil.copytree(
            model.folder, target, ignore=shutil.ignore_patterns("__pycache__")
        )
    except OSError as error:
        raise DeskError(f"cannot write {target}: {error}") from None
    return target
