"""Gradescope's zip, run as Gradescope runs it, with nothing but a bare Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from exercises.submissions import EXEC, solution, starter

from kmm.exercises import find_exercise
from kmm.exercises.autograder import write_autograder
from kmm.exercises.desk import DeskError

EXERCISE = find_exercise(EXEC)
HIDDEN = """
[[check]]
name = "kept"
title = "a check that the teacher has kept"
weight = 2
asks = "proves"
needs = ["proof"]
race = "mremap-move"
kernel = "v6,exec-stack=unprotected"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as /autograder is there, after `setup.sh`."""
    folder = tmp_path_factory.mktemp("autograder")
    hidden = folder / "kept.toml"
    hidden.write_text(HIDDEN, encoding="utf-8")
    write_autograder(EXERCISE, folder / "zip", hidden=hidden, seed=None)
    with zipfile.ZipFile(folder / "zip") as archive:
        archive.extractall(folder / "source")
    run = (folder / "source" / "run_autograder").read_bytes()
    (folder / "run_autograder").write_bytes(run)
    for name in "submission", "results":
        (folder / name).mkdir()
    (folder / "submission_metadata.json").write_text("{}", encoding="utf-8")
    ended = script(folder / "source", "setup.sh")
    assert ended.returncode == 0, ended.stderr
    return folder


def script(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Run with no environment, and a Python that has no packages installed for it."""
    bare = Path(sys.base_prefix, "bin")
    return subprocess.run(
        ["/bin/bash", name],
        cwd=folder,
        env={"PATH": f"{bare}{os.pathsep}{os.defpath}", "PYTHONNOUSERSITE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def results(place: Path, **files: str) -> Any:
    """What Gradescope reads, after somebody has handed in these files."""
    for old in [*place.joinpath("submission").iterdir()]:
        old.unlink()
    for name, text in files.items():
        file = place / "submission" / name.replace("_", ".")
        file.write_text(text, encoding="utf-8")
    place.joinpath("results", "results.json").unlink(missing_ok=True)
    ended = script(place, "run_autograder")
    assert ended.returncode == 0, ended.stderr
    return json.loads(place.joinpath("results", "results.json").read_text("utf-8"))


def test_a_submission_gets_its_points_and_reasons(place: Path) -> None:
    found = results(place, fix_py=starter(EXEC))
    assert found["score"] == 2
    assert [test["status"] for test in found["tests"]] == ["passed", *["failed"] * 3]
    assert "kernel BUG at include/linux/swapops.h:105!" in found["tests"][1]["output"]
    assert "CPU 1: date:4021" in found["tests"][1]["output"]  # the drawing
    assert found["tests"][3]["name"] == "a check that the teacher has kept"
    assert found["tests"][3]["output"] == "(hidden: no more is told)"


def test_who_is_right_has_all_points(place: Path) -> None:
    found = results(place, fix_py=solution(EXEC))
    assert found["score"] == EXERCISE.points
    assert sum(test["max_score"] for test in found["tests"]) == EXERCISE.points


def test_who_hands_in_another_file_is_told_so(place: Path) -> None:
    found = results(place, README_md="see e-mail")
    assert found["score"] == 0
    assert "no fix.py was handed in; what was, is README.md" in found["output"]


def test_neither_solutions_nor_lessons_are_in_it(place: Path) -> None:
    names = zipfile.ZipFile(place / "zip").namelist()
    assert {
        "setup.sh",
        "run_autograder",
        "lessons/exercises/exec_stack/task.md",
    } <= set(names)
    assert len(names) == len(set(names))
    assert not [name for name in names if "solution" in name or "lesson.md" in name]


def test_the_same_exercise_makes_the_same_zip(tmp_path: Path) -> None:
    for name in "one", "two":
        write_autograder(EXERCISE, tmp_path / name, hidden=None, seed=7)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with zipfile.ZipFile(tmp_path / "one") as archive:
        assert b"submission --seed 7 " in archive.read("run_autograder")
        modes = {e.filename: e.external_attr >> 16 for e in archive.infolist()}
    assert modes["run_autograder"] == modes["setup.sh"] == 0o755


def test_a_zip_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DeskError, match="cannot write"):
        write_autograder(EXERCISE, tmp_path, hidden=None, seed=None)
