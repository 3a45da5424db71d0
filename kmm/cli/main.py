"""kmm: from the words of a command line to an exit code, and what becomes of errors.

Little is imported until it is needed: `kmm --version` answers as fast as Python
starts, and `kmm --help` needs nothing but argparse.
"""

from __future__ import annotations

import os
import sys

from .. import __version__
from .exits import INTERRUPTED, OK, USAGE, GivenUp, Usage, complain, drop_output

TYPE_CHECKING = False  # typing has it too, and takes as long to import as argparse
if TYPE_CHECKING:
    from collections.abc import Sequence

# Where each command is.  Only the one that is asked for is imported.
COMMANDS = {
    "list": "listing:list_command",
    "run": "search:run_command",
    "hunt": "search:hunt_command",
    "prove": "search:prove_command",
    "replay": "replay:replay_command",
    "diff": "diff:diff_command",
    "matrix": "matrix:matrix_command",
    "cost": "cost:cost_command",
    "bench": "bench:bench_command",
    "stress": "stress:stress_command",
    "lesson": "lesson:lesson_command",
    "exercise": "exercise:exercise_command",
    "proc": "proc:proc_command",
    "mmu": "mmu:mmu_command",
    "conform": "conform:conform_command",
    "serve": "serve:serve_command",
    "doctor": "doctor:doctor_command",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    code = OK
    try:
        code = dispatch(sys.argv[1:] if argv is None else list(argv))
        if sys.stdout is not None:  # None if it was closed when Python started
            sys.stdout.flush()
    except (Usage, GivenUp) as error:
        complain(str(error))
        return USAGE
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has seen enough
        drop_output()
    except OSError as error:
        drop_output()
        complain(f"cannot write standard output: {os.strerror(error.errno or 0)}")
        return USAGE
    return code


def dispatch(argv: list[str]) -> int:
    if argv == ["--version"]:
        print(f"kmm {__version__}")
        return OK
    from .options import make_parser

    parser = make_parser(argv)
    try:
        options = parser.parse_args(argv)
    except SystemExit:  # --help or --version, which is printed by now
        return OK
    if options.command and options.open:
        raise Usage("--open is for the screen: kmm --open WHAT, without a command")
    if options.completion is not None:
        from .completion import print_completion

        return print_completion(options.completion)
    if options.command is None:
        from .screen import open_screen

        return open_screen(options)
    from pkgutil import resolve_name

    code: int = resolve_name(f"kmm.cli.{COMMANDS[options.command]}")(options)
    return code
