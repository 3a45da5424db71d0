"""An exercise's files become an exercise; what is wrong with them is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmm.exercises.read import ExerciseError, read_exercise

TASK = """+++
title = "T"
kind = "schedule"
lesson = "exec-stack"
points = 10
race = "exec-stack"
{more}
[[check]]
name = "one"
title = "One"
weight = 1
asks = "breaks"
{check}
+++

Do it.
"""
HINTS = "## A\n\na\n\n## B\n\nb\n\n## C\n\nc\n"
HIDDEN = '[[check]]\nname = "two"\ntitle = "Two"\nweight = 3\nasks = "breaks"\n'


def folder_with(path: Path, task: str, hints: str = HINTS) -> Path:
    folder = path / "some_name"
    folder.mkdir()
    (folder / "task.md").write_text(task, encoding="utf-8")
    (folder / "hints.md").write_text(hints, encoding="utf-8")
    return folder


def test_the_parts_of_an_exercise_are_found(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, TASK.format(more="", check="failure = 'bug_on'"))
    (folder / "hidden.toml").write_text(HIDDEN, encoding="utf-8")
    exercise = read_exercise(folder)
    assert (exercise.name, exercise.task) == ("some-name", "Do it.")
    assert exercise.hints == ("a", "b", "c")
    assert [(c.name, c.hidden, c.weight) for c in exercise.checks] == [
        ("one", False, 1),
        ("two", True, 3),
    ]
    assert exercise.checks[0].settings == {"failure": "bug_on"}
    assert exercise.settings == {"race": "exec-stack"}


def test_hidden_checks_may_be_kept_elsewhere(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, TASK.format(more="", check=""))
    kept = tmp_path / "kept.toml"
    kept.write_text(HIDDEN, encoding="utf-8")
    assert [check.name for check in read_exercise(folder).checks] == ["one"]
    assert [check.name for check in read_exercise(folder, kept).checks] == [
        "one",
        "two",
    ]


@pytest.mark.parametrize(
    ("task", "hints", "why"),
    [
        ("Do it.", HINTS, "does not begin with"),
        (TASK.replace("schedule", "essay").format(more="", check=""), HINTS, "essay"),
        (TASK.format(more="x =", check=""), HINTS, "not TOML"),
        (TASK.format(more="", check="").replace("points = 10", ""), HINTS, "points"),
        (TASK.format(more="", check="").replace("weight = 1", ""), HINTS, "weight"),
        (TASK.format(more="", check="needs = ['x']"), HINTS, "before it"),
        (TASK.format(more="", check="").replace("= 1\n", "= 0\n"), HINTS, "no weight"),
        (TASK.format(more="", check=""), "## A\n\na\n", "1 sections"),
        (TASK.format(more="", check="").partition("[[")[0] + "+++\n", HINTS, "check"),
    ],
)
def test_what_is_wrong_with_an_exercise_is_said(
    tmp_path: Path, task: str, hints: str, why: str
) -> None:
    with pytest.raises(ExerciseError, match=why):
        read_exercise(folder_with(tmp_path, task, hints))
