"""detangle: asyncio tasks in an order of its own, by chance or by counted delays.

A task can be interrupted where it awaits, so every access to shared memory, and every
taking and giving back of a lock, is preceded by `asyncio.sleep(0)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.metadata import version
from statistics import median
from typing import Any

from benchmarks.explorers.programs import FIXED, SCALED, TOY, scaled
from benchmarks.explorers.rows import Effort, Goal, Outcome, Row, hand_on, stopwatch
from benchmarks.explorers.toy import MIGRATION, NEW, NONE, OLD, PRESENT

Program = Callable[[], Awaitable[None]]


class Cell:
    def __init__(self, value: int) -> None:
        self.value = value

    async def read(self) -> int:
        await asyncio.sleep(0)
        return self.value

    async def write(self, value: int) -> None:
        await asyncio.sleep(0)
        self.value = value


@asynccontextmanager
async def holding(lock: asyncio.Lock) -> Any:
    await asyncio.sleep(0)
    await lock.acquire()
    yield
    await asyncio.sleep(0)
    lock.release()


def toy(*, fixed: bool) -> Program:
    async def program() -> None:
        anon_vma, page_table_lock = asyncio.Lock(), asyncio.Lock()
        pte = [Cell(MIGRATION), Cell(NONE), Cell(MIGRATION)]
        start = [Cell(0), Cell(OLD)]

        async def walk() -> None:
            async with holding(anon_vma):
                for vma_start in start:
                    address = await vma_start.read()
                    async with holding(page_table_lock):
                        if await pte[address].read() == MIGRATION:
                            await pte[address].write(PRESENT)

        async def move() -> None:
            async with holding(page_table_lock):
                entry = await pte[OLD].read()
                await pte[OLD].write(NONE)
                await pte[NEW].write(entry)
            await start[1].write(NEW)

        async def move_locked() -> None:
            async with holding(anon_vma):
                await move()

        await asyncio.gather(walk(), move_locked() if fixed else move())
        assert all(entry.value != MIGRATION for entry in pte)

    return program


def counters(sections: int, locks: int) -> Program:
    async def program() -> None:
        guards = [asyncio.Lock() for _ in range(locks)]
        cells = [Cell(0) for _ in range(locks)]

        async def count(first: int) -> None:
            for section in range(first, first + sections):
                cell = cells[section % locks]
                async with holding(guards[section % locks]):
                    await cell.write(await cell.read() + 1)

        await asyncio.gather(*(count(first) for first in range(3)))

    return program


def explored(program: Program, strategy: str, seed: int, effort: Effort) -> Any:
    """Its statistics, or its report of a bug; `runs` is in both."""
    detangle: Any = import_module("detangle")
    try:
        return detangle.explore(
            program,
            strategy=strategy,
            seed=seed,
            runs=10_000_000,
            max_duration=effort.seconds,
            shrink=False,
            database=False,
        )
    except detangle.BugFound as bug:
        return bug.report


def row(method: str, program: str, goal: Goal, seconds: float, result: Any) -> Row:
    if hasattr(result, "failure"):
        return Row(method, program, goal, Outcome.BUG, result.runs, seconds, "BugFound")
    outcome = Outcome.COVERED if result.exhausted else Outcome.STOPPED
    says = f"no bug found, exhausted={result.exhausted}"
    return Row(method, program, goal, outcome, result.runs, seconds, says)


def at_random(method: str, strategy: str, effort: Effort) -> Row:
    """The first bug at the median of some seeds."""
    seeds = range(10 if effort.quick else 100)
    time = stopwatch()
    runs = [explored(toy(fixed=False), strategy, seed, effort).runs for seed in seeds]
    seconds = time() / len(seeds)
    return Row(method, TOY, Goal.FIRST, Outcome.BUG, median(runs), seconds, "BugFound")


def measure(effort: Effort) -> Iterator[Row]:
    yield at_random("random", "random", effort)
    yield at_random("PCT, depth 2", "pct:2", effort)
    yield at_random("PCT, depth 3", "pct:3", effort)
    for delays in (2, 20):
        strategy, method = f"dfs:{delays}", f"at most {delays} delays"
        for program, fixed in ((TOY, False), (FIXED, True)):
            time = stopwatch()
            result = explored(toy(fixed=fixed), strategy, 0, effort)
            goal = Goal.ALL if fixed else Goal.FIRST
            yield row(method, program, goal, time(), result)
    for program in (scaled(3, 1), scaled(3, 2), scaled(3, 3)):
        time = stopwatch()
        result = explored(counters(*SCALED[program]), "dfs:2", 0, effort)
        yield row("at most 2 delays", program, Goal.ALL, time(), result)
    time = stopwatch()
    program = scaled(3, 1)
    result = explored(counters(*SCALED[program]), "dfs:20", 0, effort)
    yield row("at most 20 delays", program, Goal.ALL, time(), result)


if __name__ == "__main__":
    hand_on("detangle", version("detangle"), measure)
