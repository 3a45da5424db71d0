"""Every screen looks as it did, at three sizes and in both themes.

The snapshots are SVGs in `__snapshots__/`.  If a test fails, `snapshot_report.html` has
both pictures side by side; if what changed was meant to, this makes them anew, and the
pictures of the documents too:

    pytest tests/tui/test_snapshots.py --snapshot-update

A size decides about the layout and a theme about the colours, and neither knows of the
other.  So each scene is shown at every size and in both themes, but not in all pairs.

What draws them are the versions in requirements.lock; another Textual may draw the same
screen by another SVG, so with others there is nothing to compare.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import cycle
from pathlib import Path

import pytest
from textual.content import Content
from textual.pilot import Pilot
from tools import screenshot
from tools.refresh_outputs import documents
from tui import scenes
from tui.scenes import Scene

from kmm.tui.app import KmmApp
from kmm.tui.screens.oops import Oops
from kmm.tui.settings import PROJECTOR
from kmm.tui.widgets import blocks, code

SIZES = (80, 24), (100, 30), (120, 40)
THEMES = cycle(["textual-dark", "textual-light"])
SCENES = (
    scenes.contents,
    scenes.idea,
    scenes.question,
    scenes.start,
    scenes.failed,
    scenes.frames,
    scenes.help_of_a_race,
    scenes.matrix,
    scenes.benches,
    scenes.stress,
    scenes.commands,
)
ONCE = (
    (scenes.kernels, (80, 24), "textual-dark"),  # whose titles are broken
    (scenes.moved, (120, 40), PROJECTOR.name),
)
CROSSED = [
    (scene, size, theme)
    for scene in SCENES
    for size, theme in zip(SIZES, THEMES, strict=False)
]
SHOTS = [
    pytest.param(
        *(scene, size, theme),
        id=f"{scene.__name__}-{size[0]}x{size[1]}-{theme.removeprefix('textual-')}",
    )
    for scene, size, theme in (*CROSSED, *ONCE)
]
SHOWN = re.compile(r"pictures/([\w-]+)\.svg\)")
LINE_NUMBER = re.compile(r"(?<=\.py):\d+")

LOCK = Path(__file__).parents[2] / "requirements.lock"
DRAWN_BY = ("textual", "rich", "Pygments", "markdown-it-py")


def locked(name: str) -> str:
    """The version of a package that the snapshots were made with."""
    found = re.search(rf"^{name}==(.+)$", LOCK.read_text(encoding="utf-8"), re.M)
    assert found is not None
    return found[1]


OTHERS = [name for name in DRAWN_BY if version(name) != locked(name)]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(OTHERS), reason=f"not as in requirements.lock: {', '.join(OTHERS)}"
    ),
]


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))


@pytest.fixture
def no_line_numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What stands above a function in its file does not count."""

    def unnumbered(line: Content, number: int, mark: str, width: int) -> list[Content]:
        return numbered(line, 0, mark, width)

    def console(screen: Oops) -> list[str]:
        return [LINE_NUMBER.sub(":0", line) for line in printed(screen)]

    numbered, printed = code.code_rows, Oops.console
    monkeypatch.setattr(code, "code_rows", unnumbered)
    monkeypatch.setattr(blocks, "code_rows", unnumbered)
    monkeypatch.setattr(Oops, "console", console)
    code.plain_rows.cache_clear()
    yield
    code.plain_rows.cache_clear()


@pytest.mark.usefixtures("no_line_numbers")
@pytest.mark.parametrize(("scene", "size", "theme"), SHOTS)
def test_a_screen_looks_as_it_did(
    scene: Scene,
    size: tuple[int, int],
    theme: str,
    snap_compare: Callable[..., bool],
    tmp_path: Path,
) -> None:
    async def come_to_it(pilot: Pilot[None]) -> None:
        await scene(pilot, tmp_path)
        await scenes.settled(pilot)

    app: KmmApp = scenes.app_in(tmp_path, theme)
    assert snap_compare(app, terminal_size=size, run_before=come_to_it)


@pytest.mark.parametrize("name", screenshot.PICTURES)
def test_a_picture_of_the_documents_is_what_the_app_shows(
    name: str, pytestconfig: pytest.Config
) -> None:
    if pytestconfig.getoption("update_snapshots"):
        screenshot.keep(name, screenshot.take(name))
    assert screenshot.is_current(name), "run `python tests/tools/screenshot.py`"


def test_every_picture_is_shown_by_a_document() -> None:
    texts = [path.read_text("utf-8") for path in documents()]
    shown = {name for text in texts for name in SHOWN.findall(text)}
    kept = {path.stem for path in screenshot.FOLDER.glob("*.svg")}
    assert shown == kept == set(screenshot.PICTURES)
