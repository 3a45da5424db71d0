"""Recorded fork trees: who has which page after each read, write, fork and exit.

Each process has the same four pages.  After every operation were written down, for each
process and page, the frame and how many entries map it; and for a write, whether the
page stayed in its frame.

Recorded on Linux 6.18.  What it says besides, whether a page is marked as exclusive to
one process, is later than the kernels modelled here, and is passed over.  Held against
2.6.34, in which a page stays in its frame if one entry maps it (`reuse_swap_page`).
"""

from __future__ import annotations

from typing import Any

from attrs import define, field

from ..designs import find_kernel
from ..hw.memory import PAGE_SIZE, VirtAddr
from ..kernel.process import Process, start_process
from ..kernel.syscalls import sys_madvise
from ..mm.boot import start_kernel
from ..mm.kernel import Config
from ..mm.madvise import MADV_DONTNEED
from .frames import Classes, frame_at, page_at, pages
from .recorded import Case, Malformed, Skip
from .shape import operations

AREA = VirtAddr(0x7F00_0000_0000)
PAGES = 4
FRAMES = 1024

# How many numbers follow the letter of an operation.
OPERATIONS = {"f": 2, "x": 1, "w": 2, "r": 2, "d": 2}

# For each process, by its number: for each page None, or its frame and its mapcount.
Picture = dict[str, list[list[int] | None]]


def check(case: Case) -> None:
    """Raises Malformed."""
    ops, steps = operations(case)
    alive = {0}
    for place, op in enumerate(ops):
        check_op(place, op)
        numbers = op[1:]
        if numbers[0] not in alive:
            raise Malformed(f"operation {place}: there is no process {numbers[0]}")
        if op[0] == "f":
            alive.add(numbers[1])
        elif op[0] == "x":
            alive.discard(numbers[0])
        elif numbers[1] >= PAGES:
            raise Malformed(f"operation {place}: there is no page {numbers[1]}")
    for place, step in enumerate(steps):
        if (
            not isinstance(step, list)
            or len(step) != 2
            or not all(isinstance(part, dict) for part in step)
        ):
            raise Malformed(f"step {place} is not a list of two objects")


def check_op(place: int, op: object) -> None:
    if not isinstance(op, list) or not op or op[0] not in OPERATIONS:
        raise Malformed(f"operation {place}: {op!r} is none that is known")
    numbers = op[1:]
    if len(numbers) != OPERATIONS[op[0]] or not all(
        isinstance(n, int) and 0 <= n < 64 for n in numbers
    ):
        raise Malformed(f"operation {place}: {op!r} does not have its numbers")


@define(eq=False)
class Tree:
    """The processes of one case, by their numbers."""

    processes: dict[int, Process] = field(factory=dict)

    def run(self, op: list[Any]) -> bool | None:
        """One operation; for a write, whether the page stayed in its frame."""
        kind, number, *rest = op
        process = self.processes[number]
        if kind == "f":
            self.processes[rest[0]] = process.fork()
        elif kind == "x":
            self.processes.pop(number).exit()
        else:
            return self.use(process, kind, pages(AREA, PAGES)[rest[0]])
        return None

    def use(self, process: Process, kind: str, where: VirtAddr) -> bool | None:
        if kind == "r":
            process.load(where, 1)
        elif kind == "d":
            call = sys_madvise(process.k, process.task, where, PAGE_SIZE, MADV_DONTNEED)
            process.run(call)
        else:
            before = frame_at(process, where)
            process.store(where, b"w")
            return before == frame_at(process, where)
        return None

    def picture(self) -> Picture:
        """Every page of every process."""
        classes = Classes()
        found: Picture = {}
        for number in sorted(self.processes):
            process = self.processes[number]
            here = [page_at(process, where) for where in pages(AREA, PAGES)]
            found[str(number)] = [
                None if page is None else [classes[page.pfn], page.mapcount + 1]
                for page in here
            ]
        return found


def start() -> Tree:
    """One process, with four pages that nobody has touched."""
    k = start_kernel(Config(cpus=1, frames=FRAMES), find_kernel("2.6.34"))
    process = start_process(k, "cow")
    process.map_anonymous(AREA, PAGES)
    return Tree({0: process})


def hold(case: Case) -> tuple[str, str, str] | None:
    """Run one case; the first step that differs, if one does."""
    if not case.get("stable", 1):
        raise Skip("two recordings differ")
    tree = start()
    for place, (op, step) in enumerate(zip(case["ops"], case["steps"], strict=True)):
        stayed = tree.run(op)
        expected, got = without_exclusive(step[0]), tree.picture()
        if got != expected:
            return f"operation {place}, {in_words(op)}", said(expected), said(got)
        kept = step[1].get("kept")
        if kept is not None and bool(kept) != stayed:
            words = {True: "stayed in its frame", False: "was copied"}
            asked = f"operation {place}, {in_words(op)}: the page"
            return asked, words[bool(kept)], words[bool(stayed)]
    return None


def without_exclusive(picture: dict[str, Any]) -> Picture:
    return {
        number: [None if page is None else page[:2] for page in found]
        for number, found in picture.items()
    }


def in_words(op: list[Any]) -> str:
    kind, number, *rest = op
    match kind:
        case "f":
            return f"process {number} forks {rest[0]}"
        case "x":
            return f"process {number} exits"
        case _:
            verb = {"r": "reads", "w": "writes", "d": "gives up"}[kind]
            return f"process {number} {verb} page {rest[0]}"


def said(picture: Picture) -> str:
    return "; ".join(
        f"{number}: " + " ".join("-" if p is None else f"{p[0]}x{p[1]}" for p in found)
        for number, found in picture.items()
    )
