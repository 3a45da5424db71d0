"""The hostile submissions that the tests keep, as a table for docs/classroom.md.

python tests/tools/attempts.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from exercises.hostile import ATTEMPTS, TAKEN_OVER  # noqa: E402

ROWS = len(ATTEMPTS) + len(TAKEN_OVER)


def listed() -> str:
    """A line for each, with a part of what is said of it."""
    lines = ["| attempt | what is said |", "| --- | --- |"]
    lines += [
        f"| {name} | `{a.said.replace('`', '')}` |" for name, a in ATTEMPTS.items()
    ]
    lines += ["", "And of a judge that was taken over entirely:", ""]
    lines += [f"- {name}" for name in TAKEN_OVER]
    return "\n".join(lines)


def said(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


if __name__ == "__main__":
    print(listed())
