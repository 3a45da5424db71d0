"""What each answer costs, in things that can be counted.

For `rmap-walk`: processes fork, more and more of them: a server and its clients, or a
line in which each is the child of the one before.  Then a walk looks for a page that
the last of them alone has, another for a page that all have, and the last one changes
its VMAs.  Each answer pays somewhere: in locks, or in VMAs that are visited although
they do not have the page.

For `exec-stack`: one exec, on a quiet machine.

`kmm cost` prints it, and docs/races.md says what there is to be seen.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Sequence
from typing import Any

from attrs import evolve, frozen

from ..designs import QUESTIONS, KernelSpec, find_kernel
from ..designs.exec_stack import ExecStack
from ..designs.rmap_walk import RmapWalk
from ..fs.exec import prepare_exec
from ..hw.memory import PAGE_SIZE, VirtAddr
from ..kernel.process import Process, start_process
from ..kernel.syscalls import sys_mprotect
from ..mm.boot import run_on, run_task, start_kernel
from ..mm.kernel import Config, Kernel
from ..mm.mm_types import Page, VmArea
from ..mm.mmap import PROT_READ, PROT_WRITE
from ..mm.pgtable import find_pte, pte_pfn
from ..mm.rmap import SWAP_AGAIN, rmap_walk
from ..mm.swap import lru_add_drain_all
from ..scenarios.exec_stack import ARGV, execve
from ..sim.machine import run_alone
from .counting import Counts, count

AREA = VirtAddr(0x7F00_0000_0000)
PAGES = 4
SHARED, PRIVATE, CHANGED = 0, 1, 2  # pages: everybody's, one client's, nobody's

WIDE = (1, 10, 100, 1000)  # children of one parent
DEEP = (1, 10, 100)  # each the child of the one before


@frozen
class WalkCost:
    """What one answer costs in a family of so many clients."""

    answer: str
    children: int
    deep: bool  # each the child of the one before
    private: Counts  # a walk for the page that the last one has
    shared: Counts  # a walk for the page that all have
    change: Counts  # mprotect, which cuts the last one's VMA in three


@frozen
class ExecCost:
    """What one answer costs in one exec."""

    answer: str
    counts: Counts
    vmas: int  # structures that were made


def walk_costs(
    wide: Sequence[int] = WIDE, deep: Sequence[int] = DEEP
) -> Iterator[WalkCost]:
    """For each answer, from the smallest family to the largest."""
    for is_deep, sizes in ((False, wide), (True, deep)):
        for answer in QUESTIONS["rmap-walk"].values():
            assert isinstance(answer, RmapWalk)
            spec = evolve(find_kernel("2.6.34"), rmap_walk=answer)
            family = Family(spec, max(sizes, default=0), deep=is_deep)
            for children in sorted(sizes):
                family.fork_up_to(children)
                yield family.cost(answer.name, children)


class Family:
    """A process that has written to a page, and others with one of their own."""

    def __init__(self, spec: KernelSpec, most: int, *, deep: bool) -> None:
        self.deep = deep
        # A process needs five frames for its tables, and two for pages.
        frames = 64 + 8 * most
        self.k = start_kernel(Config(cpus=2, frames=frames), spec)
        run_task(self.k, "compact", 3977, cpu=0)
        self.parent = start_process(self.k, "server", cpu=1)
        self.parent.map_anonymous(AREA, PAGES)
        self.parent.store(AREA, b"everybody's")
        self.children: list[Process] = []

    def fork_up_to(self, children: int) -> None:
        while len(self.children) < children:
            forks = self.children[-1] if self.deep and self.children else self.parent
            child = forks.fork()
            child.store(address(PRIVATE), b"mine")
            self.children.append(child)
        run_on(self.k, lru_add_drain_all(self.k))

    def cost(self, name: str, children: int) -> WalkCost:
        last = self.children[-1]
        return WalkCost(
            name,
            children,
            self.deep,
            self.walk(page_at(last, address(PRIVATE))),
            self.walk(page_at(last, address(SHARED))),
            self.change(last),
        )

    def walk(self, page: Page) -> Counts:
        return count(self.k, look_for(self.k, page), self.k.running[0])

    def change(self, process: Process) -> Counts:
        """Take a page's right to be written, and give it back."""

        def mprotect(prot: int) -> Coroutine[Any, Any, int]:
            where = address(CHANGED)
            return sys_mprotect(self.k, process.task, where, PAGE_SIZE, prot)

        counts = count(self.k, mprotect(PROT_READ), process.task)
        process.run(mprotect(PROT_READ | PROT_WRITE))
        return counts


def address(page: int) -> VirtAddr:
    """Where the page with this number of the area is."""
    return VirtAddr(AREA + page * PAGE_SIZE)


def page_at(process: Process, where: VirtAddr) -> Page:
    """What a process has mapped at an address."""
    ptep = run_alone(find_pte(process.k, process.mm, where))
    assert ptep is not None
    return process.k.mem_map[pte_pfn(ptep.value)]


async def look_for(k: Kernel, page: Page) -> None:
    """The walk alone: every VMA that may have the page is visited.

    Takes PG_locked, in an RCU read section, as migration does.
    """

    async def visit(k: Kernel, page: Page, vma: VmArea, where: VirtAddr) -> int:
        return SWAP_AGAIN

    async with page.locked, k.rcu:
        await rmap_walk(k, page, visit)


def exec_costs() -> Iterator[ExecCost]:
    """For each answer, one exec with nobody about."""
    for answer in QUESTIONS["exec-stack"].values():
        assert isinstance(answer, ExecStack)
        spec = evolve(find_kernel("2.6.34"), exec_stack=answer)
        k = start_kernel(Config(cpus=2, frames=64), spec)
        task = run_task(k, "sh", 4021, cpu=1)
        bprm = run_on(k, prepare_exec(k, "/bin/date", ARGV), cpu=1)
        made = k.made["vma"]
        counts = count(k, execve(k, task, bprm), task)
        yield ExecCost(answer.name, counts, k.made["vma"] - made)
