"""How a command ends: its exit code, and what it says of trouble.

0 done, no failure found; 1 a failure was found; 2 usage, bad input, or a worker that
was killed, with one line on standard error; 130 interrupted, after reporting what was
covered.
"""

from __future__ import annotations

import os
import sys

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
LONGEST = 400  # characters of a complaint


class Usage(Exception):
    """Bad input: one line that names the cause and the way out."""


class GivenUp(Exception):
    """Nothing was wrong with what was asked: one line that says what went wrong."""


def complain(message: str) -> None:
    """One line on standard error, however long and strange the input it speaks of."""
    line = "".join(c if c.isprintable() else " " for c in message)
    if len(line) > LONGEST:
        line = f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"
    if sys.stderr is not None:
        try:
            print(f"kmm: {line}", file=sys.stderr)
        except OSError:
            return  # the exit code still says it


def drop_output() -> None:
    """Give up on standard output; Python would try again, and complain, at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
