"""Rows of a class, in the forms that others read.

Gradescope: https://gradescope-autograders.readthedocs.io, "Autograder Specifications".
JUnit: the XML that test runners have agreed on.  (Classroom 50's is in `classroom50`.)
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from .grade import Row
from .text import FAILED, HIDDEN, PASSED


def text(rows: Sequence[Row]) -> str:
    """A line a submission, with the first check that failed."""
    width = max((len(row["student"]) for row in rows), default=0)
    lines = [
        f"{row['student']:{width}}  {row['points']:g}/{row['of']}  {first_failure(row)}"
        for row in rows
    ]
    passed = sum(row["passed"] for row in rows)
    average = f"{mean(rows):.2f} points on average"
    lines += ["", f"{passed} of {len(rows)} passed, {average}."]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def first_failure(row: Row) -> str:
    if row["complaint"]:
        return str(row["complaint"])
    failed = [check for check in row["checks"] if not check["passed"]]
    return f"{failed[0]['name']}: {said(failed[0])}" if failed else ""


def said(check: Mapping[str, Any]) -> str:
    return str(check["why"] or HIDDEN)


def mean(rows: Sequence[Row]) -> float:
    return sum(row["points"] for row in rows) / len(rows) if rows else 0.0


def as_json(rows: Sequence[Row]) -> str:
    return json.dumps({"submissions": list(rows)}) + "\n"


def gradescope(rows: Sequence[Row]) -> str:
    """results.json of one submission."""
    (row,) = rows
    tests = [
        {
            "name": check["title"],
            "number": str(number),
            "score": check["points"],
            "max_score": check["of"],
            "status": "passed" if check["passed"] else "failed",
            "output": output(check),
            "visibility": "visible",
        }
        for number, check in enumerate(row["checks"], start=1)
    ]
    results = {
        "score": row["points"],
        "output": row["complaint"] or "",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }
    return json.dumps(results, indent=1) + "\n"


def output(check: Mapping[str, Any]) -> str:
    """What a student reads below a check: the reason, and the run that shows it."""
    blocks = [said(check), check["drawing"] or "", check["schedule"] or ""]
    return "\n\n".join(block for block in blocks if block)


def junit(rows: Sequence[Row]) -> str:
    """One suite a submission, one case a check."""
    suites = [junit_suite(row) for row in rows]
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return "\n".join([head, "<testsuites>", *suites, "</testsuites>", ""])


def junit_suite(row: Row) -> str:
    cases = []
    for check in row["checks"]:
        case = f"  <testcase classname={quoteattr(row['exercise'])} "
        case += f"name={quoteattr(check['name'])}"
        if check["passed"]:
            cases.append(f"{case}/>")
        else:
            why = quoteattr(row["complaint"] or said(check))
            cases.append(f"{case}><failure message={why}/></testcase>")
    failed = sum(not check["passed"] for check in row["checks"])
    head = (
        f'<testsuite name={quoteattr(row["student"])} tests="{len(cases)}" '
        f'failures="{failed}">'
    )
    return "\n".join([head, *cases, "</testsuite>"])


def markdown(rows: Sequence[Row]) -> str:
    """A table a submission."""
    return "\n".join(markdown_table(row) for row in rows)


def markdown_table(row: Row) -> str:
    head = f"### {row['student']}: {row['points']:g}/{row['of']}\n"
    if row["complaint"]:
        return f"{head}\n{cell(row['complaint'])}\n"
    lines = ["| | points | check | why |", "| --- | --- | --- | --- |"]
    for check in row["checks"]:
        word = PASSED if check["passed"] else FAILED
        points = f"{check['points']:g}/{check['of']:g}"
        title, why = cell(check["title"]), cell(said(check))
        lines.append(f"| {word} | {points} | {title} | {why} |")
    return "\n".join([head, *lines, ""])


def cell(words: str) -> str:
    return words.replace("|", "\\|")


def as_csv(rows: Sequence[Row]) -> str:
    """A line a submission, a column a check."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\n")
    checks = [check["name"] for check in rows[0]["checks"]] if rows else []
    writer.writerow(["student", "points", "of", *checks, "complaint"])
    for row in rows:
        points = [check["points"] for check in row["checks"]]
        student = safe(row["student"])
        complaint = safe(row["complaint"] or "")
        writer.writerow([student, row["points"], row["of"], *points, complaint])
    return sheet.getvalue()


def safe(words: str) -> str:
    """Spreadsheets take what begins so for a formula."""
    return f"'{words}" if words.startswith(("=", "+", "-", "@")) else words


FORMATS: Mapping[str, Callable[[Sequence[Row]], str]] = {
    "text": text,
    "json": as_json,
    "gradescope": gradescope,
    "junit": junit,
    "markdown": markdown,
    "csv": as_csv,
}
OF_ONE = ("gradescope", "classroom50")  # forms that have room for one submission
