"""Every lesson can be read, and what it claims is so."""

from __future__ import annotations

import pytest

from kmm.course import Lesson, lessons
from kmm.course.claims import problems
from kmm.course.lesson import Code, Prose
from kmm.course.library import library
from kmm.course.text import lesson_text
from kmm.scenarios.matrix import Store, usual_folder

LESSONS = pytest.mark.parametrize("lesson", lessons(), ids=lambda one: one.name)


def test_no_lesson_is_left_out() -> None:
    assert library().broken == ()


@pytest.mark.slow
@LESSONS
def test_what_a_lesson_claims_is_so(lesson: Lesson) -> None:
    assert list(problems(lesson, Store(usual_folder()))) == []


@LESSONS
def test_a_lesson_needs_only_lessons_before_it(lesson: Lesson) -> None:
    before = [one.name for one in lessons() if one.number < lesson.number]
    assert set(lesson.needs) <= set(before)


@LESSONS
def test_a_lesson_shows_code_and_tells_its_idea(lesson: Lesson) -> None:
    assert list(lesson.blocks(Code))
    assert list(lesson.blocks(Prose))


@LESSONS
@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_prose_of_a_lesson_fits_the_width(lesson: Lesson, width: int) -> None:
    text = lesson_text(lesson, width)
    verbatim = ("|", ">", " ", "$")
    prose = [line for line in text.splitlines() if not line.startswith(verbatim)]
    too_long = [line for line in prose if len(line) > width and " " in line.strip()]
    assert [line for line in too_long if not is_output(line)] == []


def is_output(line: str) -> bool:
    """What a command or a run prints is as wide as it is."""
    return len(line) <= 88
