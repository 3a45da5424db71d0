"""The source that a lesson shows, found by its dotted name.

A lesson never names a line, since lines move; `mark` is a part of one.
"""

from __future__ import annotations

import ast
from importlib.resources import files

from attrs import frozen

from .lesson import Code

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class NoSuchCode(Exception):
    """A dotted name, or a mark in it, is not there; the message says which."""


@frozen
class Excerpt:
    """A definition of the model, whole."""

    name: str
    file: str  # from the package's root
    first: int  # number of its first line
    lines: tuple[str, ...]
    marked: int | None  # the number of the line to look at


def excerpt(code: Code) -> Excerpt:
    """What a block of code stands for.  Raises NoSuchCode."""
    file, path = module_of(code.name)
    text = files("kmm").joinpath(*file.split("/")[1:]).read_text(encoding="utf-8")
    node = definition(ast.parse(text), path)
    if node is None:
        raise NoSuchCode(f"{code.name}: {file} defines no {'.'.join(path)}")
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    lines = text.splitlines()[first - 1 : node.end_lineno]
    marked = [first + n for n, line in enumerate(lines) if code.mark in line]
    if code.mark and len(marked) != 1:
        raise NoSuchCode(
            f"{code.name}: {code.mark!r} stands in {len(marked)} of its lines, not in 1"
        )
    return Excerpt(
        code.name, file, first, tuple(lines), marked[0] if code.mark else None
    )


def module_of(name: str) -> tuple[str, list[str]]:
    """The file of a dotted name, and what is to be found in it."""
    package, *path = name.split(".")
    if package != "kmm":
        raise NoSuchCode(f"{name}: names nothing in kmm")
    here, file = files("kmm"), "kmm"
    while path:
        word, *path = path
        file += f"/{word}"
        if path and here.joinpath(f"{word}.py").is_file():
            return f"{file}.py", path
        here = here.joinpath(word)
        if not here.is_dir():
            break
    raise NoSuchCode(f"{name}: there is no module for it")


def definition(tree: ast.Module, path: list[str]) -> Definition | None:
    """A function, a class, or a method of one."""
    body: list[ast.stmt] = tree.body
    found: Definition | None = None
    for word in path:
        found = next(
            (n for n in body if isinstance(n, Definition) and n.name == word), None
        )
        if found is None:
            return None
        body = found.body
    return found
