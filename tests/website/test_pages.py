"""What is made of the program is whole: nothing that it has is missing on the site."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

import pytest
from website.chapters import chapter
from website.designs import designs
from website.exercises import exercises_page
from website.links import page_of
from website.names import inventory, modules
from website.races import matrix_page, verdicts
from website.reference import reference
from website.tree import SIDEBAR, documents, toctree

from kmm.course import Lesson, lessons
from kmm.course.code import excerpt
from kmm.course.lesson import Code, Console, Question
from kmm.designs import KERNELS, QUESTIONS
from kmm.exercises import exercises
from kmm.report.difference import difference
from kmm.scenarios import RACES


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_a_chapter_has_what_kmm_lesson_prints(lesson: Lesson) -> None:
    page = chapter(lesson)
    for code in lesson.blocks(Code):
        assert "\n".join(excerpt(code).lines) in page
    for console in lesson.blocks(Console):
        assert console.output.strip("\n") in page
    if lesson.motion is not None:
        assert lesson.transcript.read_text(encoding="utf-8").strip("\n") in page
    assert [s.heading for s in lesson.sections] == re.findall(r"^## (.*)$", page, re.M)


def test_an_answer_is_folded_below_its_option() -> None:
    lesson = next(one for one in lessons() if one.name == "page-walk")
    options = [o for question in lesson.blocks(Question) for o in question.options]
    page = chapter(lesson)
    assert page.count('<details class="answer"><summary>') == len(options)
    assert page.count("**Right.**") == len(list(lesson.blocks(Question)))


def test_every_exercise_is_told_but_not_its_hidden_checks_or_solution() -> None:
    page = exercises_page()
    for exercise in exercises():
        assert f"\n## {exercise.title}\n" in page
        assert f"`kmm exercise start {exercise.name}`" in page
        for check in exercise.checks:
            assert (f"\n- {check.title}\n" in page) is not check.hidden
        assert not any(hint in page for hint in exercise.hints)


def test_a_chapter_leads_to_the_exercises_that_belong_to_it() -> None:
    lesson = next(one for one in lessons() if one.name == "exec-stack")
    assert "(../exercises.md#fix-execs-stack)" in chapter(lesson)


def test_the_matrix_has_every_race_on_every_kernel() -> None:
    assert set(verdicts()) == set(RACES)
    assert all(set(cells) == set(KERNELS) for cells in verdicts().values())
    page = matrix_page()
    assert re.findall(r"^## (.*)$", page, re.M) == list(RACES)


def test_every_answer_is_shown_with_all_that_it_changes() -> None:
    pages = designs()
    for question, answers in QUESTIONS.items():
        page = pages[f"designs/{question}"]
        assert re.findall(r"^## (.*)$", page, re.M) == list(answers)
        for answer in answers.values():
            if answer.base is not None:
                one = f"{question}={answer.base.name}"
                found = difference(one, f"{question}={answer.name}")
                assert found.functions
                assert all("\n".join(f.lines) in page for f in found.functions)


def test_every_kernel_is_compared_with_the_one_before_it() -> None:
    headings = re.findall(r"^## (.*)$", designs()["designs/kernels"], re.M)
    assert len(headings) == len(KERNELS) - 1
    assert headings[-1] == "2.6.35 to 2.6.36"


def test_the_reference_has_every_module_and_every_public_name() -> None:
    pages = referred()
    for module in modules()[1:]:
        page = pages[f"reference/{module.name}"]
        for name, place in inventory().items():
            short = name.rpartition(".")[2]
            if place == module.name != name:
                assert re.search(rf"{{py:\w+}} {re.escape(short)}\b", page), name


def test_every_room_is_in_the_table_of_rooms() -> None:
    rooms = {m.name for m in modules() if m.is_package and m.name.count(".") == 1}
    index = referred()["reference/index"]
    assert set(re.findall(r"\((kmm\.\w+)\.md\)", index)) == rooms


def test_a_signature_says_which_type_is_meant() -> None:
    page = referred()["reference/kmm.mm.rmap"]
    assert "page: kmm.mm.mm_types.Page" in page
    assert ":async:" in page


def test_a_field_keeps_what_is_said_beside_it() -> None:
    page = referred()["reference/kmm.mm.mm_types"]
    assert "# Atomic; read without a lock:" in page


def test_one_can_read_on_from_each_module_to_the_next() -> None:
    names = [module.name for module in modules()[1:]]
    for name, following in pairwise(names):
        page = referred()[f"reference/{name}"]
        assert f"Next: [{following}]({following}.md)" in page


def test_every_document_is_in_the_sidebar_once() -> None:
    pages = documents()
    index = pages["index"]
    for page in pages:
        if page != "index":
            assert index.count(f"\n{page}\n") == 1, page


def test_the_sidebar_names_no_document_that_is_not_there() -> None:
    made = {"matrix", "designs/index", "reference/index", "glossary"}
    named = {page for below in SIDEBAR.values() for page in below}
    assert named - made <= set(documents())


def test_an_empty_part_of_the_sidebar_is_not_there() -> None:
    assert toctree([], "More") == ""
    assert page_of("docs/nothing.txt") is None


@cache
def referred() -> dict[str, str]:
    return dict(reference())
