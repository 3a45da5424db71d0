"""mremap-move, mremap-peek, mremap-merge: a mapping moves while its page is migrating.

mremap takes page-table entries from one place to another, and a migration entry goes
along.  A walk that visits both places finds it, if it comes to the source first and
waits for the page-table lock.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from attrs import evolve

from ..designs import KernelSpec
from ..hw.memory import PAGE_SIZE, VirtAddr
from ..kernel.syscalls import sys_mremap
from ..mm.boot import run_task, start_kernel
from ..mm.kernel import Config
from ..mm.mremap import MREMAP_FIXED, MREMAP_MAYMOVE
from ..sim.scene import Scene
from ..sim.thread import KThread
from .migrating import compact
from .process import BASE, DATA, SceneProcess, start_in_scene
from .race import Race
from .running import race_scene

ELSEWHERE = VirtAddr(BASE + 16 * PAGE_SIZE)

Move = Callable[[SceneProcess], Coroutine[Any, Any, None]]


def set_up(
    spec: KernelSpec, config: Config, *, before: Move | None, move: Move
) -> Scene:
    """A program has written to the second of its two pages, and may have moved it."""
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=0)
    process = start_in_scene(k, "program", 4021, 1, 2, DATA)
    page = process.store(1, b"data")
    if before is not None:
        process.run(before(process))

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("program", 4021, 1, move(process)),
        ]

    return race_scene(k, threads, [process])


async def move_away(process: SceneProcess) -> None:
    """The second page goes to a place where it has no neighbour."""
    await move_page(process, process.address(1), ELSEWHERE)


async def move_back(process: SceneProcess) -> None:
    """It comes back to where it was, and joins what it was cut from."""
    await move_page(process, ELSEWHERE, process.address(1))


async def move_page(process: SceneProcess, old: VirtAddr, new: VirtAddr) -> None:
    flags = MREMAP_MAYMOVE | MREMAP_FIXED
    await sys_mremap(process.k, process.task, old, PAGE_SIZE, PAGE_SIZE, flags, new)
    process.written[new] = process.written.pop(old)
    await process.read_back_at(new)


THREADS = (
    "compaction migrates the page",
    "mremap moves the page's mapping; then the program reads it",
)

MREMAP_MOVE = Race(
    name="mremap-move",
    title="mremap moves a mapping while its page is migrating",
    asks="Is a migration entry found that mremap takes elsewhere?",
    story=(
        "mremap makes a VMA at the new place, which goes to the tail of every list.  "
        "So a walk visits the old place first.  If the entry is still there, it is "
        "found; if it has gone, the walk has yet to come to where it went."
    ),
    watch="in which order the walk visits the two VMAs, and when the entry moves",
    threads=THREADS,
    set_up=partial(set_up, before=None, move=move_away),
    config=Config(cpus=2, frames=24, migrate_passes=1),
)

MREMAP_PEEK = evolve(
    MREMAP_MOVE,
    name="mremap-peek",
    title="the same, with an unlocked look at the entry",
    asks="Is it found by a walk that looks before it takes the page-table lock?",
    story=(
        "While an entry moves it is in neither place for a moment, under the "
        "page-table lock.  A walk that looks without the lock sees the old place empty "
        "after the entry has left, and the new one empty before it has come."
    ),
    watch="the moment between the two stores of move_ptes",
    sets={"pte-peek": "unlocked"},
)

MREMAP_MERGE = evolve(
    MREMAP_MOVE,
    name="mremap-merge",
    title="mremap moves a mapping into a VMA that is older",
    asks="Is a migration entry found if the walk comes to the destination first?",
    story=(
        "Where a mapping moves to, a neighbour may grow to take it in, instead of a "
        "new VMA being made.  The neighbour may stand before the source on the "
        "anon_vma's list.  Then a walk looks at the new place before the entry has "
        "come, and at the old one after it has gone.  No lock on the bounds of VMAs "
        "helps.  Linux mended it in 3.2, by moving the destination to the tail, and in "
        "3.7, by taking the lock of the anon_vma around the move."
    ),
    watch="the order of the anon_vma's list: which VMA is the destination?",
    set_up=partial(set_up, before=move_away, move=move_back),
)
