"""Submissions that are a litmus test: a small scene in which two designs differ.

A program has a few pages, one of which it has written to and which migrates.  The test
says how its memory looked before, and what the program does meanwhile, in a language of
four words.  It is data: nothing of a student's runs here either.

    pages = 3          # the program's one VMA, in pages
    written = 1        # the page that it has written to, and that migrates
    split_at = 0       # the VMA was cut in two there before: below it one may only read
    forked = false     # it has forked since, and what follows is done by the child
    rewritten = false  # who has written to the page since; may be left out
    program = ["mprotect 1 1 read", "read 1"]

The words are `mprotect PAGE PAGES read|write`, `munmap PAGE PAGES`, `read PAGE` (which
must find what was written) and `write PAGE TEXT`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from attrs import frozen

from ..designs import parse_kernel
from ..hw.memory import PAGE_SIZE
from ..kernel.syscalls import sys_munmap
from ..mm.kernel import Config
from ..mm.mmap import PROT_READ, PROT_WRITE
from ..report.outcome import plural
from ..scenarios.adjust import set_up
from ..scenarios.play import Played, hunt, replay
from ..scenarios.process import SceneProcess
from ..scenarios.race import Race, ScheduleToken
from ..sim.search import search
from ..sim.strategies import SourceDpor
from .exercise import Check, Complaint, Exercise, Finding

MOST_PAGES, MOST_WORDS = 6, 6
MOST_RUNS = 20_000
RIGHTS = {"read": PROT_READ, "write": PROT_READ | PROT_WRITE}
FIELDS: Mapping[str, type] = {
    "pages": int,
    "written": int,
    "split_at": int,
    "forked": bool,
    "rewritten": bool,
    "program": list,
}


@frozen
class Call:
    """One line of a program."""

    word: str
    page: int
    pages: int = 1
    rest: str = ""


def race_of(text: str, exercise: Exercise) -> Race:
    """The race that a submission describes.  Raises Complaint."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Complaint(f"not TOML: {error}") from None
    values.setdefault("rewritten", False)
    strange = sorted(set(values) - set(FIELDS))
    if strange:
        raise Complaint(f"nothing is called {', '.join(strange)} here")
    for name, kind in FIELDS.items():
        if type(values.get(name)) is not kind:
            raise Complaint(f"{name} is missing, or is no {kind.__name__}")
    pages = number("pages", values["pages"], 1, MOST_PAGES)
    program = [call_of(line, pages) for line in values["program"]]
    if not 0 < len(program) <= MOST_WORDS:
        raise Complaint(f"a program has 1 to {MOST_WORDS} lines, not {len(program)}")
    return Race(
        name="litmus",
        title="a student's litmus test",
        asks="Can an entry be lost here?",
        story="",
        watch="the bounds of the VMAs, and the entry",
        threads=("compaction migrates the page", "the program does what it says"),
        set_up=partial(
            set_up,
            pages=pages,
            written=number("written", values["written"], 0, pages - 1),
            split_at=number("split_at", values["split_at"], 0, pages - 1),
            forked=values["forked"],
            rewritten=values["rewritten"],
            program=partial(run_program, program),
        ),
        config=Config(cpus=2, frames=32, migrate_passes=1),
    )


def call_of(line: object, pages: int) -> Call:
    """A line of a program.  Raises Complaint."""
    word, *rest = str(line).split() or [""]
    form = FORMS.get(word)
    if form is None or len(rest) != len(form):
        known = ", ".join(f"{w} {' '.join(form)}" for w, form in FORMS.items())
        raise Complaint(f"{line!r} is no line of a program; there is {known}")
    try:
        page = number("page", int(rest[0]), 0, pages - 1)
        if form[1:2] != ["PAGES"]:
            return Call(word, page, rest="".join(rest[1:])[:8])
        count = number("pages", int(rest[1]), 1, pages - page)
    except ValueError:
        raise Complaint(f"{line!r}: a page is a number, from 0") from None
    if word == "mprotect" and rest[2] not in RIGHTS:
        raise Complaint(f"{line!r}: the rights are read or write")
    return Call(word, page, count, "".join(rest[2:]))


FORMS = {
    "mprotect": ["PAGE", "PAGES", "read|write"],
    "munmap": ["PAGE", "PAGES"],
    "read": ["PAGE"],
    "write": ["PAGE", "TEXT"],
}


def number(name: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise Complaint(f"{name} is {value}, and should be {least} to {most}")
    return value


async def run_program(program: Sequence[Call], process: SceneProcess) -> None:
    for call in program:
        await DOES[call.word](process, call)


async def mprotect(process: SceneProcess, call: Call) -> None:
    await process.mprotect(call.page, call.pages, RIGHTS[call.rest])


async def munmap(process: SceneProcess, call: Call) -> None:
    address, length = process.address(call.page), call.pages * PAGE_SIZE
    await sys_munmap(process.k, process.task, address, length)
    for page in range(call.page, call.page + call.pages):
        process.written.pop(process.address(page), None)


async def read(process: SceneProcess, call: Call) -> None:
    """What was written must be there; what was not is looked at, and nothing else."""
    if process.address(call.page) in process.written:
        await process.read_back(call.page)
    else:
        await process.task.cpu.load(process.address(call.page), 4, user=True)


async def write(process: SceneProcess, call: Call) -> None:
    await process.write(call.page, call.rest.encode())


DOES: Mapping[str, Callable[[SceneProcess, Call], Any]] = {
    "mprotect": mprotect,
    "munmap": munmap,
    "read": read,
    "write": write,
}


def fails_on(race: Race, check: Check) -> Finding:
    """Some interleaving of the test fails on a kernel; any will do."""
    kernel = check.settings["kernel"]
    boot = race.rewinder(parse_kernel(kernel))
    result = search(boot, SourceDpor(), budget=budget_of(check))
    if result.failure is not None:
        return Finding(check.name, True, f"{kernel}: {result.failure.message}")
    runs = plural(result.coverage.executions, "execution")
    return Finding(check.name, False, f"{kernel}: none of {runs} fails")


def never_fails_on(race: Race, check: Check) -> Finding:
    """Every interleaving of the test goes well on a kernel."""
    kernel = check.settings["kernel"]
    played = hunt(race, parse_kernel(kernel), SourceDpor(), budget=budget_of(check))
    runs = plural(played.coverage.executions, "execution")
    if played.verdict == "proved":
        return Finding(check.name, True, f"{kernel}: proved by {runs}")
    if played.recording is None or played.recording.failure is None:
        why = f"{kernel}: not done after {runs}; make the test smaller"
        return Finding(check.name, False, why)
    failure = played.recording.failure.message
    return Finding(
        check.name, False, f"{kernel}: {failure}", str(played.token), failure
    )


def budget_of(check: Check) -> int:
    """How many executions a check may make."""
    found: int = check.settings.get("budget", MOST_RUNS)
    return found


def remade(race: Race, schedule: str) -> Played:
    """A run again, from the schedule that a finding has.  Raises ScheduleError."""
    return replay(race, ScheduleToken.parse(schedule))


ASKS: Mapping[str, Callable[[Race, Check], Finding]] = {
    "fails-on": fails_on,
    "never-fails-on": never_fails_on,
}
