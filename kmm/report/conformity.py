"""How far the model agrees with recorded cases: a line a file, and the differences.

Called by `kmm conform`, for each file.
"""

from __future__ import annotations

import textwrap
from pathlib import PurePath
from typing import Any

import attrs

from ..conform import Conformity, Difference

SHOWN = 5  # differences of a file that are printed
KEPT = 100  # differences of a file that JSON has


def conformity_text(found: Conformity, width: int) -> str:
    """One line with the counts, and the first differences in full."""
    lines = [textwrap.fill(summary(found), width, subsequent_indent="  ")]
    for difference in found.differences[:SHOWN]:
        lines += difference_lines(difference, width)
    more = len(found.differences) - SHOWN
    if more > 0:
        lines.append(f"  and {more:,} more (--json has up to {KEPT})")
    return "\n".join(lines)


def summary(found: Conformity) -> str:
    name = printable(PurePath(found.file).name)
    counts = [f"{found.agreed:,} agreed", f"{len(found.differences):,} differ"]
    for reason, number in sorted(found.skipped.items()):
        counts.append(f"{number:,} skipped ({reason})")
    cases = "case" if found.cases == 1 else "cases"
    text = f"{name}: {found.kind}, {found.cases:,} {cases}: {', '.join(counts)}"
    if found.interrupted:
        text += f"; interrupted after {found.done:,}"
    return text


def printable(name: str) -> str:
    """A file's name, which may hold anything but a slash."""
    return "".join(c if c.isprintable() else "?" for c in name)


def difference_lines(difference: Difference, width: int) -> list[str]:
    def line(head: str, text: str) -> str:
        indent = " " * len(head)
        return textwrap.fill(head + text, width, subsequent_indent=indent)

    return [
        line(f"  case {difference.case}: ", difference.asked),
        line("    recorded: ", difference.expected),
        line("    kmm:      ", difference.got),
    ]


def conformity_json(found: Conformity) -> dict[str, Any]:
    """One object for a file, with as many differences as are kept."""
    return {
        "file": found.file,
        "kind": found.kind,
        "cases": found.cases,
        "agreed": found.agreed,
        "differing": len(found.differences),
        "skipped": sum(found.skipped.values()),
        "skipped_why": dict(sorted(found.skipped.items())),
        "interrupted": found.interrupted,
        "differences": [attrs.asdict(d) for d in found.differences[:KEPT]],
    }
