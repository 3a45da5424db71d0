"""From a key to the paint: how long a step takes on the screen, with each picture.

    python tests/benchmarks/screen.py [RACE] [--kernel KERNEL] [--size 120x40]
    python tests/benchmarks/screen.py --lessons

The real app is driven without a terminal: a key is sent, and what would be written to
the terminal is made and thrown away.  For each picture, the median and the 95th
percentile of many steps in milliseconds: `work` is time of the CPU from the key to the
last paint that comes of it, `wall` is time of the clock, waiting for the next frame and
for other programs included.  Then what stepping through the recording has added to
memory, which should be nothing.

With --lessons, for each lesson: how long it takes to open it from the contents, and its
page to be whole; and the steps of its run, in the pane that comes first.
"""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from textual._compositor import CompositorUpdate
from textual.events import Key
from textual.pilot import Pilot
from textual.screen import Screen

from kmm.course import Lesson, lessons
from kmm.course.claims import play_motion
from kmm.course.progress import load_progress
from kmm.designs import parse_kernel
from kmm.scenarios import find_race
from kmm.tui.app import KmmApp
from kmm.tui.opening import open_session, session_of
from kmm.tui.pictures import PICTURES
from kmm.tui.screens.contents import Contents
from kmm.tui.screens.stepper import Stepper
from kmm.tui.session import Session
from kmm.tui.telling import happened

STEPS = 80  # that are measured for each picture
QUIET = 0.03  # seconds without a paint, after which nothing more comes of a key
PATIENCE = 5.0
TRODDEN = 10_000  # steps for the memory


class Timed(KmmApp):
    """Notes when it has painted."""

    painted = 0.0
    worked = 0.0
    paints = 0

    def _display(self, screen: Screen[object], renderable: object) -> None:
        if isinstance(renderable, CompositorUpdate):
            renderable.render_segments(self.console)
            self.painted, self.worked = time.perf_counter(), time.process_time()
            self.paints += 1


async def step(app: Timed, key: str) -> tuple[float, float]:
    """Milliseconds of work and of the clock from a key to the last paint."""
    return await timed(app, lambda: app.post_message(Key(key, key)))


async def timed(app: Timed, action: Callable[[], object]) -> tuple[float, float]:
    """As `step`, for anything that is painted."""
    before = app.paints
    began, worked = time.perf_counter(), time.process_time()
    action()
    while app.paints == before and time.perf_counter() - began < PATIENCE:
        await asyncio.sleep(0.001)
    await quiet(app)
    return 1000 * (app.worked - worked), 1000 * (app.painted - began)


async def quiet(app: Timed, seconds: float = QUIET) -> None:
    """Wait until nothing has been painted for so long."""
    while time.perf_counter() - app.painted < seconds:
        await asyncio.sleep(0.005)


async def measure(session: Session, size: tuple[int, int]) -> None:
    app = Timed(session)
    print(f"{'picture':12}{'work':>8}{'p95':>8}{'wall':>8}{'p95':>8}  (ms)")
    async with app.run_test(size=size) as pilot:
        screen = app.screen
        assert isinstance(screen, Stepper)
        await pilot.pause(0.5)
        for picture in PICTURES:
            if not picture.is_in(session.run):
                print(f"{picture.name:12} nothing to show")
                continue
            session.picture = picture.name
            screen.go(0)
            screen.see_picture()
            await pilot.pause(0.3)
            count = min(STEPS, session.last - 1)
            times = [await step(app, "n") for _ in range(count)]
            columns = [told(list(column)) for column in zip(*times, strict=True)]
            print(f"{picture.name:12}{''.join(columns)}")


async def measure_lessons(size: tuple[int, int]) -> None:
    head = f"{'opened':>8}{'wall':>8}{'a step':>10}{'p95':>8}{'wall':>8}{'p95':>8}"
    print(f"{'lesson':18}{head}  (ms)")
    with TemporaryDirectory() as folder:
        app = Timed(progress=load_progress(Path(folder) / "progress.json"))
        async with app.run_test(size=size) as pilot:
            await pilot.pause(0.5)
            for lesson in lessons():
                work, wall = await open_lesson(app, lesson)
                steps = await step_through(pilot, app, lesson)
                print(f"{lesson.name:18}{work:8.0f}{wall:8.0f}  {steps}", flush=True)


async def open_lesson(app: Timed, lesson: Lesson) -> tuple[float, float]:
    contents = app.screen
    assert isinstance(contents, Contents)
    return await timed(app, lambda: contents.open_lesson(lesson))


async def step_through(pilot: Pilot[None], app: Timed, lesson: Lesson) -> str:
    """The lesson's run, and back to the contents."""
    motion = lesson.motion
    shown = ""
    if motion is not None:
        session = session_of(play_motion(lesson, motion), "the lesson's run")
        _ = app.push_screen(Stepper(session))
        await pilot.pause(0.5)
        await quiet(app, 0.3)
        count = min(STEPS, session.last - 1)
        times = [await step(app, "n") for _ in range(count)]
        shown = "".join(told(list(column)) for column in zip(*times, strict=True))
        _ = app.pop_screen()
    _ = app.pop_screen()
    await pilot.pause(0.5)
    await quiet(app, 0.3)
    return shown


def told(times: list[float]) -> str:
    return f"{median(times):8.1f}{quantiles(times, n=20)[-1]:8.1f}"


def memory_added(session: Session) -> int:
    """Bytes that going through a recording over and over has added, after once."""

    def walk(steps: int) -> None:
        for number in range(steps):
            session.go(number % (session.last + 1))
            happened(session)
            session.drawn(78)

    walk(session.last + 1)
    gc.collect()
    tracemalloc.start()
    walk(TRODDEN)
    gc.collect()
    added, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return added


def main() -> None:
    parser = ArgumentParser(description="From a key to the paint.")
    parser.add_argument("race", nargs="?", default="exec-stack")
    parser.add_argument("--kernel", default="2.6.34")
    parser.add_argument("--size", default="120x40")
    parser.add_argument("--lessons", action="store_true")
    options = parser.parse_args()
    width, height = (int(part) for part in options.size.split("x"))
    if options.lessons:
        asyncio.run(measure_lessons((width, height)))
        return
    session = open_session(find_race(options.race), parse_kernel(options.kernel))
    asyncio.run(measure(session, (width, height)))
    kib = memory_added(session) / 1024
    print(f"{TRODDEN:,} steps through the recording added {kib:.0f} KiB")


if __name__ == "__main__":
    main()
