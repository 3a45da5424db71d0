"""What is measured of an explorer, and how a module of this package hands it on.

Each tool runs in a Python of its own, as `python -m benchmarks.explorers.with_TOOL`,
and prints JSON: first what it is, then a line for each search when that is over.
Nothing here needs kmm, or more than Python 3.11.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Outcome(StrEnum):
    BUG = "bug"  # a failing run was found
    COVERED = "covered"  # the tool says, or shows, that it has seen all it looks at
    STOPPED = "stopped"  # the budget was spent before that


class Goal(StrEnum):
    FIRST = "first bug"
    ALL = "all"


@dataclass(frozen=True)
class Row:
    """One search of one program by one method of one tool."""

    method: str
    program: str
    goal: Goal
    outcome: Outcome
    number: float  # of executions; of states, if `unit` says so
    seconds: float  # of processor time
    says: str  # the verdict, in the tool's own words
    unit: str = "executions"


@dataclass(frozen=True)
class Peer:
    """A tool, and what it was asked."""

    name: str
    version: str
    python: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Effort:
    """How much a tool may spend on one search."""

    quick: bool
    long: bool

    @property
    def seconds(self) -> float:
        """On the wall clock, for those who can be told."""
        return 3.0 if self.quick else 20.0


Measure = Callable[[Effort], Iterable[Row]]


def stopwatch() -> Callable[[], float]:
    """A function that says how much processor time this process took since then.

    All its threads together; what else runs on the machine does not count.
    """
    started = time.process_time()
    return lambda: time.process_time() - started


# Handing on.


def hand_on(name: str, version: str, measure: Measure) -> None:
    """The `main` of a peer's module."""
    effort = effort_from_command_line()
    python = ".".join(map(str, sys.version_info[:3]))
    say({"name": name, "version": version, "python": python})
    for row in measure(effort):
        say(asdict(row))


def effort_from_command_line() -> Effort:
    parser = ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--long", action="store_true")
    options = parser.parse_args()
    return Effort(quick=options.quick, long=options.long)


def say(data: object) -> None:
    print(json.dumps(data), flush=True)


def received(output: str) -> Peer:
    """What a module handed on; raises ValueError if that is not what it prints."""
    first, *others = (json.loads(line) for line in output.splitlines())
    return Peer(**first, rows=tuple(Row(**row) for row in others))
