"""`kmm exercise` for teachers and authors: a class graded, exercises made."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ..exercises import exercises, find_exercise
from ..exercises.autograder import write_autograder
from ..exercises.classroom50 import IDENTITY, result
from ..exercises.desk import Copy
from ..exercises.formats import FORMATS, OF_ONE
from ..exercises.grade import Row, Rules, grade, handed_in, missing
from ..exercises.library import shelf
from ..exercises.scaffold import new
from ..exercises.verify import problems
from .exits import FAILED, OK, Usage
from .output import check_output, deliver, print_json
from .progress import Meter


def grade_command(options: Namespace) -> int:
    check_output(options.output)
    rules = rules_of(options)
    rows = graded(options, rules)
    if options.format in OF_ONE and len(rows) != 1:
        raise Usage(
            f"the form {options.format} is of one submission, and here are {len(rows)}"
        )
    if options.format == "classroom50":
        text = result(rows[0], who_asks(), datetime.now(UTC))
    else:
        text = FORMATS[options.format](rows)
    deliver(text, options.output)
    return OK if rows and all(row["passed"] for row in rows) else FAILED


def rules_of(options: Namespace) -> Rules:
    hidden = hidden_file(options)
    copy = Copy(find_exercise(options.name), Path())
    exercise = copy.exercise_with(hidden)
    return Rules(exercise, options.seed, hidden, tells=options.tell_all)


def graded(options: Namespace, rules: Rules) -> list[Row]:
    """A row for each submission.  Raises Usage where there can be none."""
    paths = [Path(path) for path in options.paths]
    for path in paths:
        if not path.exists():
            raise Usage(f"there is no {str(path)!r}")
    handed = list(handed_in(paths, rules.exercise))
    if not handed and options.format in OF_ONE:
        return [missing(paths[0], rules)]  # whoever handed it in is to be told
    if options.format in OF_ONE and len(handed) > 1:
        raise Usage(
            f"the form {options.format} is of one submission, and here are "
            f"{len(handed)}"
        )
    with Meter("graded", None, quiet=options.quiet, unit="submissions") as meter:
        return grade(
            handed,
            rules,
            workers=options.workers or os.cpu_count() or 1,
            kept=Path(options.kept) if options.kept else None,
            told=meter.count,
        )


def who_asks() -> Mapping[str, str]:
    """What Classroom 50's runner says of the submission, in the environment.

    Raises Usage.
    """
    lost = [name for name in IDENTITY.values() if not os.environ.get(name)]
    if lost:
        raise Usage(
            f"Classroom 50's runner would have set {', '.join(lost)}; without that "
            f"nobody would know whose result this is"
        )
    return os.environ


def hidden_file(options: Namespace) -> Path | None:
    """The file that --hidden names.  Raises Usage."""
    path = Path(options.hidden) if options.hidden else None
    if path is not None and not path.is_file():
        raise Usage(f"no file {options.hidden!r} with hidden checks")
    return path


def autograder_command(options: Namespace) -> int:
    """The zip that Gradescope asks for."""
    hidden = hidden_file(options)
    exercise = Copy(find_exercise(options.name), Path()).exercise_with(hidden)
    path = Path(options.output or f"{exercise.name}.zip")
    check_output(str(path))
    write_autograder(exercise, path, hidden=hidden, seed=options.seed)
    if options.json:
        return print_json({"exercise": exercise.name, "file": str(path)})
    deliver(
        f"{path} judges {exercise.name} on Gradescope: there, choose Configure "
        f"Autograder,\nand upload it.  Students hand in {exercise.file}.\n",
        None,
    )
    return OK


def verify_command(options: Namespace) -> int:
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
    folder = new(options.name, options.kind, Path(options.folder))
    deliver(
        f"{folder} is an exercise that is right; change it, and now and then\n\n"
        f"  kmm exercise verify {folder}\n\n"
        f"A package offers its exercises by an entry point, group kmm.exercises.\n",
        None,
    )
    return OK


FOR_TEACHERS: Mapping[str, Callable[[Namespace], int]] = {
    "grade": grade_command,
    "autograder": autograder_command,
    "verify": verify_command,
    "new": new_command,
}
