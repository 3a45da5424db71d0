"""What each module says that it leaves out, as a table.

    python tests/tools/left_out.py

A module's docstring ends with a paragraph `Left out: ...` where there is something that
a reader may look for in vain.  docs/modelled.md shows them all.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("sim", "hw", "mm", "kernel", "fs", "workloads")
LEFT_OUT = re.compile(r"\bLeft out:\s+(?P<what>.*?)(?:\n\s*\n|\Z)", re.S)


def left_out() -> Iterator[tuple[str, str]]:
    """Each file with what it leaves out, in a line."""
    for room in ROOMS:
        for path in sorted((ROOT / "kmm" / room).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            found = LEFT_OUT.search(ast.get_docstring(ast.parse(text)) or "")
            if found:
                name = path.relative_to(ROOT).as_posix()
                yield name, " ".join(found["what"].split()).replace("|", r"\|")


def table() -> str:
    rows = (f"| [{name}](../{name}) | {what} |" for name, what in left_out())
    return "\n".join(["| module | left out |", "| --- | --- |", *rows])


if __name__ == "__main__":
    print(table())
