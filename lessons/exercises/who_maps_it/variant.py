"""Three generations of a program, made from a seed; the model says who maps what.

Each program's memory is one VMA, and what is unmapped is at an edge of it, so a VMA can
be called by the name of its process.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from attrs import define, field, frozen

from kmm.designs import parse_kernel
from kmm.exercises.answers import Ask, Variant
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.sched import context_switch
from kmm.kernel.syscalls import sys_munmap
from kmm.mm.boot import run_on, start_kernel
from kmm.mm.kernel import Config, Kernel
from kmm.mm.mm_types import Page, VmArea
from kmm.mm.rmap import SWAP_AGAIN, page_check_address, rmap_walk
from kmm.scenarios.process import DATA, SceneProcess, start_in_scene

CONFIG = Config(cpus=1, frames=64)
PAGES = 3
STEPS = 9
NAMES = FIRST, SECOND, THIRD = "P", "Q", "R"

Below = Callable[[int], int]


@frozen
class Walked:
    """What a walk for one page has met, by the names of the processes, in order."""

    visited: tuple[str, ...]
    found: tuple[str, ...]  # where the entry is this page's


@define
class Family:
    """P, its child Q, and Q's child R; and what they have done."""

    k: Kernel
    members: dict[str, SceneProcess]
    running: str = FIRST
    steps: list[str] = field(factory=list)

    def switch(self, name: str) -> SceneProcess:
        """Let a process have the CPU."""
        process = self.members[name]
        if name != self.running:
            before = self.members[self.running]
            before.run(context_switch(self.k, before.task, process.task))
            self.running = name
        return process

    def write(self, name: str, page: int) -> None:
        self.switch(name).store(page, name.encode())
        self.steps.append(f"{name} writes to page {page}")

    def fork(self, name: str) -> None:
        """The child has the CPU from here on."""
        child = NAMES[len(self.members)]
        made = self.switch(name).fork(child, 4021 + len(self.members))
        self.members[child], self.running = made, child
        self.steps.append(f"{name} forks {child}")

    def unmap(self, name: str, page: int) -> None:
        process = self.switch(name)
        address = process.address(page)
        process.run(sys_munmap(self.k, process.task, address, PAGE_SIZE))
        self.steps.append(f"{name} unmaps page {page}")

    def pages_of(self, name: str) -> range:
        """The pages that are left of its VMA."""
        process = self.members[name]
        first, end = (
            (bound - process.address(0)) // PAGE_SIZE
            for bound in (process.vma.vm_start, process.vma.vm_end)
        )
        return range(first, end)

    def owner(self, page: Page) -> str:
        """Whose own anon_vma a page belongs to."""
        return next(
            name
            for name, process in self.members.items()
            if process.vma.anon_vma is page.mapping
        )

    def walk(self, page: Page) -> Walked:
        visited, found = [], []

        async def look(k: Kernel, page: Page, vma: VmArea, address: VirtAddr) -> int:
            visited.append(self.name_of(vma))
            if await page_check_address(k, page, vma, address) is not None:
                await vma.mm.page_table_lock.unlock()
                found.append(self.name_of(vma))
            return SWAP_AGAIN

        async def locked() -> None:
            async with page.locked:
                await rmap_walk(self.k, page, look)

        run_on(self.k, locked())
        return Walked(tuple(visited), tuple(found))

    def name_of(self, vma: VmArea) -> str:
        return next(n for n, process in self.members.items() if process.vma is vma)


def variant(seed: int) -> Variant:
    """The questions of a seed.  Chance is `random()` alone, as in all variants."""
    chance = random.Random(seed)

    def below(limit: int) -> int:
        return int(chance.random() * limit)

    while True:
        family = drawn(below)
        shared, own = pages_to_ask(family)
        if THIRD in family.members and shared and own:
            x, y = shared[below(len(shared))], own[below(len(own))]
            return Variant(text_of(family, x, y), asks_of(family, x, y))


def drawn(below: Below) -> Family:
    """P writes and forks; then they write and unmap, and Q forks at some time."""
    k = start_kernel(CONFIG, parse_kernel("2.6.34"))
    parent = start_in_scene(k, FIRST, 4021, 0, PAGES, DATA)
    family = Family(k, {FIRST: parent})
    written = below(PAGES)
    family.write(FIRST, written)
    family.write(FIRST, (written + 1 + below(PAGES - 1)) % PAGES)
    family.fork(FIRST)
    while len(family.steps) < STEPS:
        name = sorted(family.members)[below(len(family.members))]
        pages = family.pages_of(name)
        if name == SECOND and THIRD not in family.members and below(2):
            family.fork(name)
        elif below(4) == 0 and len(pages) > 1:
            family.unmap(name, (pages[0], pages[-1])[below(2)])
        else:
            family.write(name, pages[below(len(pages))])
    return family


Place = tuple[str, int]  # a process, and a page of it


def pages_to_ask(family: Family) -> tuple[list[Place], list[Place]]:
    """Pages of P's anon_vma, and pages of another's.

    Of the first only those for which a walk comes to a VMA that has no entry, and which
    are not looked for everywhere to be found once.
    """
    shared, own = [], []
    for name, process in family.members.items():
        for number in family.pages_of(name):
            page = process.page(number)
            if page is None or page is family.k.zero_page:
                continue
            walked = family.walk(page)
            visited, found = len(walked.visited), len(walked.found)
            if family.owner(page) == FIRST:
                if found < visited and (found > 1 or visited < len(NAMES)):
                    shared.append((name, number))
            else:
                own.append((name, number))
    return shared, own


def text_of(family: Family, x: Place, y: Place) -> str:
    rows = [f"    {number}. {step}" for number, step in enumerate(family.steps, 1)]
    listed = "\n".join(rows)
    return (
        f"P maps three pages, 0 to 2, and then:\n\n{listed}\n\n"
        f"X is what {x[0]} has at page {x[1]} in the end, "
        f"Y what {y[0]} has at page {y[1]}.\n"
    )


def asks_of(family: Family, x: Place, y: Place) -> tuple[Ask, ...]:
    first, second = page_at(family, x), page_at(family, y)
    owner = family.owner(second)
    return (
        Ask("x_mapcount", "X: how many entries map it?", first.mapcount + 1),
        *asks_of_walk(family, "x", first),
        Ask("y_anon_vma", "Y: whose anon_vma does it belong to?", owner),
        *asks_of_walk(family, "y", second),
    )


def page_at(family: Family, place: Place) -> Page:
    page = family.members[place[0]].page(place[1])
    assert page is not None
    return page


def asks_of_walk(family: Family, key: str, page: Page) -> tuple[Ask, ...]:
    walked, the = family.walk(page), key.upper()
    return (
        Ask(
            f"{key}_visited",
            f"{the}: whose VMAs does rmap_walk visit, in order?",
            " ".join(walked.visited),
        ),
        Ask(
            f"{key}_found",
            f"{the}: and in whose of them does it find an entry?",
            " ".join(walked.found),
        ),
    )
