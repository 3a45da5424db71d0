"""A class is judged: every submission has its row, whatever becomes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from exercises.submissions import starter

from kmm.exercises import find_exercise, grade
from kmm.exercises.formats import FORMATS
from kmm.exercises.grade import Handed, Rules, handed_in

NAME = "break-vanilla"
EXERCISE = find_exercise(NAME)
GOOD = EXERCISE.solution.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three students' folders, of which one has no file, and two loose files."""
    folder = tmp_path_factory.mktemp("class")
    for student, text in (("ada", GOOD), ("bob", starter(NAME)), ("=cy", "?")):
        (folder / student).mkdir()
        (folder / student / "schedule.txt").write_text(text, encoding="utf-8")
    (folder / "nobody").mkdir()
    (folder / "dee.txt").write_bytes(b"\xff\xfe")
    (folder / "notes.md").write_text("not handed in", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def rows(room: Path) -> list[grade.Row]:
    handed = list(handed_in([room], EXERCISE))
    return grade.grade(handed, Rules(EXERCISE), workers=2)


def test_folders_and_files_of_students_are_found(room: Path) -> None:
    handed = list(handed_in([room], EXERCISE))
    assert [one.student for one in handed] == ["=cy", "ada", "bob", "dee"]
    one = list(handed_in([room / "ada"], EXERCISE))
    assert [(h.student, h.path.name) for h in one] == [("ada", "schedule.txt")]


def test_a_bad_submission_has_a_row_and_stops_nobody(rows: list[grade.Row]) -> None:
    found = {row["student"]: (row["points"], row["complaint"]) for row in rows}
    assert found["ada"] == (10, None)
    assert found["bob"] == (0, None)
    assert found["=cy"][0] == 0
    assert "not a schedule" in found["=cy"][1]
    assert "is not text" in found["dee"][1]


def test_what_is_kept_is_not_judged_again(
    room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "class.jsonl"
    handed = [Handed("ada", room / "ada" / "schedule.txt")]
    first = grade.grade(handed, Rules(EXERCISE), workers=1, kept=kept)
    kept.write_text(kept.read_text("utf-8") + '{"student": "b', encoding="utf-8")

    def judge(*_: Any, **__: Any) -> None:
        raise AssertionError("judged again")

    monkeypatch.setattr(grade, "judge", judge)
    assert grade.grade(handed, Rules(EXERCISE), workers=1, kept=kept) == first
    with pytest.raises(AssertionError, match="judged again"):  # another question
        grade.grade(handed, Rules(EXERCISE, seed=3), workers=1, kept=kept)


def test_each_format_has_every_student(rows: list[grade.Row]) -> None:
    for name, write in FORMATS.items():
        if name != "gradescope":
            assert all(row["student"].strip("=") in write(rows) for row in rows), name


def test_gradescope_gets_points_and_reasons(rows: list[grade.Row]) -> None:
    ada = next(row for row in rows if row["student"] == "ada")
    results = json.loads(FORMATS["gradescope"]([ada]))
    assert results["score"] == 10
    assert [(t["score"], t["max_score"], t["status"]) for t in results["tests"]] == [
        (4, 4, "passed"),
        (4, 4, "passed"),
        (2, 2, "passed"),
    ]


def test_junit_is_xml_with_a_failure_for_each_check(rows: list[grade.Row]) -> None:
    whole = ElementTree.fromstring(FORMATS["junit"](rows))
    bob = next(suite for suite in whole if suite.get("name") == "bob")
    assert (bob.get("tests"), bob.get("failures")) == ("3", "3")


def test_a_spreadsheet_is_given_no_formula(rows: list[grade.Row]) -> None:
    lines = FORMATS["csv"](rows).splitlines()
    assert lines[0] == "student,points,of,breaks,switches,steps,complaint"
    assert any(line.startswith("'=cy,0") for line in lines)


def test_the_average_and_who_passed_are_said(rows: list[grade.Row]) -> None:
    last = FORMATS["text"](rows).splitlines()[-1]
    assert last == "1 of 4 passed, 2.50 points on average."
