"""`kmm list`: what there is."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from ..course import lessons
from ..exercises import exercises
from ..report.listing import KINDS, listing_json, listing_text
from .exits import OK
from .output import deliver, print_json, text_width


def lesson_rows() -> list[dict[str, Any]]:
    return [
        {
            "name": lesson.name,
            "title": lesson.title,
            "number": lesson.number,
            "part": lesson.part,
            "abstract": lesson.abstract,
            "needs": list(lesson.needs),
        }
        for lesson in lessons()
    ]


def exercise_rows() -> list[dict[str, Any]]:
    return [
        {
            "name": exercise.name,
            "title": exercise.title,
            "kind": exercise.kind,
            "lesson": exercise.lesson,
            "points": exercise.points,
        }
        for exercise in exercises()
    ]


MORE = {"lessons": lesson_rows, "exercises": exercise_rows}


def list_command(options: Namespace) -> int:
    kinds = [options.kind] if options.kind else list(KINDS)
    if options.json:
        whole: dict[str, Any] = {}
        for kind in kinds:
            whole.update(listing_json(kind, MORE))
        return print_json(whole)
    text = listing_text(kinds, text_width(), options.verbose, MORE)
    deliver(text + "\n", None)
    return OK
