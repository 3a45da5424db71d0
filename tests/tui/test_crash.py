"""A crash is a file and one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmm import __version__
from kmm.tui.crash import report_crash, state_folder


def crash() -> ValueError:
    secret = "not to be written down"  # noqa: F841  # a local variable
    try:
        raise ValueError("something broke")
    except ValueError as error:
        return error


def test_the_report_has_version_schedule_and_traceback_but_no_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    line = report_crash(crash(), "exec-stack/2.6.34/3a/0000 at step 2")
    (path,) = (tmp_path / "kmm").iterdir()
    assert line == f"kmm: the screen crashed; a report is in {path}"
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"kmm {__version__}, Python ")
    assert "exec-stack/2.6.34/3a/0000 at step 2" in text
    assert "ValueError: something broke" in text
    assert "not to be written down" not in text.replace('secret = "', "", 1)


def test_a_report_that_cannot_be_written_is_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kmm").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    line = report_crash(crash(), "")
    assert "ValueError('something broke')" in line
    assert "no report could be written" in line
    assert "\n" not in line


def test_reports_go_where_the_xdg_rules_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert state_folder() == Path("/home/somebody/.local/state/kmm")
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    assert state_folder() == Path("/home/somebody/.local/state/kmm")
