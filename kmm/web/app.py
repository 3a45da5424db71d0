"""The textbook in a page: it opens where the address says, and the address follows."""

from __future__ import annotations

from contextlib import suppress

from textual.driver import Driver
from textual.screen import Screen

from ..cli.exits import Usage
from ..cli.screen import session_for
from ..course import find_lesson
from ..course.progress import Progress, load_progress
from ..designs import UnknownName
from ..tui.app import KNOWN_KEYS, KmmApp
from ..tui.crash import state_folder
from ..tui.screens.contents import Contents
from ..tui.screens.lesson import LessonScreen
from ..tui.screens.stepper import Stepper
from ..tui.settings import load_settings
from .driver import PageDriver
from .kept import Kept
from .page import Page

OFTEN = 0.25  # seconds between two looks at what the page should know


class PageApp(KmmApp):
    """Is told by the page what the reader does, and tells it what to keep."""

    def __init__(self, page: Page, kept: Kept, asked: str) -> None:
        super().__init__(progress=load_progress(), settings=load_settings(KNOWN_KEYS))
        self.page, self.kept, self.asked = page, kept, asked
        self.told = ""  # what the address says

    def get_driver_class(self) -> type[Driver]:
        return PageDriver

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(OFTEN, self.tell_page)
        if self.asked:
            self.call_after_refresh(self.open_asked, self.asked)

    async def run_here(self, columns: int, rows: int) -> str:
        """Until the reader leaves; the report, if the screen has crashed."""
        await self.run_async(size=(columns, rows))
        self.kept.tell()
        if not self.return_code:
            return ""
        reports = sorted(state_folder().glob("crash-*.txt"))
        return reports[-1].read_text("utf-8") if reports else "there is no report"

    # What the page says.  It says so from outside of the app, which must come to it.

    @property
    def here(self) -> PageDriver:
        assert isinstance(self._driver, PageDriver)
        return self._driver

    def hear_keys(self, text: str) -> None:
        self.here.hear_keys(text)

    def hear_size(self, columns: int, rows: int) -> None:
        self.here.hear_size(columns, rows)

    def hear_asked(self, what: str) -> None:
        self.call_later(self.open_asked, what)

    def hear_file(self, name: str, text: str) -> None:
        self.call_later(self.take_file, name, text)

    def open_asked(self, what: str) -> None:
        """Somebody has followed a link, or changed the address."""
        if not what or what == self.told:
            return
        self.told = what
        try:
            screen = self.screen_for(what)
        except Usage as error:
            self.notify(str(error), severity="error", timeout=15, markup=False)
        else:
            _ = self.push_screen(screen)

    def take_file(self, name: str, text: str) -> None:
        """A file of the reader's from elsewhere, which is as good as one kept here."""
        self.kept.bring_back({name: text})
        fresh, progress = load_progress(), self.reader
        progress.lessons, progress.last = fresh.lessons, fresh.last
        progress.rest, progress.problem = fresh.rest, fresh.problem
        for screen in self.screen_stack:
            if isinstance(screen, Contents):
                screen.draw()

    # What the page is told.

    @property
    def reader(self) -> Progress:
        assert self.progress is not None
        return self.progress

    def screen_for(self, what: str) -> Screen[None]:
        """A lesson by its name, a race, or a moment of a run.  Raises Usage."""
        with suppress(UnknownName):
            return LessonScreen(find_lesson(what), self.reader)
        return Stepper(session_for(what))

    def tell_page(self) -> None:
        self.kept.tell()
        token = self.where_it_is()
        if token != self.told:
            self.told = token
            self.page.token(token)

    def where_it_is(self) -> str:
        """What is shown, as the address has it."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, Stepper):
                return str(screen.session.moment_token)
            if isinstance(screen, LessonScreen):
                return screen.lesson.name
        return ""

    def copy_to_clipboard(self, text: str) -> None:
        super().copy_to_clipboard(text)
        self.page.copy(text)
