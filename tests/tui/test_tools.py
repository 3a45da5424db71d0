"""The matrix and the benchmarks on the screen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from attrs import evolve
from textual.pilot import Pilot
from tui.driving import SIZES, SMALL, Steps, eventually, on_top, press, sees

from kmm.course.progress import load_progress
from kmm.designs import find_kernel
from kmm.scenarios.matrix import BUDGET, Cell, Job, Store
from kmm.scenarios.matrix import run as work_out
from kmm.tui.app import KmmApp
from kmm.tui.screens.benches import Benches
from kmm.tui.screens.contents import TOOLS, Contents
from kmm.tui.screens.matrix import Matrix, Proof
from kmm.tui.screens.stepper import Stepper
from kmm.workloads import benchmarks
from kmm.workloads.aim9 import AIM9


def run(steps: Steps, folder: Path, size: tuple[int, int] = SMALL) -> None:
    app = KmmApp(progress=load_progress(folder / "progress.json"))

    async def main() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await on_top(pilot, Contents)
            await steps(pilot)

    asyncio.run(main())


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_every_tool_opens_from_the_contents(tmp_path: Path, tool: object) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        screen = pilot.app.screen
        assert isinstance(screen, Contents)
        row = [each.opens for each in screen.rows].index(tool)  # type: ignore[arg-type]
        while screen.pointed != row:
            await pilot.press("down")
        await press(pilot, "enter")
        await eventually(lambda: not isinstance(pilot.app.screen, Contents))
        await press(pilot, "q")
        await on_top(pilot, Contents)

    run(steps, tmp_path)


def kept(folder: Path, *places: tuple[str, str]) -> Store:
    """A store in which some cells are known."""
    store = Store(folder)
    for race, kernel in places:
        job = Job(race, kernel, BUDGET)
        store.save(job, work_out(job))
    return store


@pytest.mark.slow
@SIZES
def test_a_failing_cell_opens_its_witness_and_a_proved_one_its_proof(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    store = kept(tmp_path, ("exec-stack", "2.6.34"), ("exec-stack", "v3"))

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.app.push_screen(Matrix(store))
        await on_top(pilot, Matrix, "kernel BUG at include/linux/swapops.h:105!")
        await press(pilot, "enter")
        await on_top(pilot, Stepper, "exec-stack on kernel 2.6.34")
        await press(pilot, "q")
        await on_top(pilot, Matrix)
        await press(pilot, "right", "right")
        await sees(pilot, "never, proved by")
        await press(pilot, "enter")
        await on_top(pilot, Proof, "kmm prove exec-stack --kernel v3")
        await press(pilot, "escape")
        await on_top(pilot, Matrix)

    run(steps, tmp_path, size)


def test_a_cell_that_is_not_known_is_searched_when_it_is_opened(tmp_path: Path) -> None:
    store = Store(tmp_path / "cells")

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.app.push_screen(Matrix(store))
        await on_top(pilot, Matrix, "not worked out yet")
        await press(pilot, "right", "right", "enter")
        await on_top(pilot, Proof, "proved by")
        await press(pilot, "escape")
        await on_top(pilot, Matrix)

    run(steps, tmp_path)
    found = store.load(Job("exec-stack", "v3", BUDGET))
    assert isinstance(found, Cell)
    assert found.verdict == "proved"


@pytest.mark.slow
def test_a_benchmark_shows_its_table_as_it_runs_and_its_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = evolve(AIM9, tests=("brk_test", "signal_test"), runs=1)
    monkeypatch.setattr(benchmarks, "BENCHMARKS", {"aim9": quick})
    monkeypatch.setattr("kmm.tui.screens.benches.BENCHMARKS", {"aim9": quick})
    kernels = find_kernel("2.6.34"), find_kernel("v6")

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.app.push_screen(Benches(kernels))
        await on_top(pilot, Benches, "on 2.6.34 and on v6")
        await press(pilot, "enter")
        await sees(pilot, "brk_test", "signal_test", "Simulated", "another")
        await press(pilot, "p")
        await sees(pilot, "loss | gain")
        await press(pilot, "escape")
        await on_top(pilot, Contents)

    run(steps, tmp_path)
