"""Classroom 50's `result.json` is as its schema says."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from exercises.submissions import EXEC

from kmm.exercises import find_exercise
from kmm.exercises.classroom50 import result
from kmm.exercises.exercise import Finding
from kmm.exercises.grade import Row
from kmm.exercises.marks import as_json, marks
from kmm.exercises.sandbox import Judgement

EXERCISE = find_exercise(EXEC)
ENVIRONMENT = {
    "CLASSROOM": "os",
    "ASSIGNMENT": "exec-stack",
    "USERNAME": "ada",
    "SUBMISSION_TAG": "submit/2026-06-01T14-32-05Z-a1b2c3d",
    "COMMIT_URL": "https://example.org/commit/1",
    "RELEASE_URL": "https://example.org/release/1",
}
NOW = datetime(2026, 6, 1, 14, 33, 11, tzinfo=UTC)
# Of the schema: every field that must be there, or may, and its type.
REQUIRED = {
    **dict.fromkeys(("schema", "classroom", "assignment", "assignment_type"), str),
    **dict.fromkeys(("owner", "submission", "commit", "release", "review"), str),
    "datetime": str,
    "score": int,
    "max-score": int,
    "tests": list,
}
OPTIONAL = {"graded_at": str, "submitted_by": dict}
OF_TEST = {"test-name": str, "passed": bool, "score": int, "max-score": int}


def row(*findings: Finding, complaint: str | None = None) -> Row:
    judged = marks(EXERCISE, Judgement(findings, complaint))
    return {"student": "ada", "file": "fix.py", **as_json(judged)}


def values(found: Row, **more: str) -> Any:
    return json.loads(result(found, {**ENVIRONMENT, **more}, NOW))


@pytest.fixture
def half() -> Row:
    return row(Finding("works", True, "well"), Finding("proof", False, "a BUG", "x/y"))


def test_it_has_the_fields_of_the_schema_and_no_others(half: Row) -> None:
    found = values(half)
    assert set(REQUIRED) <= set(found) <= set(REQUIRED) | set(OPTIONAL)
    for name, kind in {**REQUIRED, "graded_at": str}.items():
        assert type(found[name]) is kind, name
        assert found[name] or kind is int, name
    for test in found["tests"]:
        assert all(type(test[name]) is kind for name, kind in OF_TEST.items())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["datetime"])
    assert found["submission"].startswith("submit/")
    assert found["assignment_type"] in ("individual", "group")


def test_scores_are_whole_numbers_that_add_up(half: Row) -> None:
    found = values(half)
    assert (found["score"], found["max-score"]) == (2, EXERCISE.weight)
    assert found["score"] == sum(test["score"] for test in found["tests"])
    assert all(test["score"] in (0, test["max-score"]) for test in found["tests"])


def test_each_test_says_why_and_a_hidden_one_does_not(half: Row) -> None:
    tests = values(half)["tests"]
    assert tests[1]["output"].startswith("a BUG")
    assert tests[-1]["output"] == "(hidden: no more is told)"


def test_what_could_not_be_judged_has_no_points_and_the_reason() -> None:
    found = values(row(complaint="line 1: not Python"))
    assert found["score"] == 0
    assert {test["output"] for test in found["tests"]} == {"line 1: not Python"}


def test_whose_it_is_comes_from_the_runner(half: Row) -> None:
    found = values(half, ASSIGNMENT_TYPE="group", REVIEW_URL="https://example.org/r")
    assert (found["owner"], found["classroom"]) == ("ada", "os")
    assert (found["assignment_type"], found["review"][-2:]) == ("group", "/r")
    assert values(half)["review"] == ENVIRONMENT["COMMIT_URL"]
