"""The source of the model, as a thread that is suspended in it sees it.

It is read from the installed package, so it may be missing; then there are no lines.
Called by `session` and `narration`.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from attrs import frozen

from ..scenarios.found import lesson_folders
from ..sim.thread import Place

PACKAGE = "kmm"

Definition = ast.FunctionDef | ast.AsyncFunctionDef


@frozen(cache_hash=True)
class Function:
    """A function of the model: its lines, and what it is for."""

    name: str
    file: str
    first: int  # number of its first line
    lines: tuple[str, ...]
    summary: str  # the first sentence of its docstring


@lru_cache(maxsize=256)
def function_at(place: Place) -> Function:
    """The function that `place` is in; without lines if its source is not there."""
    text = read_source(place.file)
    found = [
        node
        for node in definitions(place.file)
        if node.name == place.function
        and node.lineno <= place.line <= (node.end_lineno or node.lineno)
    ]
    if text is None or not found:
        return Function(place.function, place.file, place.line, (), "")
    innermost = max(found, key=lambda node: node.lineno)
    first, last = innermost.lineno, innermost.end_lineno or innermost.lineno
    lines = text.splitlines()[first - 1 : last]
    return Function(
        place.function, place.file, first, tuple(dedent(lines)), summary_of(innermost)
    )


@lru_cache(maxsize=64)
def read_source(file: str) -> str | None:
    """The text of a file of this package, named from the package's root."""
    room, *path = file.split("/")
    try:
        if room == "lessons":
            return find_lesson_file(path).read_text(encoding="utf-8")
        if room != PACKAGE or not path:
            return None
        return files(PACKAGE).joinpath(*path).read_text(encoding="utf-8")
    except OSError:
        return None


def find_lesson_file(path: Sequence[str]) -> Path:
    """Of the folders of lessons, in the first that has it."""
    places = [folder.joinpath(*path) for folder in lesson_folders()]
    return next((place for place in places if place.is_file()), places[0])


@lru_cache(maxsize=64)
def definitions(file: str) -> tuple[Definition, ...]:
    """The functions of a file, nested ones included."""
    text = read_source(file)
    if text is None:
        return ()
    return tuple(
        node for node in ast.walk(ast.parse(text)) if isinstance(node, Definition)
    )


def summary_of(node: Definition) -> str:
    """The first sentence of a docstring."""
    paragraph = (ast.get_docstring(node) or "").partition("\n\n")[0]
    sentence, stop, _ = " ".join(paragraph.split()).partition(". ")
    return sentence + stop.rstrip()


def dedent(lines: list[str]) -> list[str]:
    """Take away what all lines are indented by: methods and inner functions."""
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    least = min(indents, default=0)
    return [line[least:] for line in lines]
