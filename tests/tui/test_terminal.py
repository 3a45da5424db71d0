"""The textbook in a real terminal: tmux's, which can be asked what it shows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import frozen

from kmm.course import lessons

PATIENCE = 60  # seconds; a machine may be busy
TMUX = shutil.which("tmux")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(TMUX is None, reason="tmux is not installed"),
]


@frozen
class Terminal:
    """One window of a tmux server of its own."""

    server: str

    def tmux(self, *arguments: str) -> str:
        command = [str(TMUX), "-L", self.server, "-f", os.devnull, *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True
        ).stdout

    def shows(self) -> str:
        return self.tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def sees(self, *texts: str) -> None:
        self.waits_until(lambda: all(text in self.shows() for text in texts))

    def waits_until(self, check: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not check():
            assert time.monotonic() < end, self.shows()
            time.sleep(0.05)

    def asked(self, what: str) -> str:
        return self.tmux("display-message", "-p", f"#{{{what}}}").strip()


@pytest.fixture(params=["80x24", "120x40"])
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    """It has a shell that knows nothing of the user's."""
    width, height = request.param.split("x")
    found = Terminal(f"kmm-{os.getpid()}-{request.param}")
    environment = {
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "PATH": os.defpath,
        "TERM": "screen-256color",
    }
    settings = [f"{name}={value}" for name, value in environment.items()]
    found.tmux(
        *("new-session", "-d", "-x", width, "-y", height),
        *("env", "-i", *settings, "sh"),
    )
    yield found
    found.tmux("kill-server")


def test_a_reader_opens_a_lesson_steps_its_run_and_leaves_a_sound_terminal(
    terminal: Terminal,
) -> None:
    first = lessons()[0]
    place = [section.heading for section in first.sections].index("In motion") + 1
    root = Path(__file__).parents[2]
    terminal.press(f"cd {root}; {sys.executable} -m kmm; echo left with $?", "Enter")
    terminal.sees("Enter opens a lesson", f"> {first.number:2} [ ] {first.title}")
    assert terminal.asked("alternate_on") == "1"

    terminal.press("Enter")
    terminal.sees(first.sections[0].heading, "q contents")
    terminal.press(str(place))
    terminal.sees(f"In motion ({place} of")
    terminal.press("Tab", "Enter")
    terminal.sees("step 0 of", "q leave")
    terminal.press("Space", "Space")
    terminal.sees("step 2 of")

    terminal.press("q")
    terminal.sees(f"In motion ({place} of")
    terminal.press("q")
    terminal.sees("Enter opens a lesson")
    terminal.press("q")
    terminal.sees("left with 0")
    assert terminal.asked("alternate_on") == "0"
    assert terminal.asked("cursor_flag") == "1"
    assert terminal.asked("mouse_any_flag") == "0"


def test_a_failing_race_is_opened_and_its_oops_undone(terminal: Terminal) -> None:
    root = Path(__file__).parents[2]
    command = f"cd {root}; {sys.executable} -m kmm --open stack-growth"
    terminal.press(f"{command}; echo left with $?", "Enter")
    terminal.sees("stack-growth on kernel", "q leave")
    terminal.press("End")
    terminal.sees("The run fails here", "undo the last step")
    terminal.press("u")
    terminal.waits_until(lambda: "The run fails here" not in terminal.shows())
    terminal.press("C-q")
    terminal.sees("left with 0")
