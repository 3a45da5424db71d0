"""Submissions that mean harm: none earns a point, and none outlives its judge.

What a submission may say at all is in `test_vet`; here they are judged, as a class is,
among others that are right.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from exercises.hostile import ATTEMPTS, HONEST, TAKEN_OVER, WATCHDOG
from exercises.submissions import EXEC, solution
from tools.attempts import ROWS, listed

from kmm.exercises import find_exercise, grade
from kmm.exercises.grade import Handed, Row, Rules
from kmm.exercises.nursery import Nursery
from kmm.exercises.sandbox import (
    Report,
    Stopped,
    job_of,
    judge,
    nobody_asks,
    nobody_stops,
)

pytestmark = pytest.mark.slow

PATIENT = 60.0  # seconds; nothing that has an end takes as long on a busy machine
IMPATIENT = 1.5
RIGHT = "somebody who is right"

# A template whose copies do what the submission says, without a look at it.
TAKEN = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from kmm.exercises import judge, template; "
    "judge.work = lambda job, pipe, canary: exec(job['text'], "
    "{'job': job, 'pipe': pipe}); template.main()"
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """What became of each attempt; each exercise's are graded as one class."""
    found: dict[str, Row] = {}
    classes: dict[tuple[str, float], dict[str, str]] = {}
    for name, attempt in ATTEMPTS.items():
        watchdog = IMPATIENT if attempt.said == WATCHDOG else PATIENT
        texts = classes.setdefault((attempt.exercise, watchdog), {})
        texts[name] = attempt.text
    for (exercise, watchdog), texts in classes.items():
        if watchdog == PATIENT:
            texts[f"{RIGHT} in {exercise}"] = solution(exercise)
        folder = tmp_path_factory.mktemp(exercise)
        rules = Rules(find_exercise(exercise), watchdog=watchdog)
        found |= {row["student"]: row for row in judged(texts, folder, rules)}
    return found


def judged(texts: dict[str, str], folder: Path, rules: Rules) -> list[Row]:
    handed = []
    for number, (name, text) in enumerate(texts.items()):
        path = folder / str(number)
        path.write_text(text, encoding="utf-8")
        handed.append(Handed(name, path))
    return grade.grade(handed, rules, workers=2)


def said_of(row: Row) -> list[str]:
    return [row["complaint"] or "", *(check["why"] or "" for check in row["checks"])]


@pytest.mark.parametrize("name", ATTEMPTS)
def test_a_hostile_submission_earns_nothing(name: str, rows: dict[str, Row]) -> None:
    row = rows[name]
    assert row["points"] == 0
    assert not row["passed"]
    assert any(ATTEMPTS[name].said in one for one in said_of(row)), said_of(row)
    assert all(one.isprintable() for one in said_of(row))


@pytest.mark.parametrize("name", [EXEC, "break-vanilla", "tell-apart"])
def test_who_is_right_among_them_has_all_points(
    name: str, rows: dict[str, Row]
) -> None:
    assert rows[f"{RIGHT} in {name}"]["points"] == find_exercise(name).points


def test_the_document_lists_them_all() -> None:
    assert len(ATTEMPTS) + len(TAKEN_OVER) >= 30
    text = Path(__file__).parents[2].joinpath("docs/classroom.md").read_text("utf-8")
    assert listed() in text, "run `python tests/tools/refresh_outputs.py`"
    assert len(ATTEMPTS) + len(TAKEN_OVER) == ROWS


def test_a_judge_that_was_taken_over_is_not_believed_and_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grade, "Nursery", lambda exercise: Nursery(exercise, TAKEN))
    texts = {**TAKEN_OVER, "as a judge would": HONEST + "pipe.say('end', True)"}
    rules = Rules(find_exercise(EXEC), watchdog=IMPATIENT)
    found = {row["student"]: row for row in judged(texts, tmp_path, rules)}
    assert found.pop("as a judge would")["points"] == 10  # the means are there
    assert {name: row["points"] for name, row in found.items()} == dict.fromkeys(
        TAKEN_OVER, 0
    )
    told = {name: row["complaint"] for name, row in found.items()}
    for name in "it says what is no finding", "it speaks of checks that there are not":
        assert told.pop(name) is None
    assert all(told.values())


# The limits.


def reported(text: str) -> dict[str, Any]:
    """What a program says in a judge's place."""
    report = Report([], nobody_asks, nobody_stops)
    exercise = find_exercise(EXEC)
    with Nursery(exercise, TAKEN) as nursery:
        report.read(nursery, job_of(exercise, text, None, None), 20)
    return dict(report.contained)


def test_a_judge_can_write_no_file_and_has_no_more_memory_than_it_may(
    tmp_path: Path,
) -> None:
    target = tmp_path / "result.json"
    contained = reported(
        "from kmm.exercises.limits import contain\n"
        "done = contain(); out = {}\n"
        "try:\n"
        f"    file = open({str(target)!r}, 'w'); file.write('x'); file.flush()\n"
        "except OSError as error: out['files'] = False\n"
        "try: x = bytearray(1 << 32)\n"
        "except MemoryError: out['memory'] = False\n"
        "import socket\n"
        "try: socket.create_connection(('192.0.2.1', 80), 0.5)\n"
        "except OSError as error: out['network'] = error.errno != 110\n"
        "pipe.say('contained', {**done, 'tried': out})\n"
    )
    tried = contained["tried"]
    if sys.platform == "linux":
        assert tried["files"] is False
        assert tried["memory"] is False
        assert not target.exists() or target.stat().st_size == 0
    assert contained["files"]


def test_the_judge_sees_nothing_of_our_environment_or_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KMM_SECRET", "secret")
    seen = reported(
        "import os; pipe.say('contained', {'env': 'KMM_SECRET' in os.environ, "
        "'here': os.getcwd(), 'files': os.listdir()})"
    )
    assert seen["env"] is False
    assert seen["files"] == []
    assert seen["here"] != str(Path.cwd())


def test_nobody_waits_for_a_judge_that_is_not_wanted_any_more() -> None:
    exercise = find_exercise(EXEC)
    with Nursery(exercise, TAKEN) as nursery, pytest.raises(Stopped):
        judge(
            exercise,
            "import time; time.sleep(1000)",
            nursery=nursery,
            unwanted=lambda: True,
        )
