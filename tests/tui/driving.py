"""The screen as the tests drive it: keys, and what is to be seen then.

Keys are posted and their effect is waited for: Pilot's own `press` waits for the whole
screen to be idle, which takes a tenth of a second each time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import cache

import pytest
from attrs import evolve
from textual.events import Key
from textual.pilot import Pilot

from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.tui.app import KmmApp
from kmm.tui.opening import open_session
from kmm.tui.screens.box import Paper
from kmm.tui.session import Session

SMALL, LARGE = (80, 24), (120, 40)
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
PATIENCE = 20  # seconds; a machine may be busy

Steps = Callable[[Pilot[None]], Awaitable[None]]


@cache
def first_opened(kernel: str) -> Session:
    return open_session(find_race("exec-stack"), find_kernel(kernel))


def opened(kernel: str = "2.6.34") -> Session:
    """A session of one's own, over a run that is recorded once."""
    return evolve(first_opened(kernel), runs=[], stops=[])


def run(
    steps: Steps, size: tuple[int, int] = SMALL, session: Session | None = None
) -> None:
    """Open a screen of this size, and do `steps` there."""
    app = KmmApp(session or opened())

    async def main() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await steps(pilot)

    asyncio.run(main())


async def eventually(check: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < end, "it never came to be so"
        await asyncio.sleep(0.02)


async def press(pilot: Pilot[None], *names: str) -> None:
    for name in names:
        pilot.app.post_message(Key(name, name if len(name) == 1 else None))


async def on_top(pilot: Pilot[None], screen: type[object], *texts: str) -> None:
    """Wait for a screen, and for what it is to show."""
    await eventually(lambda: isinstance(pilot.app.screen, screen))
    await sees(pilot, *texts)


async def sees(pilot: Pilot[None], *texts: str) -> None:
    await eventually(lambda: all(text in picture(pilot) for text in texts))


def picture(pilot: Pilot[None]) -> str:
    """What is on the screen."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


def words(pilot: Pilot[None]) -> str:
    """What is on the paper of a box, however its lines are broken."""
    papers = pilot.app.screen.query(Paper)  # none while the box is being made
    rows = [row.plain for paper in papers for row in paper.rows]
    return " ".join(" ".join(rows).split())
