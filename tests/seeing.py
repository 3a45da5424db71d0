"""Moments of runs, and what pictures and explanations of them say."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from attrs import evolve

from kmm.designs import find_kernel
from kmm.mm.kernel import Kernel
from kmm.mm.observe import observe
from kmm.scenarios import find_race
from kmm.sim.recording import Moment, Recording
from kmm.tui.lines import Line
from kmm.tui.opening import open_session
from kmm.tui.pictures import Run, Seen, find_picture
from kmm.tui.session import Session

WIDTH = 78  # columns for text on a screen of 80


@cache
def opened(race: str, kernel: str) -> Session:
    return open_session(find_race(race), find_kernel(kernel))


def session(race: str = "exec-stack", kernel: str = "2.6.34") -> Session:
    """A session of one's own, over a run that is recorded once."""
    return evolve(opened(race, kernel))


def moments(session: Session) -> Iterator[Seen]:
    for moment in range(session.last + 1):
        session.go(moment)
        yield session.seen


def first(session: Session, picture: str, *words: str) -> list[str]:
    """What a picture says at the first moment at which it says all of this."""
    for seen in moments(session):
        said = drawn(seen, picture)
        if all(any(word in line for line in said) for word in words):
            return said
    raise AssertionError(f"{words} never show")


def drawn(seen: Seen, picture: str, width: int = WIDTH) -> list[str]:
    return texts(find_picture(picture).lines(seen, width))


def texts(lines: list[Line]) -> list[str]:
    """Lines with their marks."""
    return [f"{line.mark} {line.text}".rstrip() for line in lines]


def seen_now(k: Kernel) -> Seen:
    """A kernel that no run has led to, as it is now."""
    moment = Moment(observe(k), (), (), (), ())
    return Seen(Run(Recording((), (), (moment,), None)), 0)
