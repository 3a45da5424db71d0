"""`kmm exercise`: exercises begun, judged, and explained."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..designs import UnknownName
from ..exercises import Exercise, exercises, find_exercise
from ..exercises.desk import Copy, DeskError, Scores, copy_at, solution_of, start
from ..exercises.exercise import Finding
from ..exercises.formats import FORMATS
from ..exercises.grade import Rules, grade, handed_in
from ..exercises.library import shelf
from ..exercises.marks import Marks, as_json, marks
from ..exercises.read import ExerciseError
from ..exercises.sandbox import judge, nobody_asks, replay
from ..exercises.scaffold import new
from ..exercises.text import list_text, marks_text, row_text
from ..exercises.verify import problems
from .exits import FAILED, INTERRUPTED, OK, Usage, complain
from .output import (
    check_output,
    color_diff,
    deliver,
    on_terminal,
    print_json,
    text_width,
)
from .progress import Meter

LOOK = 0.2  # seconds between two looks at a file that is watched


def exercise_command(options: Namespace) -> int:
    for problem in shelf().broken:
        complain(f"left out: {problem}")
    try:
        return WHAT[options.what](options)
    except (UnknownName, DeskError, ExerciseError) as error:
        raise Usage(str(error)) from None


# What there is.


def list_command(options: Namespace) -> int:
    scores = Scores.load()
    best = scores.best()
    if options.json:
        return print_json({"exercises": [listed(one, best) for one in exercises()]})
    deliver(list_text(exercises(), best), None)
    return OK


def listed(exercise: Exercise, best: Mapping[str, float]) -> dict[str, Any]:
    points = best.get(exercise.name)
    return {
        "name": exercise.name,
        "title": exercise.title,
        "kind": exercise.kind,
        "lesson": exercise.lesson,
        "points": points,
        "of": exercise.points,
        "done": points is not None and points >= exercise.points,
    }


def start_command(options: Namespace) -> int:
    exercise = find_exercise(options.name)
    copy = start(exercise, Path(options.folder or exercise.name), options.seed)
    task = copy.path.with_name("task.md")
    if options.json:
        return print_json(
            {"exercise": exercise.name, "file": str(copy.path), "task": str(task)}
        )
    deliver(
        f"{exercise.name}: {exercise.title}\n"
        f"  the task   {task}\n"
        f"  your file  {copy.path}\n"
        f"  judge it   kmm exercise check {copy.path}\n",
        None,
    )
    return OK


# Judging.


def check_command(options: Namespace) -> int:
    found = judged(options, copy_of(options))
    if options.json:
        print_json(as_json(found, hidden=options.tell_all))
    else:
        deliver(marks_text(found, text_width(), hidden=options.tell_all), None)
    return OK if found.passed else FAILED


def copy_of(options: Namespace) -> Copy:
    return copy_at(options.file, options.exercise)


def judged(
    options: Namespace, copy: Copy, told: Callable[[Finding], None] = nobody_asks
) -> Marks:
    """The marks of a file as it is now; the best of them are kept."""
    seed = copy.seed if options.seed is None else options.seed
    hidden = hidden_file(options)
    exercise = copy.exercise_with(hidden)
    judgement = judge(exercise, copy.text(), seed=seed, hidden=hidden, told=told)
    found = marks(exercise, judgement)
    if copy.is_own:
        scores = Scores.load()
        scores.earned(exercise, found.points)
        if scores.problem is not None:
            complain(scores.problem)
    return found


def watch_command(options: Namespace) -> int:
    """Judge it now, and after each change, until Ctrl-C."""
    copy = copy_of(options)
    try:
        for _ in changes(copy.path):
            deliver(f"\n{copy.path}, at {time.strftime('%H:%M:%S')}\n\n", None)
            found = judged(options, copy, told=lambda one: tell(copy.exercise, one))
            deliver("\n" + marks_text(found, text_width()), None)
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    return OK


def tell(exercise: Exercise, finding: Finding) -> None:
    """One check, as soon as it is known how it went."""
    check = next(one for one in exercise.checks if one.name == finding.check)
    deliver(row_text(check, finding, text_width(), hidden=False) + "\n", None)
    sys.stdout.flush()


def changes(path: Path, pause: float = LOOK) -> Iterator[None]:
    """Once at first, and then each time that a file has been saved."""
    seen = None
    while True:
        now = stamp(path)
        if now is not None and now != seen:
            seen = now
            yield
        time.sleep(pause)


def stamp(path: Path) -> tuple[int, int] | None:
    """Changes when a file does; None while an editor has it away."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def replay_command(options: Namespace) -> int:
    copy = copy_of(options)
    finding, trouble = replay(copy.exercise, copy.text(), options.schedule)
    if finding is None:
        raise Usage(trouble)
    if options.json:
        print_json({"schedule": finding.schedule, "failure": finding.failure})
    else:
        deliver(f"{finding.drawing}\n", None)
    return FAILED if finding.failure is not None else OK


