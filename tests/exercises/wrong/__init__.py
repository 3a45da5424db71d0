"""Wrong answers, a module for each exercise, named as its folder is.

Most are the solution with one thing changed, as somebody might well have written it.
A module may have other right answers too (`RIGHT`), which are not to be refused.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

from attrs import frozen


@frozen
class Wrong:
    """A submission, the first check that it fails, and what is said of it there."""

    text: str
    check: str | None  # None if it cannot be judged at all
    why: str


def wrong_answers() -> dict[str, tuple[str, Wrong]]:
    """All of them, as `exercise: what is wrong`, with the exercise's name."""
    return {f"{e}: {what}": (e, each) for e, what, each in answers("WRONG")}


def right_answers() -> dict[str, tuple[str, str]]:
    """Other right ones than the solutions."""
    return {f"{e}: {what}": (e, each) for e, what, each in answers("RIGHT")}


def answers(kind: str) -> Iterator[tuple[str, str, Any]]:
    for module in pkgutil.iter_modules(__path__):
        found = importlib.import_module(f"{__name__}.{module.name}")
        for what, each in getattr(found, kind, {}).items():
            yield module.name.replace("_", "-"), what, each
