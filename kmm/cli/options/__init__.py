"""The command line: the commands, and what may stand beside each.

This is its front page.  `races` has the options of the commands that work on one race,
`tables` those of the commands that list and compare, `workloads` those of the commands
that run programs in virtual time, `course` and `exercise` those of `lesson` and
`exercise`, `hardware` those of `mmu` and `conform`, `machine` those of
`serve` and `doctor`; `common` has what several of them
share, `values` what a word may be.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import NoReturn

from ... import __version__
from ..exits import Usage
from .common import add_common
from .course import add_lesson
from .exercise import add_exercise
from .hardware import add_conform, add_mmu
from .machine import add_doctor, add_serve
from .races import add_hunt, add_proc, add_prove, add_replay, add_run
from .tables import add_cost, add_diff, add_list, add_matrix
from .workloads import add_bench, add_stress

DESCRIPTION = """\
How Linux moved memory under running programs in 2010, and why doing so raced.

Without a command, kmm opens its screen: the textbook, or what --open names.
"""
EPILOG = """\
examples:
  kmm hunt exec-stack --kernel vanilla    see the kernel BUG of 2010 happen
  kmm prove exec-stack --kernel v6        see a fix hold over every interleaving
  kmm diff vanilla v6                     see what the fix changes

exit codes:
  0 no failure found   1 a failure was found   2 bad input   130 interrupted
"""
Add = Callable[[argparse.ArgumentParser], None]

# Of each command what it does, in a line, and what adds its options.
COMMANDS: dict[str, tuple[str, Add]] = {
    "list": ("what there is: races, designs, kernels", add_list),
    "run": ("one run of a race", add_run),
    "hunt": ("search for a run that fails, and show it", add_hunt),
    "prove": ("cover every interleaving within the bounds", add_prove),
    "replay": ("make a run again from its schedule", add_replay),
    "diff": ("the functions in which two kernels or designs differ", add_diff),
    "matrix": ("every race on every kernel: who loses to what", add_matrix),
    "cost": ("what each answer costs: locks taken, VMAs visited", add_cost),
    "bench": (
        "kernels, or rival answers, side by side in virtual time",
        add_bench,
    ),
    "stress": ("the letter's reproduction recipe, in virtual time", add_stress),
    "lesson": ("the textbook: a lesson as plain text", add_lesson),
    "exercise": ("the classroom: a fix graded by proof", add_exercise),
    "proc": ("the files of /proc and /sys, at one moment of a run", add_proc),
    "mmu": ("the hardware alone: walk an address, decode an entry", add_mmu),
    "conform": ("hold the model against recorded hardware and kernels", add_conform),
    "serve": ("the screen in a browser, for a class", add_serve),
    "doctor": ("what this installation has, and what is in its way", add_doctor),
}


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, and whose help fits 80 columns."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, formatter_class=NarrowHelp, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise Usage(f"{with_the_nearest(message)} (see {self.prog} --help)")


def with_the_nearest(message: str) -> str:
    """A complaint of argparse's: of a mistyped word, what it is like, and not all."""
    found = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
    near = found and get_close_matches(found[1], re.findall(r"[\w-]+", found[2]), n=1)
    if not found or not near:
        return message
    return f"{message[: found.start()]}no {found[1]!r}; did you mean {near[0]}?"


class NarrowHelp(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=79)  # to ask how wide it is takes time


def make_parser(argv: Sequence[str]) -> Parser:
    """The parser for `argv`.

    The options of some commands need names from the rooms below, which cost an import
    of the model; so they are added only for a command that is on the line.
    """
    parser = Parser("kmm")
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument(
        "--version",
        action="version",
        version=f"kmm {__version__}",
        help="print the version",
    )
    parser.add_argument(
        "--completion",
        metavar="SHELL",
        help="print what lets a shell complete commands: bash, zsh, fish, tcsh",
    )
    parser.add_argument(
        "--open",
        metavar="WHAT",
        help="open the screen at a lesson, a race, or a moment (SCHEDULE@N)",
    )
    parser.add_argument(
        "--projector",
        action="store_true",
        help="the screen in high contrast, for the far end of a room",
    )
    add_common(parser)
    parser.set_defaults(no_color=False, quiet=False, verbose=False)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", prog="kmm"
    )
    for name, (summary, add_options) in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name in argv:
            add_options(command)
            add_common(command)
    return parser
