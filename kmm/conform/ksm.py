"""Recorded merging: which pages KSM made one, and what its counters said.

A program had three areas of twelve pages, and advised some of them as mergeable.  Each
page was full of one 4-byte value.  Then ksmd went round until nothing changed any more,
some pages were written, it went round again, and so on.  After each step were written
down which pages were in the same frame, and the counters.

Recorded on Linux 6.18 (with smart_scan off), held against 2.6.34.  Cases in which it
was told to merge pages of zeros with the zero page (use_zero_pages) are skipped: that
came later.
"""

from __future__ import annotations

from typing import Any

from attrs import define

from ..designs import find_kernel
from ..hw.memory import PAGE_SIZE, VirtAddr
from ..kernel.process import Process, start_process
from ..kernel.syscalls import sys_madvise
from ..mm.boot import start_kernel
from ..mm.kernel import Config, Kernel
from ..mm.ksm import ksm_do_scan
from ..mm.madvise import MADV_MERGEABLE, MADV_UNMERGEABLE
from ..mm.swap import lru_add_drain_all
from .frames import Classes, frame_at, pages
from .recorded import Case, Malformed, Skip
from .shape import required

AREA = VirtAddr(0x7F00_0000_0000)
AREA_BYTES = 1 << 21  # from the start of one area to the next
FRAMES = 1024

COUNTERS = ("pages_shared", "pages_sharing", "pages_unshared", "pages_volatile")
UNMERGEABLE = "unmergeable area "


def check(case: Case) -> None:
    """Raises Malformed."""
    size = required(case, "pages")
    if not isinstance(size, int) or not 0 < size <= AREA_BYTES // PAGE_SIZE:
        raise Malformed(f"pages: {size!r} is no number of pages")
    advised, initial = required(case, "advised"), required(case, "initial")
    if not isinstance(advised, list) or not isinstance(initial, list):
        raise Malformed("advised and initial should be lists")
    if len(advised) != len(initial) or any(len(area) != size for area in initial):
        raise Malformed("initial does not have a value for each page of each area")
    for place, step in enumerate(required(case, "steps")):
        if not isinstance(step, list) or len(step) != 4:
            raise Malformed(f"step {place} is not a list of four")
        name, writes, _, counters = step
        if not isinstance(name, str) or not isinstance(counters, dict):
            raise Malformed(f"step {place} has no name, or no counters")
        for write in writes:
            if len(write) != 3 or write[0] >= len(advised) or write[1] >= size:
                raise Malformed(f"step {place}: {write!r} is no area, page and value")


@define(eq=False)
class Areas:
    """The program of one case."""

    k: Kernel
    process: Process
    pages: int
    areas: int

    def address(self, area: int, page: int = 0) -> VirtAddr:
        return VirtAddr(AREA + area * AREA_BYTES + page * PAGE_SIZE)

    def write(self, area: int, page: int, value: int) -> None:
        """Fill a page with a value of 4 bytes."""
        data = value.to_bytes(4, "little") * (PAGE_SIZE // 4)
        self.process.store(self.address(area, page), data)

    def advise(self, area: int, behaviour: int) -> None:
        length = self.pages * PAGE_SIZE
        call = sys_madvise(
            self.k, self.process.task, self.address(area), length, behaviour
        )
        self.process.run(call)

    def go_round(self) -> None:
        """Let ksmd go round until a round changes nothing."""
        before: object = None
        while before != (now := (self.partition(), self.counters())):
            before = now
            for _ in range(3):  # it looks twice before it takes a page for quiet
                self.process.run(lru_add_drain_all(self.k))
                self.process.run(ksm_do_scan(self.k, self.areas * self.pages + 1))

    def partition(self) -> list[list[int]]:
        """A number for each page, the same in the same frame, by area; -1 for none."""
        classes = Classes()
        return [
            [
                -1 if (pfn := frame_at(self.process, where)) is None else classes[pfn]
                for where in pages(self.address(area), self.pages)
            ]
            for area in range(self.areas)
        ]

    def counters(self) -> dict[str, int]:
        return {name: getattr(self.k.ksm, name) for name in COUNTERS}


def start(case: Case) -> Areas:
    """The areas, written and advised."""
    k = start_kernel(Config(cpus=1, frames=FRAMES), find_kernel("2.6.34"))
    process = start_process(k, "ksm")
    areas = Areas(k, process, case["pages"], len(case["advised"]))
    for area, values in enumerate(case["initial"]):
        process.map_anonymous(areas.address(area), areas.pages)
        for page, value in enumerate(values):
            areas.write(area, page, value)
        if case["advised"][area]:
            areas.advise(area, MADV_MERGEABLE)
    return areas


def hold(case: Case) -> tuple[str, str, str] | None:
    """Run one case; the first step that differs, if one does."""
    if case.get("use_zero_pages"):
        raise Skip("use_zero_pages is of a later kernel")
    areas = start(case)
    for place, (name, writes, partition, counters) in enumerate(case["steps"]):
        take_step(areas, name, writes)
        asked = f"step {place}, {name}"
        if areas.partition() != partition:
            return asked, said(partition), said(areas.partition())
        expected = {key: counters[key] for key in COUNTERS if key in counters}
        got = {key: areas.counters()[key] for key in expected}
        if got != expected:
            return asked, str(expected), str(got)
    return None


def take_step(areas: Areas, name: str, writes: list[list[int]]) -> None:
    for area, page, value in writes:
        areas.write(area, page, value)
    if name.startswith(UNMERGEABLE):
        areas.advise(int(name.removeprefix(UNMERGEABLE)), MADV_UNMERGEABLE)
    elif name in ("merge", "rescan"):
        areas.go_round()


def said(partition: list[list[Any]]) -> str:
    return " | ".join(" ".join(map(str, area)) for area in partition)
