"""The Textual app: it opens the main screen, and ends in one line if that crashes.

Called by `kmm` alone, on a terminal.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable
from types import FrameType

from rich.text import Text
from textual.app import App, SystemCommand
from textual.screen import Screen

from ..designs import KernelSpec
from ..scenarios.race import Race
from .crash import report_crash
from .keys import KEYS
from .screens.stepper import Stepper
from .session import Session, open_session

CRASHED = 3  # exit code


class KmmApp(App[None]):
    """One session on one screen."""

    TITLE = "kmm"
    CSS = """
    /* Its picture is in few terminals' fonts. */
    SearchIcon { display: none; }
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def get_default_screen(self) -> Screen[None]:
        return Stepper(self.session)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What ctrl+p offers: the keys' actions, and light or dark."""
        if isinstance(screen, Stepper):
            for key in KEYS:
                if key.action and key.action != "app.quit":
                    action = getattr(screen, f"action_{key.action}")
                    title = key.help[0].upper() + key.help[1:]
                    yield SystemCommand(title, f"key: {key.shown}", action)
        yield SystemCommand(
            "Light or dark", "Change between a light and a dark screen", self.turn
        )
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
        yield SystemCommand("Quit", "Leave kmm", self.action_quit)

    def turn(self) -> None:
        """From dark to light, or back."""
        dark = self.current_theme.dark
        self.theme = "textual-light" if dark else "textual-dark"

    def _handle_exception(self, error: Exception) -> None:
        """Textual would print a page of traceback with every local variable."""
        where = f"{self.session.token} at step {self.session.at}"
        line = report_crash(error, where)
        self._return_code = CRASHED
        if self._exception is None:  # what a test is to be told of
            self._exception = error
            self._exception_event.set()
        self.panic(Text(line, overflow="fold"))


def open_screen(race: Race, kernel: KernelSpec) -> int:
    """Show a race on a kernel until the user leaves; return an exit code."""
    app = KmmApp(open_session(race, kernel))
    # SIGTERM would end the process at once, and leave the terminal in the state that
    # the screen needs.
    before = signal.signal(signal.SIGTERM, terminated)
    try:
        app.run()
    finally:
        signal.signal(signal.SIGTERM, before)
    return app.return_code or 0


def terminated(number: int, _: FrameType | None) -> None:
    """End by way of everybody's `finally`, the one that restores the terminal too."""
    sys.exit(128 + number)
