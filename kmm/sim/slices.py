"""Long work in slices: it can be put down after each, and taken up again.

It is a generator that yields whenever somebody else might have a turn, and returns
what it came to.  Who has nothing else to do asks for it `at_once`; the screen goes
through it a little at a time (`tui.background`).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Slices = Generator[None, None, T]


def at_once(work: Slices[T]) -> T:
    """Do all of it.  Ctrl-C reaches the work, wherever it comes."""
    try:
        while True:
            try:
                next(work)
            except KeyboardInterrupt:
                work.throw(KeyboardInterrupt())
    except StopIteration as end:
        found: T = end.value
        return found
