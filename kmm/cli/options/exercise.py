"""The classroom: exercise."""

from __future__ import annotations

import argparse

from .common import add_common, add_json, add_output, add_workers
from .values import whole_number


def add_exercise(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Exercises that are judged by proof, or by the run that breaks them."
    )
    kinds = parser.add_subparsers(
        dest="what", metavar="WHAT", required=True, prog="kmm exercise"
    )
    for name, (summary, add) in WHAT.items():
        command = kinds.add_parser(name, help=summary)
        command.description = f"{summary[0].upper()}{summary[1:]}."
        add(command)
        add_common(command)
        command.epilog = f"examples:\n{EXAMPLES[name]}\n\nexit code: {CODES[name]}"
    parser.epilog = (
        "examples:\n"
        "  kmm exercise list\n"
        "  kmm exercise start exec-stack\n"
        "  kmm exercise hint exec-stack\n"
        "  kmm exercise check exec-stack\n\n"
        "see also: kmm exercise check --help, and docs/classroom.md\n\n"
        "exit code: 0; 1 if a submission fails, or an exercise is not right; 2 for\n"
        "bad input"
    )


def add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="your file, or its folder (default: this folder)",
    )
    parser.add_argument(
        "--exercise",
        metavar="NAME",
        help="which exercise it is for, where no exercise.toml beside it says so",
    )


def add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed",
        type=whole_number,
        metavar="N",
        help="which variant, of an exercise whose numbers a seed chooses",
    )


def add_judging(parser: argparse.ArgumentParser) -> None:
    add_seed(parser)
    parser.add_argument(
        "--hidden",
        metavar="FILE",
        help="hidden checks that are kept elsewhere, as TOML",
    )
    parser.add_argument(
        "--tell-all",
        action="store_true",
        help="for teachers: tell what hidden checks have found, too",
    )


def add_start(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="see `kmm exercise list`")
    parser.add_argument(
        "folder", nargs="?", metavar="DIR", help="where (default: a folder NAME here)"
    )
    add_seed(parser)
    add_json(parser)


def add_check(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    add_judging(parser)
    add_json(parser)


def add_watch(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    add_judging(parser)


def add_list(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def add_hint(parser: argparse.ArgumentParser) -> None:
    add_what(parser)
    parser.add_argument(
        "--level",
        type=int,
        choices=(1, 2, 3),
        metavar="N",
        help="1 where to look, 2 what to do, 3 nearly the solution (default: the next)",
    )
    add_json(parser)


def add_what(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        nargs="?",
        metavar="NAME|FILE",
        help="an exercise, or a file or folder of one (default: this folder)",
    )


def add_solution(parser: argparse.ArgumentParser) -> None:
    add_what(parser)
    add_seed(parser)
    parser.add_argument(
        "--answers", "--yes", action="store_true", help="for teachers: do not ask first"
    )


def add_replay(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    parser.add_argument("schedule", metavar="SCHEDULE", help="as a check printed it")
    add_json(parser)


def add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="exercises (default: all)"
    )
    add_json(parser)


def add_grade(parser: argparse.ArgumentParser) -> None:
    from ...exercises.formats import FORMATS

    parser.add_argument("name", metavar="NAME", help="the exercise")
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="submissions: files, students' folders, or a folder of these",
    )
    add_judging(parser)
    formats = (*FORMATS, "classroom50")
    parser.add_argument(
        "--format",
        choices=formats,
        default="text",
        metavar="NAME",
        help=f"{', '.join(formats)} (default: %(default)s)",
    )
    parser.add_argument(
        "--kept",
        metavar="FILE",
        help="keep results there as they are made, and take those that are there",
    )
    add_workers(parser, "judge at once (default: one a CPU)")
    add_output(parser)


def add_autograder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the exercise")
    add_seed(parser)
    parser.add_argument(
        "--hidden",
        metavar="FILE",
        help="hidden checks that are kept elsewhere, as TOML",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="the zip (default: NAME.zip)"
    )
    add_json(parser)


def add_new(parser: argparse.ArgumentParser) -> None:
    from ...exercises.exercise import KINDS

    parser.add_argument("name", metavar="NAME", help="what it is to be called")
    parser.add_argument(
        "folder", nargs="?", default=".", metavar="DIR", help="where (default: here)"
    )
    parser.add_argument(
        "--kind",
        choices=KINDS,
        default="design",
        metavar="KIND",
        help=f"{', '.join(KINDS)} (default: %(default)s)",
    )


# Of each what it does, in a line, and what adds its options.
WHAT = {
    "list": ("what there is, and what you have earned", add_list),
    "start": ("lay out the task and the starter, to work on", add_start),
    "check": ("judge a submission", add_check),
    "watch": ("judge a submission, and again whenever it is saved", add_watch),
    "hint": ("the next of three hints", add_hint),
    "diff": ("what you have changed in the starter", add_file),
    "reset": ("put the starter back; your file is kept beside it", add_file),
    "solution": ("a solution; asks first", add_solution),
    "replay": ("make a run of a submission again, and draw it", add_replay),
    "grade": ("for teachers: judge a class", add_grade),
    "autograder": ("for teachers: a zip that judges on Gradescope", add_autograder),
    "verify": ("for authors: every starter fails, every solution passes", add_verify),
    "new": ("for authors: a new exercise, to be changed bit by bit", add_new),
}
EXAMPLES = {
    "list": "  kmm exercise list",
    "start": (
        "  kmm exercise start exec-stack\n"
        "  kmm exercise start walk-by-hand walk --seed 7"
    ),
    "check": "  kmm exercise check exec-stack/fix.py",
    "watch": "  kmm exercise watch exec-stack",
    "hint": "  kmm exercise hint exec-stack",
    "diff": "  kmm exercise diff exec-stack",
    "reset": "  kmm exercise reset exec-stack",
    "solution": "  kmm exercise solution walk-by-hand --seed 7 --answers",
    "replay": "  kmm exercise replay fix.py SCHEDULE",
    "grade": (
        "  kmm exercise grade exec-stack handed-in/\n"
        "  kmm exercise grade exec-stack handed-in/ --kept class.jsonl --format csv"
    ),
    "autograder": (
        "  kmm exercise autograder exec-stack\n"
        "  kmm exercise autograder walk-by-hand --seed 7 -o walk.zip"
    ),
    "verify": "  kmm exercise verify",
    "new": "  kmm exercise new my-stack --kind design",
}
CODES = {
    **dict.fromkeys(WHAT, "0"),
    "check": "0 if all checks pass, 1 if one fails",
    "watch": "130, as Ctrl-C ends it",
    "replay": "1 if the run fails",
    "grade": "0 if all submissions pass, 1 if one fails or there is none",
    "verify": "1 if an exercise is not right",
}
