from __future__ import annotations

import io
import sys

import pytest
from cli.running import fresh_kmm, kmm, pretend_terminal, refused

from kmm.cli.screen import terminal_problem


def test_without_a_terminal_kmm_says_how_to_use_commands() -> None:
    assert refused(kmm(), "kmm hunt exec-stack --kernel vanilla")
    assert refused(fresh_kmm(), "kmm hunt exec-stack --kernel vanilla")


def test_a_terminal_can_be_drawn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_terminal(monkeypatch, "stdin")
    pretend_terminal(monkeypatch, "stderr")
    assert terminal_problem() is None


@pytest.mark.parametrize("stream", ["stdin", "stderr"])
def test_keys_and_pictures_both_need_the_terminal(
    stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_terminal(monkeypatch, "stdin")
    pretend_terminal(monkeypatch, "stderr")
    monkeypatch.setattr(sys, stream, io.StringIO())
    assert terminal_problem() == "this is no terminal"


def test_a_dumb_terminal_cannot_be_drawn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_terminal(monkeypatch, "stdin")
    pretend_terminal(monkeypatch, "stderr")
    monkeypatch.setenv("TERM", "dumb")
    assert "TERM is dumb" in (terminal_problem() or "")
    monkeypatch.delenv("TERM")
    assert "TERM is dumb" in (terminal_problem() or "")
