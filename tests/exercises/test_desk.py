"""A student's copies: begun, changed, put back; and what was earned."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from kmm.exercises import find_exercise
from kmm.exercises.desk import LARGEST, Copy, DeskError, copy_at, start
from kmm.exercises.scores import Scores

EXEC = find_exercise("exec-stack")
WALK = find_exercise("walk-by-hand")


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return start(EXEC, tmp_path / "exec-stack", None)


def test_a_student_gets_the_task_and_the_starter_and_no_more(copy: Copy) -> None:
    names = sorted(path.name for path in copy.path.parent.iterdir())
    assert names == ["exercise.toml", "fix.py", "task.md"]
    assert copy.text() == EXEC.starter.read_text(encoding="utf-8")
    task = copy.path.with_name("task.md").read_text(encoding="utf-8")
    assert "[[check]]" not in task


def test_what_is_there_is_not_overwritten(copy: Copy) -> None:
    with pytest.raises(DeskError, match="is there already"):
        start(EXEC, copy.path.parent, None)


def test_a_file_or_its_folder_says_which_exercise_it_is(copy: Copy) -> None:
    assert copy_at(str(copy.path)) == copy
    assert copy_at(str(copy.path.parent)) == copy


def test_a_file_of_which_nothing_is_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeskError, match="no exercise is known"):
        copy_at(str(tmp_path / "fix.py"))
    named = copy_at(str(tmp_path / "fix.py"), "exec-stack")
    with pytest.raises(DeskError, match="cannot read"):
        named.text()


def test_a_seed_is_kept_with_the_copy(tmp_path: Path) -> None:
    begun = start(WALK, tmp_path / "walk", 7)
    assert copy_at(str(begun.path)).seed == 7
    assert "seed = 7" in begun.text()


def test_a_change_is_shown_against_the_starter(copy: Copy) -> None:
    assert copy.difference() == ""
    copy.path.write_text(copy.text() + "X = 1\n", encoding="utf-8")
    assert copy.difference().endswith("+X = 1\n")


def test_a_reset_keeps_every_file_that_was_there(copy: Copy) -> None:
    for number in (1, 2):
        copy.path.write_text(f"X = {number}\n", encoding="utf-8")
        kept = copy.reset()
        assert kept == copy.path.with_name(f"fix.py.~{number}~")
        assert kept.read_text(encoding="utf-8") == f"X = {number}\n"
    assert copy.difference() == ""


def test_where_nothing_can_be_written_it_is_said(copy: Copy, tmp_path: Path) -> None:
    gone = evolve(copy, path=tmp_path / "gone" / "fix.py")
    with pytest.raises(DeskError, match="cannot write"):
        gone.reset()


@pytest.mark.parametrize("data", [b"\xff\xfe", b"#" * (LARGEST + 1)])
def test_what_is_no_submission_is_not_read(copy: Copy, data: bytes) -> None:
    copy.path.write_bytes(data)
    with pytest.raises(DeskError):
        copy.text()


# Scores.


def test_two_who_keep_scores_do_not_undo_each_other(tmp_path: Path) -> None:
    path = tmp_path / "exercises.json"
    one, other = Scores.load(path), Scores.load(path)
    one.earned(EXEC, 4.0)
    other.next_hint(WALK)
    assert Scores.load(path).kept == {
        "exec-stack": {"best": 4.0},
        "walk-by-hand": {"hints": 1},
    }


def test_where_the_work_is_is_known_until_it_is_gone(tmp_path: Path) -> None:
    scores = Scores.load(tmp_path / "exercises.json")
    assert scores.copy_of(EXEC) is None
    begun = start(EXEC, tmp_path / "work", None)
    scores.begun(begun)
    assert Scores.load(scores.path).copy_of(EXEC) == begun
    (tmp_path / "work" / "exercise.toml").write_text('name = "walk-by-hand"\n', "utf-8")
    assert scores.copy_of(EXEC) is None


def test_the_best_score_and_the_hints_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "state" / "exercises.json"
    scores = Scores.load(path)
    scores.earned(EXEC, 4.0)
    scores.earned(EXEC, 2.0)
    assert [scores.next_hint(EXEC) for _ in range(4)] == [1, 2, 3, 3]
    assert Scores.load(path).best() == {"exec-stack": 4.0}


def test_what_a_later_version_wrote_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "exercises.json"
    path.write_text('{"gone": {"best": 3, "new": [1]}}', encoding="utf-8")
    Scores.load(path).earned(EXEC, 1.0)
    assert Scores.load(path).kept["gone"] == {"best": 3, "new": [1]}


def test_a_broken_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "exercises.json"
    path.write_text("no JSON", encoding="utf-8")
    scores = Scores.load(path)
    scores.earned(EXEC, 1.0)
    assert scores.problem is not None
    assert path.read_text(encoding="utf-8") == "no JSON"
