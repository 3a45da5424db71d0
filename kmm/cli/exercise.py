"""`kmm exercise`: exercises begun, judged, and explained.

What is for teachers and authors is in `classroom`.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..designs import UnknownName
from ..exercises import Exercise, exercises, find_exercise
from ..exercises.desk import Copy, DeskError, Watched, copy_at, solution_of, start
from ..exercises.exercise import Finding
from ..exercises.library import shelf
from ..exercises.marks import Marks, as_json, marks
from ..exercises.nursery import Nursery
from ..exercises.read import ExerciseError
from ..exercises.sandbox import Stopped, judge, nobody_asks, nobody_stops, replay
from ..exercises.scores import Scores
from ..exercises.text import list_text, marks_text, row_text
from .classroom import FOR_TEACHERS, hidden_file
from .exits import FAILED, INTERRUPTED, OK, Usage, complain, drop_output
from .output import color_diff, deliver, on_terminal, print_json, text_width

LOOK = 0.1  # seconds between two looks at a file that is watched


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
    Scores.load().begun(copy)
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
    copy = copy_of(options)
    text = copy.text()
    with Nursery(copy.exercise) as nursery:
        found = judged(options, copy, text, nursery)
    if options.json:
        print_json(as_json(found, hidden=options.tell_all))
    else:
        deliver(marks_text(found, text_width(), hidden=options.tell_all), None)
    return OK if found.passed else FAILED


def copy_of(options: Namespace) -> Copy:
    return copy_at(options.file, options.exercise)


def judged(
    options: Namespace,
    copy: Copy,
    text: str,
    nursery: Nursery,
    told: Callable[[Finding], None] = nobody_asks,
    unwanted: Callable[[], bool] = nobody_stops,
) -> Marks:
    """The marks of what is in a file; the best of them are kept.  Raises Stopped."""
    seed = copy.seed if options.seed is None else options.seed
    hidden = hidden_file(options)
    exercise = copy.exercise_with(hidden)
    judgement = judge(
        exercise,
        text,
        nursery=nursery,
        seed=seed,
        hidden=hidden,
        told=told,
        unwanted=unwanted,
    )
    found = marks(exercise, judgement)
    if copy.is_own:
        scores = Scores.load()
        scores.earned(exercise, found.points)
        if scores.problem is not None:
            complain(scores.problem)
    return found


def watch_command(options: Namespace) -> int:
    """Judge it now, and after each change, until Ctrl-C, or as long as it is read."""
    copy = copy_of(options)
    copy.text()  # raises DeskError if there is none at all
    file = Watched(copy.path)
    try:
        with Nursery(copy.exercise) as nursery:
            nursery.warm_up()
            for text in changes(file):
                watched(options, copy, text, nursery, file)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # nobody reads it any more
        drop_output()
    return OK


def watched(
    options: Namespace, copy: Copy, text: str, nursery: Nursery, file: Watched
) -> None:
    """Judge it once, and tell each check as soon as it is known how it went.

    If it is saved meanwhile, that is left, since the next is on its way.
    """

    def tell(finding: Finding) -> None:
        check = next(c for c in exercise.checks if c.name == finding.check)
        told(row_text(check, finding, text_width(), hidden=options.tell_all) + "\n")

    exercise = copy.exercise_with(hidden_file(options))
    told(f"\n{copy.path}, at {time.strftime('%H:%M:%S')}\n\n")
    try:
        found = judged(options, copy, text, nursery, tell, file.is_stale)
    except Stopped:
        told("\n(saved again)\n")
    else:
        told("\n" + marks_text(found, text_width(), hidden=options.tell_all))


def told(text: str) -> None:
    """Print it now.  Raises BrokenPipeError."""
    sys.stdout.write(text)
    sys.stdout.flush()


def changes(file: Watched, pause: float = LOOK) -> Iterator[str]:
    """What is in a file at first, and then each time that something else was saved."""
    while True:
        text = file.changed()
        if text is not None:
            yield text
        time.sleep(pause)


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
    **FOR_TEACHERS,
}
