"""A lesson in plain text says everything that the screen says."""

from __future__ import annotations

import pytest

from kmm.course import Lesson, lessons
from kmm.course.lesson import Code, Question, Toggle
from kmm.course.tables import table_lines
from kmm.course.text import (
    code_lines,
    code_text,
    filled_prose,
    lesson_text,
    question_chunks,
    toggle_text,
)

QUESTION = next(lessons()[0].blocks(Question))


def test_answers_are_hidden_unless_asked_for() -> None:
    hidden = "\n".join(question_chunks(QUESTION, 80, answers=False))
    shown = "\n".join(question_chunks(QUESTION, 80, answers=True))
    reason = QUESTION.options[QUESTION.right].why.split()[0]
    assert "(right)" not in hidden
    assert "(right)" in shown
    assert reason in shown


def test_prose_is_filled_and_its_lists_stay_lists() -> None:
    text = filled_prose("One **bold**.\nTwo.\n\n- a\n  b\n- c\n1. d", 20)
    assert text == "One bold. Two.\n\n- a b\n- c\n1. d"


def test_a_link_keeps_its_target() -> None:
    assert filled_prose("See [there](docs/x.md).", 80) == "See there (docs/x.md)."


def test_a_drawing_keeps_its_lines() -> None:
    assert filled_prose("```text\na   b\n```", 10) == "    a   b"


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_code_fits_its_width_and_loses_no_word(lesson: Lesson) -> None:
    for block in lesson.blocks(Code):
        wide, narrow = code_text(block, 200), code_text(block, 80)
        assert max(map(len, narrow.splitlines())) <= 80
        assert narrow.split() == wide.split()


def test_a_broken_line_of_code_goes_on_further_right() -> None:
    assert code_lines("    return one(two, three)", 22) == [
        "    return one(two,",
        "        three)",
    ]


def test_a_table_fits_its_width_and_loses_no_word() -> None:
    table = "| one | two |\n| --- | --- |\n| a long cell of words | x |\n"
    for width in (80, 20):
        lines = table_lines(table, width)
        assert max(map(len, lines)) <= width
        assert {"a", "long", "cell", "of", "words", "x", "one", "two"} <= {
            word for line in lines for word in line.split()
        }


def test_a_toggle_says_how_to_see_each_verdict() -> None:
    text = toggle_text(Toggle("exec-stack", (("vanilla", "bug"), ("v6", "proved"))))
    assert "kmm hunt exec-stack --kernel vanilla" in text
    assert "kmm prove exec-stack --kernel v6" in text


def test_commands_too_long_to_stand_beside_the_verdicts_stand_below() -> None:
    kernels = ("v6", "bug"), ("2.6.36,anon-vma-pin=refcount-locked", "proved")
    text = toggle_text(Toggle("anon-vma-window", kernels))
    assert max(map(len, text.splitlines())) <= 80
    assert "\n      kmm hunt anon-vma-window --kernel v6\n" in text


def test_every_section_of_every_lesson_is_there() -> None:
    for lesson in lessons():
        text = lesson_text(lesson)
        for section in lesson.sections:
            assert f"\n{section.heading}\n---" in text
