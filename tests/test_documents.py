"""The outputs in README.md and docs/ are what their commands print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from history import EXPECTED, KERNELS
from tools import refresh_outputs

README = refresh_outputs.ROOT / "README.md"


@pytest.mark.slow
@pytest.mark.parametrize("path", refresh_outputs.documents(), ids=lambda p: str(p.name))
def test_every_output_in_a_document_is_what_its_command_prints(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert refresh_outputs.refreshed(text) == text, (
        "run `python tests/tools/refresh_outputs.py` and look at what changed"
    )


def test_a_command_of_a_document_keeps_nothing_of_whoever_refreshes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    hint = ["exercise", "hint", "exec-stack"]
    first = refresh_outputs.output_of(hint)
    assert first.startswith("Hint 1 of 3")
    assert refresh_outputs.output_of(hint) == first
    assert list(tmp_path.iterdir()) == []


def test_the_readme_shows_the_main_commands() -> None:
    shown = [match["command"] for match in refresh_outputs.BLOCK.finditer(readme())]
    assert "kmm hunt exec-stack --kernel vanilla" in shown
    assert "kmm prove exec-stack --kernel v6" in shown


def test_the_readme_has_the_two_lines_of_a_newcomer() -> None:
    assert "pip install --quiet . && .venv/bin/kmm hunt exec-stack" in readme()
    assert "pip install --quiet -e '.[test]' && .venv/bin/pytest" in readme()


def test_the_table_of_the_races_says_what_the_tests_hold_the_model_to() -> None:
    text = (refresh_outputs.ROOT / "docs" / "races.md").read_text(encoding="utf-8")
    letters = {"bug": "S", "proved": "N"}
    rows = re.findall(r"^\| `([\w-]+)` ((?:\| [SN] [\d,]+ )+)\|", text, re.MULTILINE)
    found = {
        (race, kernel): cell[0]
        for race, cells in rows
        for kernel, cell in zip(KERNELS, cells.strip("| ").split(" | "), strict=True)
    }
    expected = {cell: letters[verdict] for cell, verdict in EXPECTED.items()}
    assert found == expected, "put in the rows that `kmm matrix --markdown` prints"


def readme() -> str:
    return README.read_text(encoding="utf-8")
