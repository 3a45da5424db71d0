"""Which editor is opened, and what is said where there is none."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from kmm.tui.editor import NoEditor, edit, editor


def test_visual_comes_before_editor_and_may_have_options() -> None:
    assert editor({"VISUAL": "code --wait", "EDITOR": "vi"}) == ["code", "--wait"]
    assert editor({"VISUAL": " ", "EDITOR": "'my editor' -x"}) == ["my editor", "-x"]


def test_else_one_that_is_there(tmp_path: Path) -> None:
    nano = tmp_path / "nano"
    nano.write_text("#!/bin/sh\n", encoding="utf-8")
    nano.chmod(0o755)
    assert editor({"PATH": str(tmp_path)}) == ["nano"]


@pytest.mark.parametrize(
    ("environment", "why"),
    [({"PATH": "/nowhere"}, "set VISUAL or EDITOR"), ({"EDITOR": "'"}, "EDITOR is")],
)
def test_where_there_is_none_it_is_said_why(
    environment: dict[str, str], why: str
) -> None:
    with pytest.raises(NoEditor, match=why):
        editor(environment)


def test_ctrl_c_in_the_editor_is_the_editors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    interrupts = (
        "import os, signal, sys, pathlib; os.kill(os.getppid(), signal.SIGINT); "
        "pathlib.Path(sys.argv[1]).write_text('edited')"
    )
    monkeypatch.setenv("VISUAL", f'{sys.executable} -c "{interrupts}"')
    before = signal.getsignal(signal.SIGINT)
    edit(tmp_path / "fix.py")
    assert (tmp_path / "fix.py").read_text(encoding="utf-8") == "edited"
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("/nowhere/editor", "cannot be opened: No such file"),
        (f"{sys.executable} -c 'raise SystemExit(3)'", "ended with exit code 3"),
    ],
)
def test_an_editor_that_fails_is_told_of(
    command: str, why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VISUAL", command)
    with pytest.raises(NoEditor, match=why):
        edit(tmp_path / "fix.py")
