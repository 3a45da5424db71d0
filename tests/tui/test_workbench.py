"""What the screen of an exercise shows, without a screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmm.exercises import find_exercise
from kmm.exercises.desk import DeskError
from kmm.exercises.exercise import Finding
from kmm.exercises.sandbox import Judgement
from kmm.exercises.scores import Scores
from kmm.tui.workbench import Workbench

EXERCISE = find_exercise("exec-stack")
RUN = "exec-stack/v6,exec-stack=yours/50a/0000"
FINDINGS = (
    Finding("works", True, "all ends well"),
    Finding("proof", False, "a BUG", RUN, "a BUG"),
    Finding("locks", False, "not asked before proof passes"),
    Finding("other-walks", False, "told to teachers only", RUN, "a BUG"),
    Finding("mremap", False, "told to teachers only"),
)


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    found = Workbench(EXERCISE, Scores.load(tmp_path / "exercises.json"))
    found.begin(tmp_path / "work")
    return found


def text_of(bench: Workbench) -> str:
    return "\n".join(f"{line.mark} {line.text}" for line in bench.checks())


def test_before_it_is_begun_it_says_how_to_begin(tmp_path: Path) -> None:
    bench = Workbench(EXERCISE, Scores.load(tmp_path / "exercises.json"))
    assert "s lays it out" in bench.where()
    assert "Not judged yet" in text_of(bench)
    assert text_of(bench).count("....") == len(EXERCISE.checks)


def test_what_was_begun_is_found_again_as_long_as_it_is_there(
    bench: Workbench, tmp_path: Path
) -> None:
    again = Workbench(EXERCISE, Scores.load(tmp_path / "exercises.json"))
    assert again.copy == bench.copy
    (tmp_path / "work" / "exercise.toml").unlink()
    assert Workbench(EXERCISE, again.scores).copy is None


def test_it_is_not_laid_out_over_another(bench: Workbench, tmp_path: Path) -> None:
    with pytest.raises(DeskError, match="is there already"):
        bench.begin(tmp_path / "work")


def test_only_a_change_is_to_be_judged(bench: Workbench) -> None:
    assert bench.file is not None
    assert bench.file.changed() is None
    assert bench.copy is not None
    bench.copy.path.write_text("x = 1\n", encoding="utf-8")
    assert bench.file.changed() == "x = 1\n"


def test_checks_are_shown_as_they_come_with_their_reasons(bench: Workbench) -> None:
    bench.judge("x = 1\n")
    bench.findings.append(FINDINGS[0])
    assert "Judging: 1 of 5 checks done" in text_of(bench)
    assert "all ends well" in text_of(bench)
    bench.judged(Judgement(FINDINGS))
    assert "Score: 2/10." in text_of(bench)
    assert "! FAIL  no interleaving" in text_of(bench)
    assert bench.points() == "best 2 of 10 points"


def test_of_a_hidden_check_neither_reason_nor_run_is_shown(bench: Workbench) -> None:
    bench.judged(Judgement(FINDINGS))
    assert "teachers only" not in text_of(bench)
    assert [check.name for check, _ in bench.runs()] == ["proof"]


def test_what_cannot_be_judged_is_told_in_the_place_of_a_score(
    bench: Workbench,
) -> None:
    bench.judged(Judgement(complaint="line 3: Import is not for submissions"))
    assert "! line 3: Import is not" in text_of(bench)
    assert "FAIL" not in text_of(bench)


def test_a_file_that_is_gone_is_told_of(bench: Workbench) -> None:
    assert bench.copy is not None
    bench.copy.path.unlink()
    assert "is gone; R puts" in bench.where()


def test_the_numbers_of_the_students_own_variant_are_in_the_task(
    tmp_path: Path,
) -> None:
    walk = find_exercise("walk-by-hand")
    bench = Workbench(walk, Scores.load(tmp_path / "exercises.json"))
    assert "CR3 is 0x" in bench.task()
    assert not bench.task().startswith("#")
