"""The letter's recipe in the screen: chosen, watched, stopped, and its last steps."""

from __future__ import annotations

import asyncio
import time

import pytest
from textual.pilot import Pilot
from tui.driving import SIZES, eventually, on_top, picture, press, run, sees, words

from kmm.designs import find_kernel
from kmm.tui.app import KmmApp
from kmm.tui.lines import Line
from kmm.tui.screens import stress
from kmm.tui.screens.drawing import Steps
from kmm.tui.screens.kernels import Kernels
from kmm.tui.screens.stepper import Stepper
from kmm.tui.screens.stress import Stress, dashboard
from kmm.workloads.endurance import nobody_looks
from kmm.workloads.endurance import run as endure
from kmm.workloads.gauges import Gauges, read_gauges
from kmm.workloads.stress import Recipe
from kmm.workloads.userland import System


def screen_of(pilot: Pilot[None]) -> Stress:
    (found,) = (s for s in pilot.app.screen_stack if isinstance(s, Stress))
    return found


def recipe_of(pilot: Pilot[None]) -> Recipe:
    return screen_of(pilot).recipe


async def opened(pilot: Pilot[None]) -> None:
    await press(pilot, "t")
    await on_top(pilot, Stress, "Kernel 2.6.34, seed 0")


async def choose_what_fails_soon(pilot: Pilot[None]) -> None:
    """(c) alone, with seed 1."""
    await press(pilot, "b", "n")
    await sees(pilot, "b [ ]", "seed 1")


@SIZES
def test_what_is_run_can_be_chosen(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await opened(pilot)
        assert "small: 4 MiB" in picture(pilot)
        assert recipe_of(pilot).only == "bc"
        await press(pilot, "a", "c", "d", "n", "m")
        await sees(pilot, "a [x]", "c [ ]", "d [x]", "seed 1", "full size: 64 MiB")
        recipe = recipe_of(pilot)
        assert (recipe.only, recipe.seed, recipe.jobs) == ("abd", 1, 4)
        await press(pilot, "k")
        await on_top(pilot, Kernels, "The recipe on another kernel", ">* 2.6.34")
        await press(pilot, "G", "enter")
        await eventually(lambda: isinstance(pilot.app.screen, Stress))
        await eventually(lambda: recipe_of(pilot).spec.call_rules.name == "6.x")
        await press(pilot, "escape")
        await on_top(pilot, Stepper)

    run(steps, size)


@SIZES
def test_a_run_is_seen_live_and_can_be_stopped(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await opened(pilot)
        await press(pilot, "d", "enter")  # with d, it swaps and goes on for long
        await sees(pilot, "faults", "migrations", "processes", "free pages", "swap")
        await eventually(lambda: " stress-d 1" in picture(pilot))
        before = time.monotonic()
        await press(pilot, "escape")
        await sees(pilot, "Interrupted; 2.6.34 had survived")
        assert time.monotonic() - before < 5
        assert "draw its last steps" not in picture(pilot)
        await press(pilot, "r")
        await sees(pilot, "run it", "d [x]")

    run(steps, size)


def test_the_app_answers_while_it_runs() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await opened(pilot)
        await press(pilot, "d", "enter")
        await sees(pilot, "virtual")
        longest, last = 0.0, time.monotonic()
        for _ in range(40):
            await asyncio.sleep(0.01)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
        assert longest < 1.0
        await press(pilot, "escape", "escape")
        await on_top(pilot, Stepper)

    run(steps)


@pytest.mark.slow
@SIZES
def test_a_failure_is_an_oops_and_its_last_steps_can_be_drawn(
    size: tuple[int, int],
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await opened(pilot)
        await choose_what_fails_soon(pilot)
        await press(pilot, "enter")
        await sees(pilot, "2.6.34 failed after 0.012978 s", "draw its last steps")
        assert "kernel BUG at include/linux/swapops.h:105!" in words(pilot)
        await press(pilot, "d")
        await sees(pilot, "Running it once more")
        await on_top(pilot, Steps, "CPU 2: compaction", "CPU 0: stress-c")
        assert "gives back PG_locked" in words(pilot)
        few = len(words(pilot))
        await press(pilot, "w")
        await eventually(lambda: len(words(pilot)) > 4 * few)
        await press(pilot, "escape")
        await on_top(pilot, Stress, "2.6.34 failed")
        await press(pilot, "escape")
        await on_top(pilot, Stepper)

    run(steps, size)


@pytest.mark.slow
def test_who_does_not_want_the_last_steps_goes_back_to_the_oops() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await opened(pilot)
        await choose_what_fails_soon(pilot)
        await press(pilot, "enter")
        await sees(pilot, "draw its last steps")
        await press(pilot, "d")
        await sees(pilot, "Running it once more")
        await press(pilot, "escape")
        await sees(pilot, "2.6.34 failed", "draw its last steps")
        assert isinstance(pilot.app.screen, Stress)

    run(steps)


def test_a_kernel_that_survives_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stress, "DURATION", 0.001)

    async def steps(pilot: Pilot[None]) -> None:
        await opened(pilot)
        await press(pilot, "enter")
        await sees(pilot, "2.6.34 survived 0.001000 s", "page faults")

    run(steps)


def test_the_palette_has_it() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        commands = pilot.app.get_system_commands(pilot.app.screen)
        titles = [command.title for command in commands]
        assert "The letter's recipe on this kernel or another, live" in titles

    run(steps)


@pytest.mark.parametrize("colours", [True, False], ids=["light", "none"])
def test_it_needs_no_colours_and_no_dark(
    colours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if colours:
        monkeypatch.delenv("NO_COLOR", raising=False)
    else:
        monkeypatch.setenv("NO_COLOR", "1")

    async def steps(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, KmmApp)
        pilot.app.turn()
        await opened(pilot)
        await press(pilot, "enter")
        await sees(pilot, "faults", "█")
        await press(pilot, "escape", "escape")

    run(steps)


# The lines.


def moments() -> list[Gauges]:
    found: list[Gauges] = []

    def look(system: System) -> bool:
        found.append(read_gauges(system))
        return nobody_looks(system)

    recipe = stress.first_recipe(find_kernel("2.6.34"))
    endure(recipe, 0.001, look, tick=stress.TICK)
    return found


@pytest.mark.parametrize("columns", [54, 72, 112])
def test_the_lines_fit_and_have_all_that_is_asked_for(columns: int) -> None:
    lines = list(dashboard(moments(), 1.0, columns))
    assert len(lines) <= 20
    text = "\n".join(line.text for line in lines)
    for word in ("faults", "migrations", "processes", "free pages", "swap"):
        assert word in text
    for line in lines:
        assert isinstance(line, Line)
        assert line.hang or len(line.text) <= columns
