"""Wrong answers, a module for each exercise, named as its folder is.

Each is the solution with one thing changed that somebody might well have written.
"""

from __future__ import annotations

import importlib
import pkgutil

from attrs import frozen


@frozen
class Wrong:
    """A submission, the first check that it fails, and what is said of it there."""

    text: str
    check: str | None  # None if it cannot be judged at all
    why: str


def wrong_answers() -> dict[str, tuple[str, Wrong]]:
    """All of them, as `exercise: what is wrong`, with the exercise's name."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        exercise = module.name.replace("_", "-")
        answers = importlib.import_module(f"{__name__}.{module.name}").WRONG
        for what, wrong in answers.items():
            found[f"{exercise}: {what}"] = (exercise, wrong)
    return found
