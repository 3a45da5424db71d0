"""`kmm list`: what there is."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from ..report.listing import KINDS, listing_json, listing_text
from .exits import OK
from .output import deliver, print_json, text_width


def lessons() -> list[dict[str, Any]]:
    from ..course import lessons

    return [
        {"name": one.name, "title": one.title, "abstract": one.abstract}
        for one in lessons()
    ]


def exercises() -> list[dict[str, Any]]:
    from ..exercises import exercises

    return [
        {
            "name": one.name,
            "title": one.title,
            "kind": one.kind,
            "lesson": one.lesson,
            "points": one.points,
        }
        for one in exercises()
    ]


MORE = {"lessons": lessons, "exercises": exercises}


def list_command(options: Namespace) -> int:
    kinds = [options.kind] if options.kind else list(KINDS)
    if options.json:
        whole: dict[str, Any] = {}
        for kind in kinds:
            whole.update(listing_json(kind, MORE))
        return print_json(whole)
    deliver(listing_text(kinds, text_width(), options.verbose, MORE) + "\n", None)
    return OK
