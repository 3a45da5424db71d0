"""`kmm exercise`, as students and teachers type it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.running import kmm, refused
from exercises.submissions import EXEC, solution

from kmm.cli.exercise import changes
from kmm.cli.options.exercise import WHAT
from kmm.exercises import exercises


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


def test_a_watched_file_is_judged_at_first_and_after_each_save(tmp_path: Path) -> None:
    path = tmp_path / "fix.py"
    path.write_text("one", encoding="utf-8")
    seen = changes(path, pause=0.01)
    next(seen)
    path.write_text("three", encoding="utf-8")
    next(seen)


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


def test_a_new_exercise_is_right_until_it_is_changed() -> None:
    assert kmm("exercise", "new", "my-run", "--kind", "schedule").code == 0
    assert kmm("exercise", "verify", "my_run").code == 0
    solution_file = Path("my_run", "solution.txt")
    solution_file.write_text(Path("my_run", "starter.txt").read_text("utf-8"), "utf-8")
    ran = kmm("exercise", "verify", "my_run")
    assert ran.code == 1
    assert "the solution fails breaks: the run goes well" in ran.out
    assert refused(kmm("exercise", "new", "my-run"), "is there already")
