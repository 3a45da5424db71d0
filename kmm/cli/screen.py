"""`kmm` alone: the screen, if there is a terminal to draw it on."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from contextlib import suppress

from ..course import find_lesson
from ..designs import UnknownName, find_kernel
from ..tui.opening import open_session, session_of
from ..tui.session import Session
from .exits import Usage
from .naming import race_named
from .replay import replayed

FIRST_KERNEL = "2.6.34"


def open_screen(options: Namespace) -> int:
    """Open the textbook, or what --open names.  Raises Usage."""
    problem = terminal_problem()
    if problem is not None:
        raise Usage(
            f"{problem}, so the screen cannot open; use a command instead, for "
            f"example `kmm hunt exec-stack --kernel vanilla` (see kmm --help)"
        )
    if options.no_color:
        os.environ["NO_COLOR"] = "1"
    from ..tui.app import open_screen as open_app

    what, projector = options.open, options.projector
    if what is None:
        return open_app(projector=projector)
    with suppress(UnknownName):
        return open_app(lesson=find_lesson(what), projector=projector)
    return open_app(session_for(what), projector=projector)


def session_for(what: str) -> Session:
    """A race as it opens, or a run at one of its moments.  Raises Usage."""
    if "/" in what:
        return session_of(replayed(what), "the run that was asked for")
    return open_session(race_named(what), find_kernel(FIRST_KERNEL))


def terminal_problem() -> str | None:
    """Why no screen can be drawn, or None.  Textual draws on standard error."""
    if os.environ.get("TEXTUAL_DRIVER"):
        return None  # on something else, as `kmm serve` does
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return "this is no terminal"
    if os.environ.get("TERM", "dumb") == "dumb":
        return "this terminal cannot be drawn on (TERM is dumb or not set)"
    return None
