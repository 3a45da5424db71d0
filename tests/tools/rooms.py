"""The rooms of kmm, drawn from their own imports.

    python tests/tools/rooms.py

A room is a package below kmm/.  The order is that of the import contract in
pyproject.toml, so an arrow that ran up would have no place in the drawing.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
STEP = 4  # columns from one shaft to the next

Imports = Mapping[str, frozenset[str]]


def rooms() -> list[str]:
    """The packages below kmm/, whoever imports first, as the contract has them."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (contract,) = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    names = [name for layer in contract["layers"] for name in layer.split(" | ")]
    return [name for name in names if (ROOT / "kmm" / name).is_dir()]


def imports() -> Imports:
    """Which rooms each room imports, but for annotations."""
    names = rooms()
    return {room: frozenset(imported_by(room)) & {*names} - {room} for room in names}


def imported_by(room: str) -> Iterator[str]:
    for path in (ROOT / "kmm" / room).rglob("*.py"):
        package = path.relative_to(ROOT).parent.parts
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for module in modules_named(tree, package):
            top, *below = module.split(".")
            if top == "kmm" and below:
                yield below[0]


def modules_named(tree: ast.AST, package: Sequence[str]) -> Iterator[str]:
    """What the imports of a module of that package name, in full."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)
        elif not is_for_annotations(node):
            yield from modules_named(node, package)


def is_for_annotations(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def drawing(order: Sequence[str], taken: Imports) -> str:
    """Boxes down the diagonal; from each a line to the right, with a dot for an import.

    Below the dot a shaft runs down to the box of the room that is imported.
    """
    first = max(len(room) + 1 - STEP * i for i, room in enumerate(order))
    shafts = {room: first + STEP * i for i, room in enumerate(order)}
    rows = []
    wanted: set[str] = set()  # by the rooms drawn so far, and not drawn yet
    for room in order:
        left, right = shafts[room] - len(room) - 1, shafts[room] + 2
        open_ones = wanted - {room}
        top = canvas(shafts, open_ones, left, f"┌{'─' * (right - left - 1)}┐")
        if room in wanted:
            top[shafts[room]] = "▼"
        middle = canvas(shafts, open_ones, left, f"│ {room} │")
        draw_line(middle, right, shafts, taken[room])
        wanted = open_ones | taken[room]
        foot = canvas(shafts, wanted, left, f"└{'─' * (right - left - 1)}┘")
        rows += ["".join(row).rstrip() for row in (top, middle, foot)]
    return "\n".join(rows)


def canvas(
    shafts: Mapping[str, int], passing: set[str], left: int, box: str
) -> list[str]:
    """One row: a box, and the shafts that pass it on its right."""
    row = [" "] * (max(shafts.values()) + 3)
    row[left : left + len(box)] = box
    for room in passing:
        row[shafts[room]] = "│"
    return row


def draw_line(
    row: list[str], right: int, shafts: Mapping[str, int], taken: frozenset[str]
) -> None:
    """The line out of a box's right wall, as far as its last import."""
    if not taken:
        return
    row[right] = "├"
    for column in range(right + 1, max(shafts[room] for room in taken) + 1):
        row[column] = "┼" if row[column] == "│" else "─"
    for room in taken:
        row[shafts[room]] = "●"


def picture() -> str:
    """The drawing as it stands in docs/design.md."""
    return f"```text\n{drawing(rooms(), imports())}\n```\n"


if __name__ == "__main__":
    sys.stdout.write(picture())
