"""`kmm lesson`: the textbook as plain text."""

from __future__ import annotations

from argparse import Namespace
from textwrap import fill
from typing import Any

from ..course import find_lesson, lessons, parts
from ..course.claims import problems
from ..course.glossary import glossary
from ..course.lesson import Lesson
from ..course.library import library
from ..course.progress import Progress, load_progress
from ..course.text import lesson_text
from ..designs import UnknownName
from .exits import FAILED, OK, Usage, complain
from .output import deliver, print_json, text_width


def lesson_command(options: Namespace) -> int:
    for problem in library().broken:
        complain(f"left out: {problem}")
    if options.glossary:
        return words(options)
    if options.name is None:
        return contents(options)
    try:
        lesson = find_lesson(options.name)
    except UnknownName as error:
        raise Usage(str(error)) from None
    if options.check:
        return check(lesson)
    if options.json:
        return print_json(as_json(lesson, load_progress()))
    deliver(lesson_text(lesson, text_width(), answers=options.answers), options.output)
    return OK


def contents(options: Namespace) -> int:
    """The table of contents, and what was read of it."""
    progress = load_progress()
    if options.json:
        return print_json({"lessons": [as_json(one, progress) for one in lessons()]})
    blocks = []
    for part in parts():
        rows = [part.title.upper()]
        for lesson in part.lessons:
            mark = "x" if progress.is_done(lesson) else " "
            rows.append(f"  {lesson.number:2} [{mark}] {lesson.name:18} {lesson.title}")
        blocks.append("\n".join(rows))
    done = sum(progress.is_done(lesson) for lesson in lessons())
    total = len(lessons())
    share = f" ({100 * done // total} %)" if total else ""
    blocks.append(f"{done}/{total}{share} read.  `kmm lesson NAME` prints one.")
    deliver("\n\n".join(blocks) + "\n", options.output)
    return OK


def words(options: Namespace) -> int:
    """What the words of the course mean."""
    found = glossary()
    if options.json:
        return print_json(found)
    blocks = [
        fill(f"{term}: {text}", text_width(), subsequent_indent="  ")
        for term, text in found.items()
    ]
    deliver("\n".join([*blocks, ""]), options.output)
    return OK


def check(lesson: Lesson) -> int:
    """For authors: whether all that a lesson claims is so."""
    found = list(problems(lesson))
    for problem in found:
        print(problem)
    if not found:
        print(f"{lesson.name}: all that it claims is so.")
    return FAILED if found else OK


def as_json(lesson: Lesson, progress: Progress) -> dict[str, Any]:
    motion = lesson.motion
    return {
        "name": lesson.name,
        "number": lesson.number,
        "part": lesson.part,
        "title": lesson.title,
        "abstract": lesson.abstract,
        "needs": list(lesson.needs),
        "sections": [section.heading for section in lesson.sections],
        "race": motion.race if motion else None,
        "done": progress.is_done(lesson),
    }
