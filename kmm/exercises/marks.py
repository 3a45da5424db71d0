"""Points: what the findings about a submission are worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from .exercise import Check, Exercise, Finding
from .sandbox import Judgement

UNASKED = "the submission could not be judged"


@frozen
class Mark:
    """One check, and the points for it."""

    check: Check
    finding: Finding
    points: float
    of: float


@frozen
class Marks:
    """What a submission has earned, check by check."""

    exercise: Exercise
    judgement: Judgement
    rows: tuple[Mark, ...]

    @property
    def points(self) -> float:
        earned = sum(row.check.weight for row in self.rows if row.finding.passed)
        return round(self.exercise.points * earned / self.exercise.weight, 2)

    @property
    def passed(self) -> bool:
        """All of it, the hidden checks too; and there was something to pass."""
        return bool(self.rows) and all(row.finding.passed for row in self.rows)


def marks(exercise: Exercise, judgement: Judgement) -> Marks:
    return Marks(exercise, judgement, tuple(rows(exercise, judgement)))


def rows(exercise: Exercise, judgement: Judgement) -> Iterator[Mark]:
    found = {finding.check: finding for finding in judgement.findings}
    for check in exercise.checks:
        finding = found.get(check.name) or Finding(check.name, False, UNASKED)
        worth = round(exercise.points * check.weight / exercise.weight, 2)
        yield Mark(check, finding, worth if finding.passed else 0.0, worth)


def as_json(found: Marks, *, hidden: bool = False) -> dict[str, Any]:
    """For programs.  Of hidden checks only whether they passed, unless `hidden`."""
    return {
        "exercise": found.exercise.name,
        "kind": found.exercise.kind,
        "points": found.points,
        "of": found.exercise.points,
        "passed": found.passed,
        "complaint": found.judgement.complaint,
        "contained": found.judgement.contained,
        "checks": [
            row_json(row, tells=hidden or not row.check.hidden) for row in found.rows
        ],
    }


def row_json(row: Mark, *, tells: bool) -> dict[str, Any]:
    finding = row.finding
    return {
        "name": row.check.name,
        "title": row.check.title,
        "hidden": row.check.hidden,
        "passed": finding.passed,
        "weight": row.check.weight,
        "points": row.points,
        "of": row.of,
        "why": finding.why if tells else None,
        "schedule": finding.schedule if tells else None,
        "failure": finding.failure if tells else None,
        "drawing": finding.drawing if tells else None,
    }
