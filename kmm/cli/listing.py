"""`kmm list`: what there is."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from ..course import lessons
from ..report.listing import KINDS, ROWS, listing_json, listing_text
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


CATALOGUE = {**ROWS, "lessons": lesson_rows}


def list_command(options: Namespace) -> int:
    kinds = [options.kind] if options.kind else list(KINDS)
    if options.json:
        whole: dict[str, Any] = {}
        for kind in kinds:
            whole.update(listing_json(kind, CATALOGUE))
        return print_json(whole)
    text = listing_text(kinds, text_width(), options.verbose, CATALOGUE)
    deliver(text + "\n", None)
    return OK
