"""lock-order, lock-order-newest-first, retry-livelock: who takes which lock first.

An address space that was forked has two anon_vmas: its own and its parent's.  Some
kernels have threads that hold both at once.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from attrs import evolve

from ..designs import KernelSpec
from ..mm.boot import run_task, start_kernel
from ..mm.kernel import Config
from ..mm.mmap import PROT_READ, PROT_WRITE
from ..mm.mmu_notifier import mmu_notifier_register
from ..sim.scene import Scene
from ..sim.thread import KThread
from .migrating import compact
from .process import DATA, SceneProcess, start_in_scene
from .race import Race
from .running import race_scene

Program = Callable[[SceneProcess], Coroutine[Any, Any, None]]


def set_up(
    spec: KernelSpec, config: Config, *, pages: int, split_at: int, child: Program
) -> Scene:
    """A program has written to its first page, and has forked.

    The child may have cut its VMA in two (`split_at`).
    """
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=0)
    parent = start_in_scene(k, "program", 4021, 1, pages, DATA)
    page = parent.store(0, b"data")
    forked = parent.fork("child", 4022)
    if split_at:
        forked.split(split_at)

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("child", 4022, 1, child(forked)),
        ]

    return race_scene(k, threads, [parent, forked])


async def register_notifier(process: SceneProcess) -> None:
    await mmu_notifier_register(process.k, process.mm, "guest")
    await process.read_back(0)


async def keep_changing(process: SceneProcess) -> None:
    """Move the boundary between two VMAs up and down, where nothing is mapped."""
    for prot in MOVES:
        await process.mprotect(1, 1, prot)


MOVES = (PROT_READ, PROT_READ | PROT_WRITE, PROT_READ)  # each takes the VMAs' lock

LOCK_ORDER = Race(
    name="lock-order",
    title="an address space is locked as a whole while its page is migrating",
    asks="Do a walk and mm_take_all_locks take two anon_vmas in the same order?",
    story=(
        "mm_take_all_locks locks every anon_vma of an address space, and holds them "
        "all.  A walk that holds more than one anon_vma's lock must take them in the "
        "same order."
    ),
    watch="which anon_vma's lock each of the two has, and which it wants",
    threads=(
        "compaction migrates the page that both processes have",
        "the child registers an mmu notifier, for which everything is locked",
    ),
    set_up=partial(set_up, pages=1, split_at=0, child=register_notifier),
    config=Config(cpus=2, frames=32, migrate_passes=1),
)

LOCK_ORDER_NEWEST_FIRST = evolve(
    LOCK_ORDER,
    name="lock-order-newest-first",
    title="the same, with walks from the root and all locks from the newest",
    asks="What if version 6 had left mm_take_all_locks as it was?",
    sets={"rmap-walk": "root-order", "take-all-locks": "newest-first"},
)

RETRY_LIVELOCK = Race(
    name="retry-livelock",
    title="a walk meets a VMA that is being changed again and again",
    asks="Can a walk be sent back for ever?",
    story=(
        "A walk that may not wait for a VMA's lock gives up all it has when the lock "
        "is busy, and starts again.  A program that keeps changing its VMAs may have "
        "the lock each time the walk asks for it."
    ),
    watch="how often the walk has started, and how far it has come",
    threads=(
        "compaction migrates the page that both processes have",
        "the child moves the boundary of two VMAs up, down, and up again",
    ),
    set_up=partial(set_up, pages=3, split_at=1, child=keep_changing),
    config=Config(cpus=2, frames=32, migrate_passes=1),
)
