from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.running import kmm

from kmm import __version__
from kmm.tui.keys import KEYS


def topics(text: str) -> list[str]:
    blocks = text.strip().split("\n\n")
    return [block.splitlines()[0] for block in blocks]


def test_it_says_what_there_is_topic_by_topic() -> None:
    ran = kmm("doctor")
    assert ran.code == 0
    assert topics(ran.out)[:4] == ["Versions", "Terminal", "Paths", "Plug-ins"]
    assert f"kmm            {__version__}" in ran.out


def test_what_is_in_the_way_has_a_line_of_advice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "kmm"
    folder.mkdir()
    (folder / "config.toml").write_text('[keys]\n"no.such.key" = "x"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "50")
    advice = kmm("doctor").out.partition("What to do")[2]
    assert "no.such.key" in advice
    assert "size: make it 60x20 at least" in advice


def test_a_plug_in_that_cannot_be_loaded_is_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A package that is installed, as far as Python can tell."""
    dist = tmp_path / "broken-1.dist-info"
    dist.mkdir()
    (dist / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (dist / "entry_points.txt").write_text("[kmm.races]\nmine = no_such_module:RACE\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    ran = kmm("doctor", "--json")
    findings = json.loads(ran.out)["findings"]
    (plug_in,) = (each for each in findings if each["topic"] == "Plug-ins")
    assert (ran.code, plug_in["is_broken"]) == (1, True)
    assert "broken is broken" in plug_in["advice"]


def test_with_v_every_key_is_named_as_the_settings_name_it() -> None:
    out = kmm("doctor", "-v").out
    assert all(f"  {key.id} " in out for key in KEYS if key.action)
