"""The textbook as it is in a page, with a page that only remembers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextvars import Context
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from attrs import define, field
from textual._context import active_app
from tui import driving

from kmm.exercises import exercises
from kmm.scenarios import find_race
from kmm.tui import background
from kmm.tui.screens.contents import Contents
from kmm.tui.screens.exercise import open_exercise
from kmm.tui.screens.lesson import LessonScreen
from kmm.tui.screens.stepper import Stepper
from kmm.tui.session import Session
from kmm.web.app import PageApp
from kmm.web.kept import Kept
from kmm.web.start import make_app

PROGRESS = "state/kmm/progress.json"
READ_ONE = json.dumps(
    {"version": 1, "lessons": {"page-walk": {"read": ["What you will know"]}}}
)
DOWN, ESCAPE = "\x1b[B", "\x1b"
TOKEN = "exec-stack/2.6.34/48a30b8a19b/3ab2"


@define
class Remembering:
    """A page that nobody looks at."""

    drawn: list[str] = field(factory=list)
    kept: dict[str, str] = field(factory=dict)
    tokens: list[str] = field(factory=list)
    copied: list[str] = field(factory=list)

    def draw(self, text: str) -> None:
        self.drawn.append(text)

    def keep(self, name: str, text: str) -> None:
        self.kept[name] = text

    def token(self, text: str) -> None:
        self.tokens.append(text)

    def copy(self, text: str) -> None:
        self.copied.append(text)


@define
class Visit:
    """A reader on a page."""

    app: PageApp
    page: Remembering

    def asks(self, what: str) -> None:
        """As the page does, which knows nothing of the app that is active."""
        Context().run(self.app.hear_asked, what)

    def loads(self, name: str, text: str) -> None:
        Context().run(self.app.hear_file, name, text)

    async def sees(self, *texts: str) -> None:
        await driving.sees(cast(Any, SimpleNamespace(app=self.app)), *texts)

    async def on(self, screen: type[object]) -> None:
        await driving.eventually(lambda: isinstance(self.app.screen, screen))

    @property
    def session(self) -> Session:
        assert isinstance(self.app.screen, Stepper)
        return self.app.screen.session


Steps = Callable[[Visit], Awaitable[None]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As worker.js has it: everything of the reader's below one folder, no threads."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in "state", "config", "cache":
        monkeypatch.setenv(f"XDG_{name.upper()}_HOME", str(tmp_path / name))
    for name in "HAS_THREADS", "HAS_PROCESSES":
        monkeypatch.setattr(background, name, False)
    return tmp_path


def visit(steps: Steps, *, asked: str = "", progress: str | None = None) -> str:
    """Open the page and do `steps` there; what it ends with."""
    files = {} if progress is None else {PROGRESS: progress}

    async def main() -> str:
        page = Remembering()
        app = make_app(page, json.dumps(files), asked)
        active_app.set(app)  # for who looks at what is drawn
        running = asyncio.create_task(app.run_here(80, 24))
        await driving.eventually(lambda: bool(page.drawn))
        await steps(Visit(app, page))
        if app.return_code is None:
            app.exit()
        return await running

    return asyncio.run(main())


# What the reader does.


def test_what_the_terminal_says_are_keys() -> None:
    async def steps(here: Visit) -> None:
        await here.sees(">  1 [ ] A page walk")
        here.app.hear_keys(DOWN)
        await here.sees(">  2 [ ] Faults and rights")
        here.app.hear_keys("?")
        await here.sees("this help")
        here.app.hear_keys(ESCAPE)
        here.app.hear_keys("k")  # at once: no alt+k is meant
        await here.on(Contents)
        await here.sees(">  1 [ ] A page walk")

    assert visit(steps) == ""


def test_a_click_is_where_the_mouse_is() -> None:
    async def steps(here: Visit) -> None:
        await here.sees("2 [ ] Faults and rights")
        for end in "Mm":
            here.app.hear_keys(f"\x1b[<0;12;6{end}")
        await here.on(LessonScreen)
        await here.sees("2. Faults and rights")

    visit(steps)


def test_the_screen_is_as_large_as_the_terminal() -> None:
    async def steps(here: Visit) -> None:
        await driving.eventually(lambda: here.app.size == (80, 24))
        here.app.hear_size(132, 43)
        await driving.eventually(lambda: here.app.screen.size == (132, 43))

    visit(steps)


def test_a_screen_that_crashes_ends_with_its_report() -> None:
    async def steps(here: Visit) -> None:
        await here.on(Contents)
        here.app.call_later(lambda: 1 // 0)
        await driving.eventually(lambda: here.app.return_code is not None)

    assert "ZeroDivisionError" in visit(steps)


# The address.


def test_the_address_opens_a_moment_and_follows_it() -> None:
    async def steps(here: Visit) -> None:
        await here.on(Stepper)
        assert here.session.at == 5
        here.app.hear_keys(" ")
        await driving.eventually(lambda: here.page.tokens == [f"{TOKEN}@6"])
        here.app.hear_keys("q")
        await here.on(Contents)
        await driving.eventually(lambda: here.page.tokens[-1] == "")

    visit(steps, asked=f"{TOKEN}@5")


def test_an_address_is_followed_while_the_page_is_open() -> None:
    async def steps(here: Visit) -> None:
        here.asks("page-walk")
        await here.on(LessonScreen)
        here.asks("hole-punch")
        await here.on(Stepper)
        assert here.session.race == find_race("hole-punch")

    visit(steps)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("exec-stck", "did you mean exec-stack?"),
        ("exec-stack/2.6.34/48a30b8a19b/ffff", "check 3ab2"),
        ("exec-stack/2.6.34/48a30b8a19b/3ab2@x", "'x'"),
    ],
)
def test_an_address_that_names_nothing_is_refused_in_words(
    asked: str, said: str
) -> None:
    async def steps(here: Visit) -> None:
        await driving.eventually(
            lambda: any(said in note.message for note in here.app._notifications)
        )
        await here.on(Contents)

    visit(steps, asked=asked)


def test_a_moment_is_copied_to_the_pages_clipboard() -> None:
    async def steps(here: Visit) -> None:
        await here.on(Stepper)
        here.app.hear_keys("y")
        await driving.eventually(lambda: here.page.copied == [f"{TOKEN}@5"])

    visit(steps, asked=f"{TOKEN}@5")


# Searches, without threads.


def test_a_search_takes_turns_with_the_screen_and_finds_what_it_finds_anywhere() -> (
    None
):
    async def steps(here: Visit) -> None:
        await here.on(Stepper)
        here.app.hear_keys("s")
        await here.sees("As short as can be, it")
        here.app.hear_keys("\r")
        await here.on(Stepper)
        await driving.eventually(lambda: str(here.session.token) == TOKEN)

    visit(steps, asked=f"{TOKEN}@5")


def test_a_search_is_stopped_by_a_key() -> None:
    async def steps(here: Visit) -> None:
        await here.on(Stepper)
        here.app.hear_keys("s")
        await here.sees("executions so far, none failed")
        here.app.hear_keys(ESCAPE)
        await here.sees("interrupted after")

    visit(steps, asked="retry-livelock")


# What is kept.


def test_what_the_reader_has_done_is_kept_by_the_page() -> None:
    async def steps(here: Visit) -> None:
        here.asks("page-walk")
        await here.on(LessonScreen)
        await driving.eventually(lambda: PROGRESS in here.page.kept)

    visit(steps)


def test_what_was_kept_is_there_and_so_is_what_comes_from_a_file() -> None:
    async def steps(here: Visit) -> None:
        await here.sees("1 [.] A page walk  1/9")
        here.loads(PROGRESS, READ_ONE.replace("page-walk", "swap"))
        await here.sees("8 [.] When memory is short", "1 [ ] A page walk")

    visit(steps, progress=READ_ONE)


def test_nothing_is_written_outside_of_the_readers_folder(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    Kept(folder, Remembering()).bring_back({"../elsewhere.json": "{}"})
    assert not (tmp_path / "elsewhere.json").exists()


def test_a_file_is_told_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    page = Remembering()
    kept = Kept(tmp_path, page)
    (tmp_path / "a.json").write_text("1")
    (tmp_path / "a.123").write_text("of a moment")
    kept.tell()
    assert page.kept == {"a.json": "1"}
    page.kept.clear()
    kept.tell()
    assert page.kept == {}
    (tmp_path / "b.json").write_text("2")
    (tmp_path / "b.json").replace(tmp_path / "a.json")
    kept.tell()
    assert page.kept == {"a.json": "2"}


def test_what_the_address_opens_has_its_keys_at_the_bottom() -> None:
    async def steps(here: Visit) -> None:
        await here.on(Stepper)
        await here.sees("space p step")

    visit(steps, asked=f"{TOKEN}@5")


def test_an_exercise_is_for_the_terminal() -> None:
    async def steps(here: Visit) -> None:
        await here.on(Contents)
        first = next(iter(exercises()))
        here.app.call_later(open_exercise, here.app, first)
        await driving.eventually(
            lambda: any(
                f"kmm exercise start {first.name}" in note.message
                for note in here.app._notifications
            )
        )
        await here.on(Contents)

    assert visit(steps) == ""
