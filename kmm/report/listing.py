"""What there is: races, designs, kernels, and what is still to come.

Called by `kmm list`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from ..designs import ALIASES, KERNELS, QUESTIONS
from ..designs.kernels import FOR_ALL
from ..scenarios import RACES
from ..workloads import WORKLOADS

KINDS = ("races", "designs", "kernels", "lessons", "exercises", "workloads")


# What there is of each kind.  Rooms above this one have more to list than it knows.
Catalogue = Mapping[str, Callable[[], list[dict[str, Any]]]]


def listing_json(
    kind: str, catalogue: Catalogue | None = None
) -> dict[str, list[dict[str, Any]]]:
    """`{KIND: [{"name": ..., "title": ..., ...}]}`."""
    return {kind: list_of(kind, catalogue or ROWS)}


def list_of(kind: str, catalogue: Catalogue) -> list[dict[str, Any]]:
    return catalogue[kind]() if kind in catalogue else []


def races() -> list[dict[str, Any]]:
    return [
        {
            "name": race.name,
            "title": race.title,
            "asks": race.asks,
            "sets": dict(race.sets),
            "triggers": list(race.triggers),
        }
        for race in RACES.values()
    ]


def designs() -> list[dict[str, Any]]:
    return [
        {
            "name": answer.name,
            "title": answer.title,
            "question": answer.question,
            "tag": answer.tag,
            "source": answer.source,
            "closes": answer.closes,
            "costs": answer.costs,
        }
        for answers in QUESTIONS.values()
        for answer in answers.values()
    ]


def kernels() -> list[dict[str, Any]]:
    return [
        {
            "name": spec.name,
            "title": spec.title,
            "aliases": [a for a, name in ALIASES.items() if name == spec.name],
            **{question: a.name for question, a in spec.answers.items()},
        }
        for spec in KERNELS.values()
    ]


def workloads() -> list[dict[str, Any]]:
    return [
        {"name": name, "title": title, "command": command}
        for name, (title, command) in WORKLOADS.items()
    ]


ROWS: Catalogue = {
    "races": races,
    "designs": designs,
    "kernels": kernels,
    "workloads": workloads,
}


def listing_text(
    kinds: list[str],
    width: int = 80,
    stories: bool = False,
    catalogue: Catalogue | None = None,
) -> str:
    """For people; kinds of which there is none yet share the last line."""
    found = {kind: list_of(kind, catalogue or ROWS) for kind in kinds}
    empty = [kind for kind, rows in found.items() if not rows]
    blocks = [
        "\n".join(section(kind, rows, width, stories))
        for kind, rows in found.items()
        if rows
    ]
    if empty:
        blocks.append(f"No {', '.join(empty)} yet.")
    return "\n\n".join(blocks)


def section(
    kind: str, rows: list[dict[str, Any]], width: int, stories: bool
) -> list[str]:
    indent = max(len(row["name"]) for row in rows) + 4
    lines = [kind.upper()]
    question = None
    for row in rows:
        if row.get("question") != question:
            question = row["question"]
            asks = next(iter(QUESTIONS[question].values())).asks
            lines += wrapped(f" {question}: {asks}", width, 3)
        head = f"  {row['name']}".ljust(indent)
        lines += wrapped(f"{head}{row['title']}{remark(kind, row)}", width, indent)
        if stories:
            for label, text in details(kind, row):
                lines += wrapped(f"      {label}: {text}", width, 8)
    if kind == "kernels" and stories:
        lines += wrapped(f"  {FOR_ALL}", width, 2)
    return lines


def wrapped(text: str, width: int, indent: int) -> list[str]:
    """Lines of at most `width`, all but the first indented."""
    return textwrap.wrap(
        text,
        width,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def remark(kind: str, row: dict[str, Any]) -> str:
    if kind == "kernels" and row["aliases"]:
        return f" (also: {', '.join(row['aliases'])})"
    if kind == "races" and row["sets"]:
        return f" (with {', '.join(f'{q}={a}' for q, a in row['sets'].items())})"
    if kind == "workloads":
        return f" ({row['command']})"
    return ""


def details(kind: str, row: dict[str, Any]) -> list[tuple[str, str]]:
    """What -v adds to a row."""
    if kind == "races":
        triggers = ", ".join(row["triggers"])
        return [("asks", row["asks"]), *([("triggers", triggers)] if triggers else [])]
    if kind == "designs":
        return [("from", row["source"]), *((k, row[k]) for k in ("closes", "costs"))]
    if kind == "lessons":
        return [("part", row["part"]), ("about", row["abstract"])]
    if kind == "workloads":
        return []
    answers = ", ".join(f"{q}={row[q]}" for q in QUESTIONS)
    return [("answers", answers)]
