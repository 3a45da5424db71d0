"""The Textual app: it opens the first screen, and ends in one line if one crashes.

Called by `kmm` alone, on a terminal.
"""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Iterable, Sequence
from types import FrameType

from attrs import evolve
from rich.text import Text
from textual.app import App, SystemCommand
from textual.screen import Screen

from ..course import Lesson
from ..course.progress import Progress, load_progress
from .crash import report_crash
from .keys import (
    CONTENTS_KEYS,
    EXERCISE_KEYS,
    KEYS,
    LESSON_KEYS,
    MATRIX_KEYS,
    Key,
)
from .screens.contents import Contents
from .screens.exercise import ExerciseScreen
from .screens.lesson import LessonScreen
from .screens.matrix import Matrix
from .screens.stepper import Stepper
from .session import Session
from .settings import PROJECTOR, Settings, load_settings

TABLES = (KEYS, LESSON_KEYS, CONTENTS_KEYS, MATRIX_KEYS, EXERCISE_KEYS)
KNOWN_KEYS = frozenset(key.id for table in TABLES for key in table if key.action)
CRASHED = 3  # exit code
# When Python looks for garbage: after so many objects that are new, then so many times
# of that through the not so new, then so many times of that through all.
SELDOM = (2_000, 10, 100)


class KmmApp(App[None]):
    """The textbook; or one session by itself, if there is one to open."""

    TITLE = "kmm"
    CSS = """
    /* Its picture is in few terminals' fonts. */
    SearchIcon { display: none; }
    """

    def __init__(
        self,
        session: Session | None = None,
        progress: Progress | None = None,
        lesson: Lesson | None = None,
        settings: Settings | None = None,
    ) -> None:
        super().__init__()
        self.session, self.progress, self.lesson = session, progress, lesson
        self.settings = settings or Settings()
        self.collected = gc.get_threshold()
        self.register_theme(PROJECTOR)

    def on_mount(self) -> None:
        """What the reader has settled."""
        settings = self.settings
        self.set_keymap(settings.keys)
        problems = list(settings.problems)
        if settings.projector:
            self.theme = PROJECTOR.name
        elif settings.theme in self.available_themes:
            self.theme = settings.theme
        elif settings.theme is not None:
            problems.append(f"no theme is called {settings.theme!r}; ctrl+p lists them")
        for problem in problems:
            self.notify(problem, severity="warning", timeout=10, markup=False)

    def on_ready(self) -> None:
        """What is loaded by now stays: to look through it again would hold up a key.

        So would to look through all of the rest, which is seldom worth it.
        """
        gc.collect()
        gc.freeze()
        gc.set_threshold(*SELDOM)

    def on_unmount(self) -> None:
        gc.unfreeze()
        gc.set_threshold(*self.collected)

    def get_default_screen(self) -> Screen[None]:
        if self.session is not None:
            return Stepper(self.session)
        return Contents(self.progress or load_progress(), self.lesson)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What ctrl+p offers: the keys' actions, and light or dark."""
        for key in self.keys_of(screen):
            if key.action and key.action != "app.quit":
                action = getattr(screen, f"action_{key.action}")
                title = key.help[0].upper() + key.help[1:]
                yield SystemCommand(title, f"key: {key.shown}", action)
        yield SystemCommand(
            "Light or dark", "Change between a light and a dark screen", self.turn
        )
        yield SystemCommand(
            "Projector", "High contrast, for the far end of a room", self.project
        )
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
        yield SystemCommand("Quit", "Leave kmm", self.action_quit)

    def keys_of(self, screen: Screen[object]) -> Sequence[Key]:
        """The table of keys of a screen."""
        match screen:
            case Stepper():
                return KEYS
            case LessonScreen():
                return LESSON_KEYS
            case Contents():
                return CONTENTS_KEYS
            case Matrix():
                return MATRIX_KEYS
            case ExerciseScreen():
                return EXERCISE_KEYS
        return ()

    def turn(self) -> None:
        """From dark to light, or back."""
        dark = self.current_theme.dark
        self.theme = "textual-light" if dark else "textual-dark"

    def project(self) -> None:
        """To the theme for a wall, or back."""
        is_on = self.theme == PROJECTOR.name
        self.theme = "textual-dark" if is_on else PROJECTOR.name

    def _handle_exception(self, error: Exception) -> None:
        """Textual would print a page of traceback with every local variable."""
        line = report_crash(error, self.where())
        self._return_code = CRASHED
        if self._exception is None:  # what a test is to be told of
            self._exception = error
            self._exception_event.set()
        self.panic(Text(line, overflow="fold"))

    def where(self) -> str:
        """What was shown, for a report: enough to come there again."""
        found = []
        for screen in self.screen_stack:
            if isinstance(screen, Stepper):
                found.append(f"{screen.session.token} at step {screen.session.at}")
            elif isinstance(screen, LessonScreen):
                found.append(f"lesson {screen.lesson.name}, {screen.section.heading}")
            elif isinstance(screen, ExerciseScreen):
                found.append(f"exercise {screen.bench.exercise.name}")
        return ", ".join(found) or "the contents"


def open_screen(
    session: Session | None = None,
    lesson: Lesson | None = None,
    *,
    projector: bool = False,
) -> int:
    """Show the textbook, at a lesson perhaps, or a session, until the user leaves.

    Returns an exit code.
    """
    settings = load_settings(KNOWN_KEYS)
    if projector:
        settings = evolve(settings, projector=True)
    app = KmmApp(session, lesson=lesson, settings=settings)
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
