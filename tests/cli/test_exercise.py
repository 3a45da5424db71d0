"""`kmm exercise`, as students and teachers type it."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from cli.running import COMMAND, kmm, refused
from exercises.submissions import EXEC, solution

from kmm.cli.exercise import changes
from kmm.cli.options.exercise import WHAT
from kmm.exercises import exercises, find_exercise
from kmm.exercises.classroom50 import IDENTITY
from kmm.exercises.desk import Watched
from kmm.exercises.scores import Scores


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def test_an_exercise_from_start_to_end() -> None:
    assert kmm("exercise", "start", EXEC).code == 0
    first = kmm("exercise", "check", EXEC)
    assert first.code == 1
    assert "Score: 2/10" in first.out
    assert "kernel BUG at include/linux/swapops.h:105!" in first.out
    assert "fix.py:" in first.out  # the student's own line, in the drawing
    Path(EXEC, "fix.py").write_text(solution(EXEC), encoding="utf-8")
    last = kmm("exercise", "check", f"{EXEC}/fix.py")
    assert last.code == 0
    assert "Score: 10/10" in last.out
    total = len(exercises())
    assert f"1/{total} ({100 // total} %) done" in kmm("exercise", "list").out


def test_a_check_tells_programs_all_but_what_is_hidden() -> None:
    kmm("exercise", "start", EXEC)
    found = kmm("exercise", "check", EXEC, "--json").json
    assert (found["points"], found["of"], found["passed"]) == (2, 10, False)
    hidden = [check for check in found["checks"] if check["hidden"]]
    assert hidden
    assert all(check["why"] is None for check in hidden)
    told = kmm("exercise", "check", EXEC, "--json", "--tell-all").json
    assert all(check["why"] for check in told["checks"])


def test_the_run_of_a_check_is_made_again() -> None:
    kmm("exercise", "start", EXEC)
    found = kmm("exercise", "check", EXEC, "--json").json
    schedule = next(c["schedule"] for c in found["checks"] if c["schedule"])
    again = kmm("exercise", "replay", f"{EXEC}/fix.py", schedule)
    assert again.code == 1
    assert "shift_arg_pages" in again.out
    assert refused(kmm("exercise", "replay", EXEC, "exec-stack/x"), "not a schedule")


def test_hints_come_one_after_the_other() -> None:
    levels = [kmm("exercise", "hint", EXEC).out.splitlines()[0] for _ in range(4)]
    assert levels == [f"Hint {n} of 3" for n in (1, 2, 3, 3)]
    assert kmm("exercise", "hint", EXEC, "--level", "1", "--json").json["level"] == 1


def test_a_file_is_compared_and_put_back() -> None:
    kmm("exercise", "start", EXEC)
    Path(EXEC, "fix.py").write_text("X = 1\n", encoding="utf-8")
    assert "+X = 1" in kmm("exercise", "diff", EXEC).out
    assert "fix.py.~1~" in kmm("exercise", "reset", EXEC).out
    assert kmm("exercise", "diff", EXEC).out == ""


def test_a_solution_is_not_shown_unasked() -> None:
    assert refused(kmm("exercise", "solution", EXEC), "--answers")
    assert kmm("exercise", "solution", EXEC, "--answers").out == solution(EXEC)


def test_a_variant_and_its_answers() -> None:
    kmm("exercise", "start", "walk-by-hand", "walk", "--seed", "7")
    answers = kmm("exercise", "solution", "walk-by-hand", "--seed", "7", "--answers")
    Path("walk", "answers.toml").write_text(answers.out, encoding="utf-8")
    assert kmm("exercise", "check", "walk").code == 0
    other = kmm("exercise", "check", "walk", "--seed", "8")
    assert other.code == 1
    assert "answers of seed 7, not of seed 8" in other.out


def test_hidden_checks_kept_elsewhere_count(tmp_path: Path) -> None:
    kmm("exercise", "start", EXEC)
    hidden = tmp_path / "kept.toml"
    hidden.write_text(
        '[[check]]\nname = "more"\ntitle = "more"\nweight = 2\nasks = "proves"\n'
        'race = "vma-adjust"\nkernel = "v6,exec-stack=unprotected"\n',
        encoding="utf-8",
    )
    found = kmm("exercise", "check", EXEC, "--hidden", str(hidden), "--json").json
    assert [c["name"] for c in found["checks"]] == ["works", "proof", "locks", "more"]
    assert refused(kmm("exercise", "check", EXEC, "--hidden", "no"), "no file")


def test_bad_input_is_refused_in_a_line() -> None:
    assert refused(kmm("exercise", "start", "exec-stak"), "did you mean exec-stack?")
    assert refused(kmm("exercise", "check"), "no exercise is known")
    assert refused(kmm("exercise", "check", "--exercise", EXEC), "cannot read")
    assert refused(kmm("exercise"), "WHAT")
    kmm("exercise", "start", EXEC)
    assert refused(kmm("exercise", "start", EXEC), "is there already")


def test_all_exercises_are_listed() -> None:
    found = kmm("exercise", "list", "--json").json["exercises"]
    assert [one["name"] for one in found] == [one.name for one in exercises()]


def test_kmm_list_has_them_too() -> None:
    found = kmm("list", "exercises", "--json").json["exercises"]
    assert [one["name"] for one in found] == [one.name for one in exercises()]
    assert "Fix exec's stack (design, 10 points)" in kmm("list", "exercises").out
    assert kmm("list", "lessons", "--json").json["lessons"][0]["name"] == "page-walk"


def test_verify_says_of_an_exercise_whether_it_is_right() -> None:
    ran = kmm("exercise", "verify", "break-vanilla")
    assert (ran.code, ran.out) == (0, "break-vanilla: right\n")


@pytest.mark.parametrize("what", WHAT)
def test_every_command_has_help_with_an_example_and_exit_codes(what: str) -> None:
    text = kmm("exercise", what, "--help").out
    assert f"  kmm exercise {what}" in text.partition("examples:")[2]
    assert "exit code" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_a_watched_file_is_judged_at_first_and_after_each_change(
    tmp_path: Path,
) -> None:
    path = tmp_path / "fix.py"
    path.write_text("one", encoding="utf-8")
    file = Watched(path)
    seen = changes(file, pause=0.01)
    assert next(seen) == "one"
    assert not file.is_stale()
    path.write_text("two", encoding="utf-8")  # as long as before
    assert file.is_stale()
    assert next(seen) == "two"


def test_a_file_that_is_written_as_it_was_or_is_being_saved_has_not_changed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "fix.py"
    path.write_text("one", encoding="utf-8")
    file = Watched(path)
    assert file.changed() == "one"
    path.write_text("one", encoding="utf-8")
    assert file.changed() is None
    path.write_text("", encoding="utf-8")
    assert file.changed() is None
    path.unlink()
    assert file.changed() is None
    assert not file.is_stale()


def test_a_watch_that_nobody_reads_ends() -> None:
    kmm("exercise", "start", "break-vanilla", "watched")
    command = [*COMMAND, "exercise", "watch", "watched"]
    watch = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert watch.stdout is not None
    assert watch.stderr is not None
    watch.stdout.readline()
    watch.stdout.close()
    assert watch.wait(60) == 0
    assert watch.stderr.read() == b""
    watch.stderr.close()


def test_a_class_is_graded(tmp_path: Path) -> None:
    for student in ("ada", "bob"):
        kmm("exercise", "start", "break-vanilla", f"class/{student}")
    good = kmm("exercise", "solution", "break-vanilla", "--answers").out
    Path("class", "ada", "schedule.txt").write_text(good, encoding="utf-8")
    ran = kmm("exercise", "grade", "break-vanilla", "class", "--kept", "kept.jsonl")
    assert ran.code == 1
    assert "1 of 2 passed" in ran.out
    assert len(Path("kept.jsonl").read_text("utf-8").splitlines()) == 2
    one = kmm("exercise", "grade", "break-vanilla", "class/ada", "--format", "json")
    assert one.code == 0
    assert one.json["submissions"][0]["points"] == 10
    assert refused(kmm("exercise", "grade", "break-vanilla", "none"), "there is no")
    both = kmm("exercise", "grade", "break-vanilla", "class", "--format", "gradescope")
    assert refused(both, "of one submission")


def test_a_result_for_classroom_50_needs_to_know_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "schedule.txt").write_text("?", encoding="utf-8")
    grade = ("exercise", "grade", "break-vanilla", ".", "--format", "classroom50")
    for name in IDENTITY.values():
        monkeypatch.delenv(name, raising=False)
    assert refused(kmm(*grade), "CLASSROOM, ASSIGNMENT")
    for name in IDENTITY.values():
        monkeypatch.setenv(name, "submit/x")
    assert kmm(*grade, "-o", "result.json").code == 1
    found = json.loads(Path("result.json").read_text("utf-8"))
    assert (found["score"], found["max-score"]) == (0, 10)


def test_who_has_handed_in_nothing_is_told_so_on_gradescope(tmp_path: Path) -> None:
    (tmp_path / "handed").mkdir()
    ran = kmm("exercise", "grade", "break-vanilla", "handed", "--format", "gradescope")
    assert ran.code == 1
    assert "no schedule.txt was handed in" in ran.json["output"]


def test_an_autograder_is_a_zip_for_gradescope() -> None:
    ran = kmm("exercise", "autograder", "break-vanilla")
    assert ran.code == 0
    assert "Students hand in schedule.txt." in ran.out
    assert zipfile.is_zipfile("break-vanilla.zip")
    assert refused(kmm("exercise", "autograder", "break"), "no exercise is called")
    bad = kmm("exercise", "autograder", "break-vanilla", "-o", "none/x.zip")
    assert refused(bad, "cannot write")


def test_the_screen_knows_where_work_was_begun() -> None:
    kmm("exercise", "start", EXEC, "here")
    copy = Scores.load().copy_of(find_exercise(EXEC))
    assert copy is not None
    assert copy.path == Path("here", "fix.py").resolve()


def test_a_teachers_own_exercise_is_begun_and_checked(tmp_path: Path) -> None:
    kmm("exercise", "new", "my-run", "--kind", "schedule")
    kmm("exercise", "start", "my_run", "work")
    ran = kmm("exercise", "check", "work")
    assert ran.code == 1
    assert "my-run: " in ran.out


def test_a_new_exercise_is_right_until_it_is_changed() -> None:
    assert kmm("exercise", "new", "my-run", "--kind", "schedule").code == 0
    assert kmm("exercise", "verify", "my_run").code == 0
    solution_file = Path("my_run", "solution.txt")
    solution_file.write_text(Path("my_run", "starter.txt").read_text("utf-8"), "utf-8")
    ran = kmm("exercise", "verify", "my_run")
    assert ran.code == 1
    assert "the solution fails breaks: the run goes well" in ran.out
    assert refused(kmm("exercise", "new", "my-run"), "is there already")
