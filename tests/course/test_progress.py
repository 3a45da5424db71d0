"""What a reader has done is kept, whatever happens to the file and the lessons."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kmm.course import Lesson, lessons
from kmm.course.lesson import Question
from kmm.course.progress import load_progress, usual_path

LESSON = lessons()[0]


def question(lesson: Lesson) -> Question:
    return next(lesson.blocks(Question))


def test_what_is_read_and_chosen_is_there_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "kmm" / "progress.json"
    progress = load_progress(path)
    progress.open(LESSON)
    progress.mark_read(LESSON, "The idea")
    progress.choose(LESSON, question(LESSON), 1)
    again = load_progress(path)
    assert again.last == LESSON.name
    assert again.read(LESSON) == ["The idea"]
    assert again.chosen(LESSON, question(LESSON)) == 1


def test_the_first_choice_counts(tmp_path: Path) -> None:
    progress = load_progress(tmp_path / "p.json")
    progress.choose(LESSON, question(LESSON), 1)
    progress.choose(LESSON, question(LESSON), 2)
    assert progress.chosen(LESSON, question(LESSON)) == 1


def test_a_lesson_is_done_when_all_its_sections_are_read(tmp_path: Path) -> None:
    progress = load_progress(tmp_path / "p.json")
    for section in LESSON.sections:
        assert not progress.is_done(LESSON)
        progress.mark_read(LESSON, section.heading)
    assert progress.is_done(LESSON)


def test_what_this_version_does_not_know_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    renamed = {"old-name": {"read": ["The idea"], "stars": 3}}
    path.write_text(json.dumps({"lessons": renamed, "theme": "dark"}), encoding="utf-8")
    load_progress(path).mark_read(LESSON, "The idea")
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["lessons"]["old-name"] == renamed["old-name"]
    assert kept["theme"] == "dark"


def test_an_answer_that_is_no_option_any_more_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    answers = {"answers": {question(LESSON).asks: 99}}
    path.write_text(json.dumps({"lessons": {LESSON.name: answers}}), encoding="utf-8")
    assert load_progress(path).chosen(LESSON, question(LESSON)) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"lessons": {"a": 1}}', "null"])
def test_a_file_that_cannot_be_read_is_put_aside(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(text, encoding="utf-8")
    progress = load_progress(path)
    assert progress.problem is not None
    assert path.with_suffix(".broken").read_text(encoding="utf-8") == text
    progress.mark_read(LESSON, "The idea")
    assert load_progress(path).read(LESSON) == ["The idea"]


def test_a_place_that_cannot_be_written_is_a_problem_and_no_crash(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    progress = load_progress(tmp_path / "file" / "p.json")
    progress.mark_read(LESSON, "The idea")
    assert progress.problem is not None
    assert progress.read(LESSON) == ["The idea"]


def test_to_forget_keeps_what_was_known_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    progress = load_progress(path)
    progress.mark_read(LESSON, "The idea")
    progress.reset(LESSON)
    assert load_progress(path).read(LESSON) == []
    assert load_progress(path.with_suffix(".bak")).read(LESSON) == ["The idea"]
    progress.reset()
    assert load_progress(path).lessons == {}


def test_the_file_is_where_the_xdg_rules_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert usual_path() == tmp_path / "kmm" / "progress.json"
