"""Long work beside the screen: in a thread, or in turns with the screen.

A screen's long method is a generator that yields wherever the screen might want a turn
(`sim.slices`), and sends messages.  In a process it runs in a thread of its own.  A
browser's page has no threads; there the work stops every few milliseconds, for keys and
for drawing.  Nor has it processes, in one of which an exercise could be judged.  This
is the one place that knows what there is.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial, update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar

from textual.dom import DOMNode
from textual.worker import get_current_worker

from ..sim.slices import Slices

HAS_THREADS = HAS_PROCESSES = sys.platform != "emscripten"

TURN = 0.015  # seconds of work, and then of rest: a key is answered in between
REST = 0.003

Owner = TypeVar("Owner", bound=DOMNode)
P = ParamSpec("P")


def background(
    *, group: str = "default", exclusive: bool = False
) -> Callable[
    [Callable[Concatenate[Owner, P], Slices[None]]],
    Callable[Concatenate[Owner, P], None],
]:
    """Calling the method begins its work; if the screen goes, so does the work.

    An `exclusive` one ends the others of its group.
    """

    def decorate(
        method: Callable[Concatenate[Owner, P], Slices[None]],
    ) -> Callable[Concatenate[Owner, P], None]:
        def begin(self: Owner, /, *args: P.args, **kwargs: P.kwargs) -> None:
            slices = method(self, *args, **kwargs)
            work: Any = partial(alone, slices) if HAS_THREADS else in_turns(slices)
            self.run_worker(work, group=group, exclusive=exclusive, thread=HAS_THREADS)

        update_wrapper(begin, method)
        return begin

    return decorate


def alone(slices: Slices[None]) -> None:
    """All of it, in a thread, unless nobody wants it any more."""
    worker = get_current_worker()
    with closing(slices):
        for _ in slices:
            if worker.is_cancelled:
                return


async def in_turns(slices: Slices[None]) -> None:
    """A little of it, and then whatever else there is to do, and so on."""
    since = time.perf_counter()
    with closing(slices):
        for _ in slices:
            if time.perf_counter() - since > TURN:
                await asyncio.sleep(REST)
                since = time.perf_counter()
