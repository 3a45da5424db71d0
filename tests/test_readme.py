"""The README's outputs are what its commands print."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]


def load_tool(name: str) -> ModuleType:
    path = ROOT / "tests" / "tools" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_output_in_the_readme_is_what_its_command_prints() -> None:
    tool = load_tool("refresh_readme")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(tool.BLOCK.findall(text)) >= 4
    assert tool.refreshed(text) == text, (
        "run `python tests/tools/refresh_readme.py` and look at what changed"
    )


def test_the_readme_has_the_two_lines_of_a_newcomer() -> None:
    first_screen = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "pip install --quiet . && .venv/bin/kmm hunt exec-stack" in first_screen
    assert "pip install --quiet -e '.[test]' && .venv/bin/pytest" in first_screen
