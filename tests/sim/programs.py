"""Small programs whose runs can be counted by other means.

Each function returns a `Boot`: call it for a fresh machine.  The numbers of traces
(runs that differ in more than the order of independent steps) were also counted by
model checkers for C, so the tests can hold a search against them.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from attrs import define, fields

from kmm.sim.access import read_once, write_once
from kmm.sim.failure import Corruption
from kmm.sim.locks import SpinLock
from kmm.sim.machine import Machine
from kmm.sim.search import Boot
from kmm.sim.thread import KThread

Body = Coroutine[Any, Any, None]


@define(eq=False)
class Cell:
    """A word of memory that is shared on purpose."""

    name: str
    value: int = 0

    async def read(self) -> int:
        return await read_once(self, CELL.value)

    async def write(self, value: int) -> None:
        await write_once(self, CELL.value, value)


CELL = fields(Cell)


def threads(*bodies: Body) -> list[KThread]:
    """Kernel threads a:1, b:2, ... on CPUs 0, 1, ..., one for each body."""
    return [KThread("abcdef"[i], i + 1, i, body) for i, body in enumerate(bodies)]


NONE, PRESENT, MIGRATION = 0, 1, 2
OLD, NEW = 2, 1  # where the moving page is mapped, before and after


def toy(*, fixed: bool, bystander: int = 0) -> Boot:
    """A page table walk against a move of what it looks for, in miniature.

    The walker makes every migration entry present again, wherever a vma says that the
    page is.  The mover takes an entry elsewhere and then says so.  `fixed`: the mover
    holds the walker's lock meanwhile.  `bystander`: a third thread takes the lock of
    the page table so many times.
    """

    def boot() -> Machine:
        anon_vma, page_table_lock = SpinLock("anon_vma"), SpinLock("page_table_lock")
        first = [MIGRATION, NONE, MIGRATION, PRESENT, NONE]
        pte = [Cell(f"pte{i}", value) for i, value in enumerate(first)]
        start = [Cell("vma0.start", 0), Cell("vma1.start", OLD)]

        async def walker() -> None:
            async with anon_vma:
                for vma_start in start:
                    address = await vma_start.read()
                    async with page_table_lock:
                        if await pte[address].read() == MIGRATION:
                            await pte[address].write(PRESENT)

        async def move(old: Cell, new: Cell) -> None:
            async with page_table_lock:
                entry = await old.read()
                await old.write(NONE)
                await new.write(entry)

        async def move_and_adjust() -> None:
            await move(pte[OLD], pte[NEW])
            await start[1].write(NEW)

        async def mover() -> None:
            if fixed:
                async with anon_vma:
                    await move_and_adjust()
            else:
                await move_and_adjust()

        async def third() -> None:
            for _ in range(bystander):
                await move(pte[3], pte[4])

        def check() -> None:
            if any(entry.value == MIGRATION for entry in pte):
                raise Corruption("a migration entry survives")

        bodies = [walker(), mover()]
        if bystander:
            bodies.append(third())
        return Machine(threads(*bodies), check)

    return boot


def counters(*, sections: int, locks: int) -> Boot:
    """Three threads, each of which adds one to a counter `sections` times.

    There is a counter under each lock; the threads go round them, and begin apart.
    """

    def boot() -> Machine:
        guards = [SpinLock(f"lock{i}") for i in range(locks)]
        cells = [Cell(f"counter{i}") for i in range(locks)]

        async def body(first: int) -> None:
            for section in range(first, first + sections):
                cell = cells[section % locks]
                async with guards[section % locks]:
                    await cell.write(await cell.read() + 1)

        return Machine(threads(*(body(i) for i in range(3))))

    return boot


def opposite_locks() -> Machine:
    """Two locks taken in opposite orders, and a cell that two threads store to.

    Of its seven traces one is a deadlock.  A search that asks only in a deadlock what
    the waiting threads might have done instead finds six.
    """
    one, two, cell = SpinLock("one"), SpinLock("two"), Cell("cell")

    async def storer() -> None:
        await cell.write(1)

    async def forwards() -> None:
        async with one:
            async with two:
                pass
            await cell.write(2)

    async def backwards() -> None:
        async with two:
            pass
        async with two, one:
            pass

    return Machine(threads(storer(), forwards(), backwards()))
