"""Recorded calls of move_pages(2) on a machine with two nodes.

A program had eight pages: of its own, never touched, only read (the zero page), or not
even mapped; a child may map them too.  It asked for each to be moved to a node.  What
the call returned was written down, and for each page its status and whether it is in
another frame now.

Recorded on Linux 6.12; held against the model under `call-rules=6.x`, since 2.6.34 has
other statuses (of the zero page, say).
"""

from __future__ import annotations

from attrs import define

from ..designs import find_kernel
from ..hw.memory import PAGE_SIZE, VirtAddr
from ..kernel.process import Process, start_process
from ..kernel.syscalls import sys_munmap
from ..mm.boot import run_on, start_kernel
from ..mm.kernel import Config
from ..mm.move_pages import sys_move_pages
from .frames import frame_at, pages
from .recorded import Case, Malformed
from .shape import required

AREA = VirtAddr(0x7F00_0000_0000)
FRAMES = 512
NODES = 2

KINDS = ("anon", "none", "zero", "unmapped")
UNTOUCHED = -999  # the status of a page that the call did not come to


def check(case: Case) -> None:
    """Raises Malformed."""
    for name in ("shared", "flags", "rc", "errno"):
        if not isinstance(required(case, name), int):
            raise Malformed(f"{name}: {case[name]!r} is not a number")
    for place, page in enumerate(required(case, "pages")):
        if not isinstance(page, list) or len(page) != 5 or page[0] not in KINDS:
            raise Malformed(f"page {place}: {page!r} is not a kind and four numbers")
        if page[0] == "anon" and page[1] not in range(NODES):
            raise Malformed(f"page {place}: there is no node {page[1]}")


@define(eq=False)
class Area:
    """The program of one case."""

    process: Process
    where: list[VirtAddr]

    def call(self, case: Case) -> tuple[int, list[int]]:
        """What move_pages returned, and a status for each page."""
        nodes = [page[2] for page in case["pages"]]
        call = sys_move_pages(
            self.process.k, self.process.mm, self.where, nodes, case["flags"]
        )
        rc, statuses = self.process.run(call)
        return rc, [statuses.get(n, UNTOUCHED) for n in range(len(nodes))]


def start(case: Case) -> Area:
    """The pages, each as it was."""
    k = start_kernel(
        Config(cpus=NODES, nodes=NODES, frames=FRAMES),
        find_kernel("2.6.34").with_answer("call-rules", "6.x"),
    )
    wanted = case["pages"]
    process = start_process(k, "move_pages")
    where = pages(AREA, len(wanted))
    process.map_anonymous(AREA, len(wanted))
    for address, (kind, node, *_) in zip(where, wanted, strict=True):
        if kind == "anon":
            cpu = k.cpus[node]  # a first touch takes a page of the CPU's own node
            run_on(k, cpu.store(address, b"x", user=True), node, process.task)
        elif kind == "zero":
            process.load(address, 1)
        elif kind == "unmapped":
            process.run(sys_munmap(k, process.task, address, PAGE_SIZE))
    if case["shared"]:
        process.fork()
    return Area(process, where)


def hold(case: Case) -> tuple[str, str, str] | None:
    """Make the call of one case; what it said, if that differs."""
    area = start(case)
    before = [frame_at(area.process, address) for address in area.where]
    rc, statuses = area.call(case)
    after = [frame_at(area.process, address) for address in area.where]
    moved = [int(a != b) for a, b in zip(before, after, strict=True)]
    expected_rc = -case["errno"] if case["rc"] < 0 else case["rc"]
    expected = [(page[3], page[4]) for page in case["pages"]]
    got = list(zip(statuses, moved, strict=True))
    if (rc, got) == (expected_rc, expected):
        return None
    asked = " ".join(f"{page[0]}>{page[2]}" for page in case["pages"])
    return (
        f"move_pages({asked}), flags {case['flags']}, shared {case['shared']}",
        f"{expected_rc}: {expected}",
        f"{rc}: {got}",
    )
