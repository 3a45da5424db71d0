"""Submissions that are answers to questions, whose numbers a seed chooses.

`variant.py` in the exercise's folder has `variant(seed)`, which makes the questions and
their answers.  It is the author's code, and no student's runs here.
"""

from __future__ import annotations

import importlib.util
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from .exercise import Check, Complaint, Exercise, Finding

MOST_SEED = 1_000_000


@frozen
class Ask:
    """One question of a variant."""

    key: str  # in answers.toml
    asks: str
    answer: int | str


@frozen
class Variant:
    """The questions of one seed."""

    text: str  # what they are about: tables, an address
    asks: tuple[Ask, ...]

    def answer(self, key: str) -> int | str:
        return next(ask.answer for ask in self.asks if ask.key == key)


def variant(exercise: Exercise, seed: int) -> Variant:
    """The questions of a seed, always the same."""
    module = load_module(exercise.folder / "variant.py")
    found = module.variant(seed)
    assert isinstance(found, Variant)
    return found


def load_module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"exercise.{path.parent.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def starter(exercise: Exercise, seed: int) -> str:
    """answers.toml as a student gets it."""
    made = variant(exercise, seed)
    lines = [f"seed = {seed}", ""]
    for ask in made.asks:
        lines += [f"# {ask.asks}", f'{ask.key} = ""', ""]
    return "\n".join(lines)


def solution(exercise: Exercise, seed: int) -> str:
    """answers.toml as it should be."""
    asks = variant(exercise, seed).asks
    rows = [f'{ask.key} = "{shown(ask.answer)}"' for ask in asks]
    return "\n".join([f"seed = {seed}", "", *rows, ""])


def shown(answer: int | str) -> str:
    """Numbers in hexadecimal, unless that says the same."""
    return f"{answer:#x}" if isinstance(answer, int) and answer > 9 else str(answer)


def answers_of(text: str, exercise: Exercise, seed: int | None) -> Mapping[str, Any]:
    """What a student says.  Raises Complaint, also for another seed than is asked."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Complaint(f"not TOML: {error}") from None
    own = values.get("seed")
    if type(own) is not int or not 0 <= own <= MOST_SEED:
        raise Complaint(f"seed is missing, or is no number up to {MOST_SEED:,}")
    if seed not in (None, own):
        raise Complaint(f"these are the answers of seed {own}, not of seed {seed}")
    return values


def is_right(values: tuple[Mapping[str, Any], Variant], check: Check) -> Finding:
    """One answer.  A wrong one is not told the right one."""
    said, made = values
    key = check.settings["key"]
    found, expected = said.get(key, ""), made.answer(key)
    if found in ("", []):
        return Finding(check.name, False, f"{key} has no answer")
    given, right = as_answer(found, expected), as_answer(expected, expected)
    told = f"{key} = {str(found)[:40]!r}"
    if given is None:
        told += ", which is no number"
    return Finding(check.name, given == right, told)


def as_answer(given: Any, expected: int | str) -> int | str | None:
    """A number may be given in any base that Python reads.

    Words, or several numbers, are parted by spaces or commas, or are a TOML list.
    """
    if isinstance(expected, str):
        parts = given if isinstance(given, list) else [given]
        words = " ".join(str(part) for part in parts).replace(",", " ")
        return " ".join(words.lower().split())
    try:
        return int(str(given).replace("_", "").strip()[:40], 0)
    except ValueError:
        return None


ASKS = {"is-right": is_right}
