"""kmm: the command, its options, and what becomes of errors.

Exit codes: 0 done, no failure found; 1 a failure was found; 2 usage or bad input, with
one line on standard error; 130 interrupted, after reporting what was covered.

Only argparse is imported until a command is known, so that `kmm --version` and
`kmm --help` answer at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from .. import __version__

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

DESCRIPTION = """\
How Linux moved memory under running programs in 2010, and why doing so raced.

Without a command, kmm opens its screen.
"""
EXAMPLES = """\
examples:
  kmm hunt exec-stack --kernel vanilla    see the kernel BUG of 2010 happen
  kmm prove exec-stack --kernel v6        see a fix hold over every interleaving
  kmm diff vanilla v6                     see what the fix changes
"""
COMMANDS = {
    "list": "what there is: races, designs, kernels",
    "run": "one run of a race",
    "hunt": "search for a run that fails, and show it",
    "prove": "cover every interleaving within the bounds",
    "replay": "make a run again from its schedule",
    "diff": "two kernels or designs side by side",
}


class Usage(Exception):
    """Bad input: one line that names the cause and the way out."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        raise Usage(f"{message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    try:
        code = dispatch(sys.argv[1:] if argv is None else list(argv))
        sys.stdout.flush()
    except Usage as error:
        print(f"kmm: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("kmm: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough.  Python would complain again when
        # it flushes standard output at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return code


def dispatch(argv: list[str]) -> int:
    parser = make_parser(argv)
    options = parser.parse_args(argv)
    if options.command is None:
        from .screen import open_screen

        return open_screen(options)
    from .commands import COMMANDS as FUNCTIONS

    return FUNCTIONS[options.command](options)


def make_parser(argv: Sequence[str]) -> Parser:
    """The whole command line.

    The options of a command need the names of races and kernels, which cost an import
    of the model; so they are added only for a command that is on the line.
    """
    parser = Parser(
        prog="kmm",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"kmm {__version__}")
    add_global_options(parser, argparse.SUPPRESS)
    parser.set_defaults(no_color=False, quiet=False, verbose=False)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands"
    )
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        add_global_options(command, argparse.SUPPRESS)
        if name in argv:
            from .options import add_options

            add_options(name, command)
    return parser


def add_global_options(parser: argparse.ArgumentParser, default: str) -> None:
    """Options that may stand before or after the command."""
    parser.add_argument(
        "--no-color", action="store_true", default=default, help="no colours (NO_COLOR)"
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", default=default, help="no progress"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", default=default, help="say more"
    )
