"""What there is: races, designs, kernels, workloads.

Called by `kmm list`, which has lessons and exercises from rooms that come after this
one, and hands in their rows.
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


Rows = list[dict[str, Any]]
More = Mapping[str, Callable[[], Rows]]  # rows of kinds that are not this room's
NO_MORE: More = {}


def listing_json(kind: str, more: More = NO_MORE) -> dict[str, Rows]:
    """`{KIND: [{"name": ..., "title": ..., ...}]}`."""
    return {kind: list_of(kind, more)}


def list_of(kind: str, more: More) -> Rows:
    make = {**ROWS, **more}.get(kind)
    return make() if make else []


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


ROWS = {
    "races": races,
    "designs": designs,
    "kernels": kernels,
    "workloads": workloads,
}


def listing_text(
    kinds: list[str], width: int = 80, stories: bool = False, more: More = NO_MORE
) -> str:
    """For people; kinds of which there is none share the last line."""
    found = {kind: list_of(kind, more) for kind in kinds}
    blocks = [
        "\n".join(section(kind, rows, width, stories))
        for kind, rows in found.items()
        if rows
    ]
    empty = [kind for kind, rows in found.items() if not rows]
    if empty:
        blocks.append(f"No {', '.join(empty)}.")
    return "\n\n".join(blocks)


def section(kind: str, rows: Rows, width: int, stories: bool) -> list[str]:
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
    if kind == "exercises":
        return f" ({row['kind']}, {row['points']} points)"
    return ""


def details(kind: str, row: dict[str, Any]) -> list[tuple[str, str]]:
    """What -v adds to a row."""
    if kind == "races":
        triggers = ", ".join(row["triggers"])
        return [("asks", row["asks"]), *([("triggers", triggers)] if triggers else [])]
    if kind == "designs":
        return [("from", row["source"]), *((k, row[k]) for k in ("closes", "costs"))]
    if kind == "workloads":
        return []
    if kind == "lessons":
        return [("in short", row["abstract"])]
    if kind == "exercises":
        return [("lesson", row["lesson"])]
    answers = ", ".join(f"{q}={row[q]}" for q in QUESTIONS)
    return [("answers", answers)]
