"""`kmm matrix` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kmm.cli.main import main

WORDS = ["matrix", "-q", "--workers", "1", "--race", "anon-vma-pinned"]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_the_table_says_what_stands_behind_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*WORDS, "--kernel", "v6"]) == 0
    first = capsys.readouterr().out
    assert "anon-vma-pinned  N 9" in first
    assert "1 cell, 9 executions." in first
    assert main([*WORDS, "--kernel", "v6"]) == 0
    assert "9 executions; 1 known from before." in capsys.readouterr().out


def test_json_has_what_others_rely_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--kernel", "v6", "--kernel", "2.6.36", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["races"] == ["anon-vma-pinned"]
    assert found["kernels"] == ["v6", "2.6.36"]
    for cell in found["cells"]:
        assert (cell["race"], cell["verdict"]) == ("anon-vma-pinned", "proved")
        assert (cell["failure_kind"], cell["context_switches"]) == (None, None)
        assert cell["executions"] == 9
        assert cell["seconds"] >= 0


def test_markdown_goes_into_a_file(tmp_path: Path) -> None:
    target = tmp_path / "table.md"
    words = [*WORDS, "--kernel", "v6", "--markdown", "-o", str(target)]
    assert main(words) == 0
    assert "| `anon-vma-pinned` | N 9 |" in target.read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--race", "anon-vma-pined"], "did you mean anon-vma-pinned?"),
        (["--kernel", "2.6.99"], "no kernel is called '2.6.99'"),
        (["--budget", "0"], "not a whole number above 0"),
        (["--json", "--markdown"], "not allowed with"),
    ],
)
def test_bad_input_is_answered_in_one_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["matrix", *words]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
