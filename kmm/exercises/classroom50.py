"""Classroom 50's `result.json`, of one submission.

Its contract is in the project's wiki, "Advanced Autograding", and in its
`schemas/result-v1.schema.json`: whole numbers only, and whose result it is as the
runner says in environment variables.  So a check counts by its weight here, which is a
whole number, and not by its share of the points.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .formats import output
from .grade import Row

SCHEMA = "classroom50/result/v1"
# A field, and the variable that has it.
IDENTITY = {
    "classroom": "CLASSROOM",
    "assignment": "ASSIGNMENT",
    "owner": "USERNAME",
    "submission": "SUBMISSION_TAG",
    "commit": "COMMIT_URL",
    "release": "RELEASE_URL",
}


def result(row: Row, environment: Mapping[str, str], now: datetime) -> str:
    """The file's text.  `now` is in UTC."""
    tests = [tested(row, check) for check in row["checks"]]
    time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    values = {
        "schema": SCHEMA,
        **{field: environment[name] for field, name in IDENTITY.items()},
        "assignment_type": environment.get("ASSIGNMENT_TYPE") or "individual",
        "review": environment.get("REVIEW_URL") or environment["COMMIT_URL"],
        "datetime": time,  # the runner puts the commit's own there
        "graded_at": time,
        "score": sum(test["score"] for test in tests),
        "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }
    return json.dumps(values, indent=1) + "\n"


def tested(row: Row, check: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "test-name": check["title"],
        "passed": check["passed"],
        "score": check["weight"] if check["passed"] else 0,
        "max-score": check["weight"],
        "output": row["complaint"] or output(check),
    }
