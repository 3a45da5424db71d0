"""What docs/reading-guide.md names exists, and its two chains are what runs.

The shorter documents that send a reader here and there are held to the same.
"""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from types import CodeType, FrameType

import pytest
from tools.refresh_outputs import ROOT

from kmm.cli.exits import FAILED, OK
from kmm.cli.main import main
from kmm.cli.options import make_parser
from kmm.scenarios import find_race

GUIDE = ROOT / "docs" / "reading-guide.md"
OTHERS = [*sorted(GUIDE.parent.glob("for-*.md"))] + [
    GUIDE.with_name(name) for name in ("index.md", "history.md", "modelled.md")
]
GROUPS = {"kmm.lessons", "kmm.races", "kmm.exercises"}  # of entry points
PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b")
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")
PATH = re.compile(r"(?:kmm|docs|tests)/\S*")
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
NUMBERED = re.compile(r"^\d+\. .*$", re.MULTILINE)
REPLAY = "kmm replay exec-stack/2.6.34/48a30b8a19b/3ab2"


def test_all_that_the_guide_names_exists() -> None:
    assert missing(guide()) == []


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: str(path.name))
def test_all_that_other_documents_name_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [m for m in missing(text) if not stands_for_others(m)] == []


def stands_for_others(code: str) -> bool:
    """Whether a reader has to put in a name, or it is one for a package's metadata."""
    return code in GROUPS or PLACEHOLDER.search(code) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        "`kmm.mm.rmap.rmap_walk_anonymous`",
        "`kmm.mm.rmap.rmap_walk_anon()`",
        "`kmm.mm.no_such_module`",
        "`kmm.sim.machine.Machine.leap`",
        "`kmm/sim/traps.py`",
        "`kmm seek exec-stack`",
        "`kmm hunt exec-stack --kernels v6`",
        "`kmm hunt exec-heap`",
        "[memory.md](memories.md)",
    ],
)
def test_what_does_not_exist_is_noticed(wrong: str) -> None:
    assert len(missing(f"{guide()}\n{wrong}\n")) == 1


def test_the_hour_has_sixty_minutes() -> None:
    minutes = re.findall(r"^### \d\. .* \((\d+) minutes\)$", guide(), re.MULTILINE)
    assert sum(map(int, minutes)) == 60


def test_the_page_goes_the_way_that_is_written_down() -> None:
    chapter = part("One page followed through")
    (program,) = PYTHON.findall(chapter)
    assert not_called(chapter, lambda: exec(program, {})) == []


def test_the_schedule_goes_the_way_that_is_written_down(
    capsys: pytest.CaptureFixture[str],
) -> None:
    chapter = part("One schedule followed through")
    assert f"`{REPLAY}`" in chapter
    assert not_called(chapter, lambda: main(shlex.split(REPLAY)[1:])) == []
    assert "migration_entry_to_page" in capsys.readouterr().out


@pytest.mark.slow
def test_every_command_of_the_guide_runs(capsys: pytest.CaptureFixture[str]) -> None:
    commands = {code for code in CODE.findall(guide()) if code.startswith("kmm ")}
    wrong = REPLAY.replace("48a30b", "49a29b")
    assert {c for c in commands if run(c) not in (OK, FAILED)} == {wrong}
    assert "the schedule ends after 105 steps" in capsys.readouterr().err


def guide() -> str:
    return GUIDE.read_text(encoding="utf-8")


def part(title: str) -> str:
    """A chapter, to the next title of its rank."""
    return guide().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def missing(text: str) -> list[str]:
    """What a text names in backticks, or links to, that is not there."""
    codes = [code for code in CODE.findall(text) if not exists(code)]
    links = [link for link in LINK.findall(text) if not (GUIDE.parent / link).exists()]
    return codes + links


def exists(code: str) -> bool:
    """Whether a dotted name, a path or a command is right; so is all other code."""
    if code.startswith("kmm."):
        return re.fullmatch(r"[\w.]+", code) is not None and found(code)
    if PATH.fullmatch(code):
        return (ROOT / code).exists()
    return run_is_known(code) if code.startswith("kmm ") else True


def found(name: str) -> bool:
    try:
        resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def run_is_known(command: str) -> bool:
    """Whether kmm takes the words of a command, and knows the race that they name."""
    words = shlex.split(command)[1:]
    try:
        options = make_parser(words).parse_args(words)
        if hasattr(options, "race") and isinstance(options.race, str):
            find_race(options.race)
    except SystemExit as end:
        return not end.code  # --help
    except Exception:
        return False
    return True


def run(command: str) -> int:
    return main(shlex.split(command)[1:])


def not_called(chapter: str, action: Callable[[], object]) -> list[str]:
    """The functions in a chapter's numbered lines that an action does not call."""
    names = CODE.findall("\n".join(NUMBERED.findall(chapter)))
    named = {
        name: code
        for name in names
        if name.startswith("kmm.") and (code := code_of(resolve_name(name)))
    }
    assert len(named) > 30
    called = calls_of(action)
    return [name for name, code in named.items() if code not in called]


def code_of(thing: object) -> CodeType | None:
    """What runs when a function or a property is used; None of what is neither."""
    function = thing.fget if isinstance(thing, property) else thing
    if function is None or not inspect.isroutine(function):
        return None
    code: CodeType = inspect.unwrap(function).__code__
    return code


def calls_of(action: Callable[[], object]) -> set[CodeType]:
    called: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return called