def grade_command(options: Namespace) -> int:
    check_output(options.output)
    hidden = hidden_file(options)
    copy = Copy(find_exercise(options.name), Path())
    rules = Rules(
        copy.exercise_with(hidden), options.seed, hidden, tells=options.tell_all
    )
    missing = [path for path in options.paths if not Path(path).exists()]
    if missing:
        raise Usage(f"there is no {missing[0]!r}")
    handed = list(handed_in([Path(path) for path in options.paths], rules.exercise))
    if options.format == "gradescope" and len(handed) != 1:
        count = len(handed)
        raise Usage(f"Gradescope's form is of one submission, and here are {count}")
    meter = Meter("graded", None, quiet=options.quiet, unit="submissions")
    with meter:
        rows = grade(
            handed,
            rules,
            workers=options.workers or os.cpu_count() or 1,
            kept=Path(options.kept) if options.kept else None,
            told=meter.count,
        )
    deliver(FORMATS[options.format](rows), options.output)
    return OK if rows and all(row["passed"] for row in rows) else FAILED


def hidden_file(options: Namespace) -> Path | None:
    """The file that --hidden names.  Raises Usage."""
    path = Path(options.hidden) if options.hidden else None
    if path is not None and not path.is_file():
        raise Usage(f"no file {options.hidden!r} with hidden checks")
    return path


# Help, and a student's own file.


def hint_command(options: Namespace) -> int:
    exercise = exercise_of(options.file)
    level = options.level or Scores.load().next_hint(exercise)
    text = exercise.hints[level - 1]
    if options.json:
        return print_json({"exercise": exercise.name, "level": level, "hint": text})
    deliver(f"Hint {level} of {len(exercise.hints)}\n\n{text}\n", None)
    return OK


def exercise_of(what: str | None) -> Exercise:
    """An exercise by its name, or by a file or folder of one."""
    if what in [one.name for one in exercises()]:
        return find_exercise(what)
    return copy_at(what).exercise


def diff_command(options: Namespace) -> int:
    deliver(color_diff(copy_of(options).difference(), options), None)
    return OK


def reset_command(options: Namespace) -> int:
    copy = copy_of(options)
    kept = copy.reset()
    note = f"; what was there is {kept.name} now" if kept else ""
    deliver(f"{copy.path} is the starter again{note}.\n", None)
    return OK


def solution_command(options: Namespace) -> int:
    exercise = exercise_of(options.file)
    if not options.answers and not agreed(exercise):
        return OK
    deliver(solution_of(exercise, options.seed), None)
    return OK


def agreed(exercise: Exercise) -> bool:
    """Whether somebody wants to see a solution, having been asked."""
    if not (on_terminal(sys.stdin) and on_terminal(sys.stdout)):
        raise Usage("nobody is there to be asked; --answers shows it all the same")
    print(f"Show a solution of {exercise.name}?  (y or n) ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def verify_command(options: Namespace) -> int:
    """For authors."""
    wanted = [find_exercise(name) for name in options.names] or list(exercises())
    found = {one.name: list(problems(one)) for one in wanted}
    if options.json:
        print_json({"exercises": found})
    for name, wrong in found.items() if not options.json else ():
        words = "\n".join(f"  {problem}" for problem in wrong)
        deliver(f"{name}: {'not right' if wrong else 'right'}\n", None)
        deliver(f"{words}\n" if wrong else "", None)
    is_right = bool(found) and not any(found.values()) and not shelf().broken
    return OK if is_right else FAILED


def new_command(options: Namespace) -> int:
    """For authors."""
    folder = new(options.name, options.kind, Path(options.folder))
    deliver(
        f"{folder} is an exercise that is right; change it, and now and then\n\n"
        f"  kmm exercise verify {folder}\n\n"
        f"A package offers its exercises by an entry point, group kmm.exercises.\n",
        None,
    )
    return OK


WHAT: Mapping[str, Callable[[Namespace], int]] = {
    "list": list_command,
    "start": start_command,
    "check": check_command,
    "watch": watch_command,
    "hint": hint_command,
    "diff": diff_command,
    "reset": reset_command,
    "solution": solution_command,
    "replay": replay_command,
    "grade": grade_command,
    "verify": verify_command,
    "new": new_command,
}
