"""A page table in which the model has left entries of all kinds; a seed says where.

A program has four pages: one that it may write to, one that it may only read, one that
was swapped out, and one that is just being moved.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from attrs import frozen

from kmm.designs import parse_kernel
from kmm.exercises.answers import Ask, Variant
from kmm.hw.memory import PAGE_SIZE
from kmm.hw.paging import Operation, PageFault, access
from kmm.mm.boot import run_on, start_kernel
from kmm.mm.gfp import GFP_KERNEL
from kmm.mm.kernel import Config, Kernel
from kmm.mm.mm_types import Page
from kmm.mm.mmap import PROT_READ
from kmm.mm.page_alloc import alloc_page, get_page
from kmm.mm.pgtable import find_pte, pte_pfn
from kmm.mm.rmap import TTU_IGNORE_ACCESS, TTU_MIGRATION, TTU_UNMAP, try_to_unmap
from kmm.mm.swap import put_page
from kmm.mm.swap_state import add_to_swap, delete_from_swap_cache, swap_writepage
from kmm.mm.swapfile import get_swap_page
from kmm.mm.swapops import swp_offset
from kmm.scenarios.process import DATA, SceneProcess, start_in_scene
from kmm.sim.machine import run_alone

CONFIG = Config(cpus=1, frames=1024, swap_slots=1024)
WRITABLE, READ_ONLY, SWAPPED, MOVING = "writable", "read-only", "swapped", "moving"
KINDS = (WRITABLE, READ_ONLY, SWAPPED, MOVING)

Below = Callable[[int], int]

# What may be tried at a page, and in words.
TRIED = {
    "program reads": access(Operation.READ, user=True),
    "program writes": access(Operation.WRITE, user=True),
    "program runs code": access(Operation.FETCH, user=True),
    "kernel reads": access(Operation.READ, user=False),
    "kernel writes": access(Operation.WRITE, user=False),
}


@frozen
class Table:
    """The program, and which page of it is of which kind."""

    process: SceneProcess
    places: dict[str, int]

    def entry(self, page: int, process: SceneProcess | None = None) -> int:
        owner = process or self.process
        ptep = run_alone(find_pte(owner.k, owner.mm, owner.address(page)))
        assert ptep is not None
        return ptep.value

    @property
    def entries(self) -> list[int]:
        return [self.entry(page) for page in range(len(KINDS))]

    def error_code(self, page: int, tried: str) -> int | None:
        """What the CPU tells the kernel; None if the access is allowed."""
        cpu = self.process.task.cpu
        cpu.tlb.forget(self.process.address(page))
        try:
            run_alone(cpu.reach(self.process.address(page), TRIED[tried]))
        except PageFault as fault:
            return fault.error_code
        return None

    def after_fork(self, page: int) -> int:
        """The entry that the child gets."""
        return self.entry(page, self.process.fork("child", 4022))


def variant(seed: int) -> Variant:
    """The questions of a seed.  Chance is `random()` alone, as in all variants."""
    chance = random.Random(seed)

    def below(limit: int) -> int:
        return int(chance.random() * limit)

    table = set_up(below)
    return Variant(text_of(table), asks_of(table, below))


def set_up(below: Below) -> Table:
    """Four pages in frames that the seed chooses, in an order that it chooses too."""
    k = start_kernel(CONFIG, parse_kernel("2.6.34"))
    process = start_in_scene(k, "program", 4021, 0, len(KINDS), DATA)
    order = shuffled(below)
    places = {kind: page for page, kind in enumerate(order)}
    for page in range(len(KINDS)):
        run_on(k, use_up(k, frames=below(200), slots=below(200)))
        process.store(page, b"data")
    process.run(process.mprotect(places[READ_ONLY], 1, PROT_READ))
    run_on(k, swap_out(k, page_of(process, places[SWAPPED])))
    run_on(k, begin_to_move(k, page_of(process, places[MOVING])))
    return Table(process, places)


def shuffled(below: Below) -> list[str]:
    left = list(KINDS)
    return [left.pop(below(len(left))) for _ in KINDS]


async def use_up(k: Kernel, *, frames: int, slots: int) -> None:
    """Let others have some memory."""
    for _ in range(frames):
        await alloc_page(k, GFP_KERNEL)
    for _ in range(slots):
        await get_swap_page(k)


def page_of(process: SceneProcess, number: int) -> Page:
    page = process.page(number)
    assert page is not None
    return page


async def swap_out(k: Kernel, page: Page) -> None:
    """As reclaim does it."""
    await get_page(page)
    await page.locked.lock()
    await add_to_swap(k, page)
    await try_to_unmap(k, page, TTU_UNMAP | TTU_IGNORE_ACCESS)
    await swap_writepage(k, page)
    async with page.locked:
        await delete_from_swap_cache(k, page)
    await put_page(k, page)


async def begin_to_move(k: Kernel, page: Page) -> None:
    """A migration's first half; it keeps its reference, and the page's lock."""
    await get_page(page)
    await page.locked.lock()
    await try_to_unmap(k, page, TTU_MIGRATION | TTU_IGNORE_ACCESS)


def text_of(table: Table) -> str:
    first = table.process.address(0)
    rows = [
        f"    {first + number * PAGE_SIZE:#x}   {entry:#018x}"
        for number, entry in enumerate(table.entries)
    ]
    listed = "\n".join(rows)
    return f"    of the page at   entry\n{listed}\n"


def asks_of(table: Table, below: Below) -> tuple[Ask, ...]:
    places = table.places
    writable = table.entry(places[WRITABLE])
    return (
        Ask(
            "frame",
            "Which page frame has the page that the program may write to?",
            pte_pfn(writable),
        ),
        Ask(
            "slot",
            "In which slot of the swap device is the page that was swapped out?",
            swp_offset(table.entry(places[SWAPPED])),
        ),
        Ask(
            "moving",
            "Which page frame is being moved?",
            swp_offset(table.entry(places[MOVING])),
        ),
        *asks_of_faults(table, below),
        Ask(
            "forked",
            "The program forks: which entry does the child get for the page that is "
            "being moved?",
            table.after_fork(places[MOVING]),
        ),
    )


def asks_of_faults(table: Table, below: Below) -> Iterator[Ask]:
    """Three accesses that fault, each with another error code."""
    faults = [
        (code, page, tried)
        for page in range(len(KINDS))
        for tried in TRIED
        if (code := table.error_code(page, tried)) is not None
    ]
    for number in (1, 2, 3):
        code, page, tried = faults[below(len(faults))]
        faults = [fault for fault in faults if fault[0] != code]
        address = table.process.address(page)
        yield Ask(
            f"fault_{number}",
            f"The {tried} at {address:#x}: with which error code does it fault?",
            code,
        )
