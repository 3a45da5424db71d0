"""Runs for the tests of the exports."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from attrs import evolve
from report.runs import deadlocked, hunted, recorded, single

from kmm.designs import parse_kernel
from kmm.report.exports import ExportedRun, exported
from kmm.scenarios import find_race
from kmm.scenarios.play import Played
from kmm.sim.recording import Recording, record_choices
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor


def failing() -> Played:
    return hunted("2.6.34")


def shown(recording: Recording) -> Played:
    """As if a hunt had found it."""
    return evolve(failing(), recording=recording)


@cache
def failed(race: str, kernel: str) -> Played:
    """The first run that a search finds to fail, as it is."""
    boot = find_race(race).rewinder(parse_kernel(kernel))
    result = search(boot, SourceDpor())
    return shown(record_choices(boot, result.choices))


def livelocked() -> Played:
    return failed("retry-livelock", "v2")


def flushing() -> Played:
    """Two address spaces, and an interrupt that another CPU waits for."""
    return failed("boundary-shift-child", "v6")


PLAYED: dict[str, Callable[[], Played]] = {
    "failing": failing,
    "surviving": single,
    "with no memory, deadlocked": lambda: shown(deadlocked()),
    "livelocked": livelocked,
    "with two address spaces": flushing,
}


def run(played: Played, at: int | None = None) -> ExportedRun:
    return exported(played, at)


def whole(played: Played) -> Recording:
    return recorded(played)
