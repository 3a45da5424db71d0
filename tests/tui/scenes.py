"""The screens that are kept as pictures, and how each is come to.

`test_snapshots.py` holds them against their snapshots, and `tests/tools/screenshot.py`
makes the pictures of README.md and docs/ from some of them.
A scene is the same on every machine: it reads no file of the user's, its moments are
found by what happens at them, and what would take long is worked out beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from pathlib import Path

from attrs import evolve
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input
from tui.driving import on_top, opened, picture, press, sees

import kmm
from kmm.course import find_lesson, lessons
from kmm.course.claims import play_motion
from kmm.course.lesson import IDEA, Motion, Question
from kmm.course.progress import load_progress
from kmm.designs import find_kernel
from kmm.report.bench_runs import Runs
from kmm.scenarios.matrix import BUDGET, Cell, Job, Store
from kmm.scenarios.matrix import run as work_out
from kmm.sim.recording import Step
from kmm.tui.app import KmmApp
from kmm.tui.messages import BenchMoved, StressMoved
from kmm.tui.opening import session_of
from kmm.tui.screens.benches import Benches
from kmm.tui.screens.contents import Contents
from kmm.tui.screens.help import Help
from kmm.tui.screens.kernels import Kernels
from kmm.tui.screens.lesson import LessonScreen
from kmm.tui.screens.matrix import Matrix
from kmm.tui.screens.oops import Oops
from kmm.tui.screens.stepper import Stepper
from kmm.tui.screens.stress import TICK, Stress, first_recipe
from kmm.tui.session import Session
from kmm.tui.settings import Settings
from kmm.workloads.aim9 import AIM9
from kmm.workloads.benchmark import compare
from kmm.workloads.cycles import usual_table
from kmm.workloads.endurance import run as endure
from kmm.workloads.gauges import Gauges, read_gauges
from kmm.workloads.userland import System

Scene = Callable[[Pilot[None], Path], Awaitable[None]]  # in a folder of its own

QUIET = 3  # looks that see the same
READ = 4  # lessons that the reader of these pictures knows
VANILLA, V6 = find_kernel("2.6.34"), find_kernel("v6")

RACES = Path(kmm.__file__).parents[1] / "docs" / "races.md"
ROW = re.compile(r"^\| `([\w-]+)` ((?:\| [SN] [\d,]+ )+)\|", re.MULTILINE)


def app_in(folder: Path, theme: str) -> KmmApp:
    """The textbook of a reader whose files are in `folder`."""
    progress = load_progress(folder / "progress.json")
    for lesson in lessons()[:READ]:
        for section in lesson.sections:
            progress.mark_read(lesson, section.heading)
    begun = lessons()[READ]
    progress.mark_read(begun, begun.sections[0].heading)
    progress.open(begun)
    app = KmmApp(progress=progress, settings=Settings(theme=theme))
    app.animation_level = "none"
    return app


async def settled(pilot: Pilot[None]) -> None:
    """Wait until nothing more comes: prose gets its height late."""
    before, same = "", 0
    while same < QUIET:
        await pilot.pause(0.02)
        now = picture(pilot)
        same = same + 1 if now == before else 0
        before = now
    # `picture` knows nothing of what is behind a box, and what it draws is kept.
    pilot.app.screen.refresh()
    await pilot.pause()


async def over(pilot: Pilot[None], screen: Screen[None], *texts: str) -> None:
    """Open a screen over the contents, and wait for what it is to show."""
    await on_top(pilot, Contents, "q quit")
    await pilot.app.push_screen(screen)
    await sees(pilot, *texts)
    await settled(pilot)


# The book.


async def contents(pilot: Pilot[None], folder: Path) -> None:
    await on_top(pilot, Contents, "> ", "q quit")


async def idea(pilot: Pilot[None], folder: Path) -> None:
    """Prose, with a drawing in it."""
    await section(pilot, folder, "vma-adjust", IDEA)


async def question(pilot: Pilot[None], folder: Path) -> None:
    """Answered wrong at first."""
    await section(pilot, folder, "vma-adjust", "Predict")
    asked = next(find_lesson("vma-adjust").blocks(Question))
    wrong = next(n for n, o in enumerate(asked.options) if not o.is_right)
    await press(pilot, "tab", "abcdefgh"[wrong])
    await sees(pilot, "Not so.")


async def section(pilot: Pilot[None], folder: Path, name: str, heading: str) -> None:
    lesson = find_lesson(name)
    at = [section.heading for section in lesson.sections].index(heading)
    progress = load_progress(folder / "progress.json")
    await over(pilot, LessonScreen(lesson, progress, at), heading, "q contents")


# A race.


async def start(pilot: Pilot[None], folder: Path) -> None:
    await over(pilot, Stepper(opened()), "step 0 of", "q leave")


async def moved(pilot: Pilot[None], folder: Path) -> None:
    """Exec has lowered the start of its stack, which the walk has looked at before."""
    session = opened()
    await over(pilot, stepper := Stepper(session), "step 0 of", "q leave")
    stepper.go(moment_of(session, lowers_the_stack))


async def failed(pilot: Pilot[None], folder: Path) -> None:
    await start(pilot, folder)
    await press(pilot, "end")
    await on_top(pilot, Oops, "kernel BUG", "esc look around")


async def frames(pilot: Pilot[None], folder: Path) -> None:
    """Compaction has just copied a frame, in the run of its lesson."""
    lesson = find_lesson("compaction")
    motion = next(lesson.blocks(Motion))
    session = session_of(play_motion(lesson, motion), "the lesson's run")
    session.picture = "frames"
    await over(pilot, stepper := Stepper(session), "step 0 of", "q leave")
    stepper.go(moment_of(session, lambda step: step.trace[0].function == "copy_frame"))
    stepper.see_picture()


async def kernels(pilot: Pilot[None], folder: Path) -> None:
    await start(pilot, folder)
    await press(pilot, "k")
    await on_top(pilot, Kernels, "esc stay")


async def help_of_a_race(pilot: Pilot[None], folder: Path) -> None:
    await start(pilot, folder)
    await press(pilot, "question_mark")
    await on_top(pilot, Help)


def moment_of(session: Session, wanted: Callable[[Step], bool]) -> int:
    """The moment after the first step of a kind."""
    return 1 + next(s.number for s in session.recording.steps if wanted(s))


def lowers_the_stack(step: Step) -> bool:
    return step.kind == "write" and step.target.endswith(".vm_start")


# What is measured and compared.


async def matrix(pilot: Pilot[None], folder: Path) -> None:
    store = Store(folder / "cells")
    store.save_all(table_of_races())
    await over(pilot, Matrix(store), "kernel BUG at", "q back")


@cache
def table_of_races() -> dict[Job, Cell]:
    """The cells as docs/races.md has them; the first, whose story shows, worked out."""
    found = dict(documented())
    first = next(iter(found))
    return {**found, first: evolve(work_out(first), seconds=0.0)}


def documented() -> Iterator[tuple[Job, Cell]]:
    text = RACES.read_text(encoding="utf-8")
    header = next(line for line in text.splitlines() if line.startswith("| race |"))
    kernels = [cell.strip() for cell in header.strip("|").split("|")][1:-1]
    for race, row in ROW.findall(text):
        for kernel, cell in zip(kernels, row.strip("| ").split(" | "), strict=True):
            letter, figure = cell.replace(",", "").split()
            found = (
                Cell(race, kernel, "proved", executions=int(figure))
                if letter == "N"
                else Cell(race, kernel, "bug", context_switches=int(figure))
            )
            yield Job(race, kernel, BUDGET), found


async def benches(pilot: Pilot[None], folder: Path) -> None:
    await over(pilot, screen := Benches((VANILLA, V6)), "run it")
    runs = measured()
    total = len(runs.runs)
    screen.post_message(BenchMoved(runs, total, total, is_over=True))
    await sees(pilot, "Simulated", "another")


@cache
def measured() -> Runs:
    """One run of three of AIM9's programs on each kernel."""
    few = evolve(AIM9, tests=("page_test", "brk_test", "signal_test"), runs=1)
    runs = Runs(few, (VANILLA.text, V6.text))
    for run in compare(few, (VANILLA, V6), usual_table(), range(1)):
        runs.add(run, 1.0)
    return runs


async def stress(pilot: Pilot[None], folder: Path) -> None:
    await over(pilot, screen := Stress(VANILLA), "run it")
    screen.enter("running")
    screen.post_message(StressMoved(gauges(), 1.0))
    await sees(pilot, "migrations", "stop")


@cache
def gauges() -> tuple[Gauges, ...]:
    """The first moments of a run of the recipe."""
    found: list[Gauges] = []

    def look(system: System) -> bool:
        found.append(read_gauges(system))
        return True

    endure(first_recipe(VANILLA), 0.004, look, tick=TICK)
    return tuple(found)


# What the reader has settled.


async def commands(pilot: Pilot[None], folder: Path) -> None:
    """What ctrl+p offers: themes and projector among others."""
    await start(pilot, folder)
    await press(pilot, "ctrl+p")
    await on_top(pilot, CommandPalette, "Search for commands", "key: ")
    pilot.app.screen.query_one(Input).cursor_blink = False
