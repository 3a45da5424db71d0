"""What there is: races, designs, kernels, and the rooms that are still empty."""

from __future__ import annotations

from typing import Any

from ..designs import ALIASES, KERNELS, QUESTIONS
from ..scenarios import RACES

KINDS = ("races", "designs", "kernels", "lessons", "exercises", "workloads")


def listing_json(kind: str) -> dict[str, list[dict[str, Any]]]:
    """`{KIND: [{"name": ..., "title": ..., ...}]}`."""
    return {kind: list_of(kind)}


def list_of(kind: str) -> list[dict[str, Any]]:
    if kind == "races":
        return [
            {"name": r.name, "title": r.title, "asks": r.asks, "sets": dict(r.sets)}
            for r in RACES.values()
        ]
    if kind == "designs":
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
    if kind == "kernels":
        return [
            {
                "name": spec.name,
                "title": spec.title,
                "aliases": [a for a, name in ALIASES.items() if name == spec.name],
                "lacks": list(spec.lacks),
                **{question: a.name for question, a in spec.answers.items()},
            }
            for spec in KERNELS.values()
        ]
    return []  # lessons, exercises and workloads are not written yet


def listing_text(kinds: list[str]) -> str:
    return "\n\n".join("\n".join(section(kind)) for kind in kinds)


def section(kind: str) -> list[str]:
    rows = list_of(kind)
    if not rows:
        return [f"{kind.upper()}", "  none yet"]
    width = max(len(row["name"]) for row in rows)
    lines = [kind.upper()]
    question = None
    for row in rows:
        if row.get("question") != question:
            question = row["question"]
            lines.append(f" {question}")
        lines.append(f"  {row['name']:{width}}  {row['title']}{remark(kind, row)}")
    return lines


def remark(kind: str, row: dict[str, Any]) -> str:
    remarks = []
    if kind == "kernels":
        if row["aliases"]:
            remarks.append(f"also: {', '.join(row['aliases'])}")
        if row["lacks"]:
            remarks.append(f"{', '.join(row['lacks'])} not written yet")
    if kind == "races" and row["sets"]:
        remarks.append(f"with {', '.join(f'{q}={a}' for q, a in row['sets'].items())}")
    return f" ({'; '.join(remarks)})" if remarks else ""
