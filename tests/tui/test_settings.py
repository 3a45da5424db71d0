"""A reader's own colours and keys count, and what is wrong with them is said."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot
from tui.driving import Steps, eventually, opened, press, sees

from kmm.tui.app import KNOWN_KEYS, KmmApp
from kmm.tui.settings import PROJECTOR, Settings, load_settings, usual_path


def run(steps: Steps, settings: Settings) -> KmmApp:
    app = KmmApp(opened(), settings=settings)

    async def main() -> None:
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await steps(pilot)

    asyncio.run(main())
    return app


def test_without_a_file_nothing_is_settled(tmp_path: Path) -> None:
    assert load_settings(KNOWN_KEYS, tmp_path / "config.toml") == Settings()


def test_each_setting_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    text = 'theme = "nord"\nprojector = true\n[keys]\n"step.forward" = "x"\n'
    path.write_text(text, encoding="utf-8")
    found = load_settings(KNOWN_KEYS, path)
    assert found == Settings("nord", True, {"step.forward": "x"})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("theme = 3", "theme is the name"),
        ('projector = "yes"', "true or false"),
        ('colour = "red"', "no setting 'colour'"),
        ('[keys]\n"step.sideways" = "x"', "no key is called"),
        ('[keys]\n"step.forward" = 3', "words with commas"),
        ("theme =", "cannot be used"),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_counts(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    found = load_settings(KNOWN_KEYS, path)
    assert len(found.problems) == 1
    assert problem in found.problems[0]


def test_the_file_is_where_the_xdg_rules_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert usual_path() == tmp_path / "kmm" / "config.toml"


def test_another_key_does_what_the_settings_say() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "full_stop")
        await sees(pilot, "step 1 of")

    run(steps, Settings(keys={"step.forward": "full_stop"}))


def test_the_projector_is_a_theme_of_its_own() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await eventually(lambda: pilot.app.theme == PROJECTOR.name)

    assert run(steps, Settings(projector=True)).theme == PROJECTOR.name


def test_a_theme_that_is_not_there_is_said() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await sees(pilot, "no theme is called 'beige'")

    run(steps, Settings(theme="beige"))
