"""`kmm` alone: the screen, if there is a terminal to draw it on."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from .exits import Usage


def open_screen(options: Namespace) -> int:
    """Open the textbook."""
    problem = terminal_problem()
    if problem is not None:
        raise Usage(
            f"{problem}, so the screen cannot open; use a command instead, for "
            f"example `kmm hunt exec-stack --kernel vanilla` (see kmm --help)"
        )
    if options.no_color:
        os.environ["NO_COLOR"] = "1"
    from ..tui.app import open_screen as open_app

    return open_app()


def terminal_problem() -> str | None:
    """Why no screen can be drawn, or None.  Textual draws on standard error."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return "this is no terminal"
    if os.environ.get("TERM", "dumb") == "dumb":
        return "this terminal cannot be drawn on (TERM is dumb or not set)"
    return None
