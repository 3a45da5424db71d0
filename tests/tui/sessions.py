"""Sessions for tests, over runs that are recorded once."""

from __future__ import annotations

from functools import cache

from attrs import evolve

from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.tui.lines import Line
from kmm.tui.opening import open_session
from kmm.tui.session import Session
from kmm.tui.telling import happened

RACE = find_race("exec-stack")


@cache
def first_opened(kernel: str, race: str) -> Session:
    return open_session(find_race(race), find_kernel(kernel))


def opened(kernel: str, race: str = "exec-stack") -> Session:
    """A session of one's own."""
    return evolve(first_opened(kernel, race))


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]


def at_first(session: Session, words: str) -> Session:
    """Go to the first moment at which something is said to have happened."""
    for moment in range(session.last + 1):
        session.go(moment)
        if any(words in text for text in texts(happened(session))):
            return session
    raise AssertionError(f"{words!r} never happens")
