"""vma-adjust, boundary-shift, boundary-shift-child, hole-punch: VMAs change.

A walk of the reverse map works out where a page is from the bounds of a VMA.  While one
of its walks is under way, the program has its VMAs cut, or the boundary between two of
them moved.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from attrs import evolve

from ..designs import KernelSpec
from ..hw.memory import PAGE_SIZE
from ..kernel.syscalls import sys_munmap
from ..mm.boot import run_task, start_kernel
from ..mm.kernel import Config
from ..mm.mmap import PROT_READ
from ..sim.scene import Scene
from ..sim.thread import KThread
from .migrating import (
    ROOMY,
    TWO_NODES,
    Migration,
    compact_all,
    compact_page,
    hot_remove,
    move_pages,
)
from .process import DATA, SceneProcess, start_in_scene
from .race import Race
from .running import at_isolation, race_scene

Program = Callable[[SceneProcess], Coroutine[Any, Any, None]]


def set_up(
    spec: KernelSpec,
    config: Config,
    *,
    pages: int,
    written: int,
    split_at: int,
    program: Program,
    forked: bool = False,
    rewritten: bool = False,
    migration: Migration = compact_page,
    isolated: bool = False,
) -> Scene:
    """A program with one VMA, of which one page has been written to.

    It may have been cut in two before (`split_at`), and that may have been done by a
    child, after a fork: then the page is both processes', and its mapping is the
    parent's anon_vma.  Unless the child has written to it since (`rewritten`): then it
    has a copy with its own anon_vma, and that is the page which migrates.  With
    `isolated`, who migrates the page has come to it.
    """
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=0)
    parent = start_in_scene(k, "program", 4021, 1, pages, DATA)
    page = parent.store(written, b"data")
    processes = [parent]
    if forked:
        processes.append(parent.fork("child", 4022))
    owner, process = parent, processes[-1]
    if rewritten:
        owner, page = process, process.store(written, b"own")
    if split_at:
        process.split(split_at)
    task, where = process.task, process.address(written)

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, migration(k, page, owner.mm, where)),
            KThread(task.comm, task.pid, 1, program(process)),
        ]

    scene = race_scene(k, threads, processes)
    return scene.beginning(at_isolation(0, page)) if isolated else scene


async def protect_upper_half(process: SceneProcess) -> None:
    await process.mprotect(1, 1, PROT_READ)
    await process.read_back(1)


async def move_boundary_up(process: SceneProcess) -> None:
    """The upper VMA's first page gets the lower one's rights, and joins it."""
    await process.mprotect(1, 1, PROT_READ)
    await process.read_back(1)


async def punch_hole(process: SceneProcess) -> None:
    k, task = process.k, process.task
    await sys_munmap(k, task, process.address(1), PAGE_SIZE)
    await process.read_back(2)


SIZES = ("frames", "migrate_passes")
MIGRATES = "compaction migrates the page that the program has written to"

cut_in_two = partial(set_up, pages=2, written=1, split_at=0, program=protect_upper_half)
by_others = partial(cut_in_two, isolated=True)

VMA_ADJUST = Race(
    name="vma-adjust",
    title="a VMA is cut in two while a page of its upper half is migrating",
    asks="Can a walk read the bounds of a VMA half old and half new?",
    story=(
        "mprotect of the upper half of a VMA cuts it in two.  The old structure stays "
        "the upper half, so its vm_start goes up, and then, by another store, its "
        "vm_pgoff.  A walk that comes by in between works out an address beyond the "
        "end, and passes over the VMA that has its entry."
    ),
    watch="vm_start and vm_pgoff of the VMA: which of them does the second walk read?",
    threads=(MIGRATES, "mprotect cuts the VMA; then the program reads the page"),
    set_up=cut_in_two,
    config=Config(cpus=2, frames=24, migrate_passes=1),
    sizes=SIZES,
    triggers={
        "compaction": (partial(by_others, migration=compact_all), ROOMY),
        "hot-remove": (partial(by_others, migration=hot_remove), ROOMY),
        # move_pages holds the mmap_sem of the process that it is asked about.  So the
        # page must be another's too, who changes its VMAs meanwhile.
        "move_pages": (
            partial(by_others, migration=move_pages, forked=True),
            TWO_NODES,
        ),
    },
)

BOUNDARY_SHIFT = Race(
    name="boundary-shift",
    title="a boundary moves past a page that is migrating",
    asks="Can a page be in neither of two neighbours whose boundary moves over it?",
    story=(
        "Two VMAs stand side by side, and the page that migrates is the upper one's "
        "first.  mprotect gives it to the lower one.  A walk that looks at the lower "
        "VMA before that, and at the upper one after, is told by both that the page is "
        "not theirs.  Each of them was read in one piece."
    ),
    watch="the boundary: where is it when the walk visits each of the two VMAs?",
    threads=(MIGRATES, "mprotect moves the boundary; then the program reads the page"),
    set_up=partial(set_up, pages=3, written=1, split_at=1, program=move_boundary_up),
    config=Config(cpus=2, frames=24, migrate_passes=1),
    sizes=SIZES,
)

BOUNDARY_SHIFT_CHILD = evolve(
    BOUNDARY_SHIFT,
    name="boundary-shift-child",
    title="the same in a forked child, for a page that its parent wrote",
    asks=(
        "Does one lock cover both neighbours and the whole walk, if the page's "
        "anon_vma is not the VMAs' own?"
    ),
    story=(
        "As in boundary-shift, but the two VMAs are a forked child's, and the page was "
        "written before the fork: its mapping is the parent's anon_vma, and the "
        "child's VMAs have one of their own.  Who moves the boundary takes the child's "
        "lock.  A walk that takes that lock for each VMA, and gives it back before "
        "the next, leaves room for the boundary to move in between."
    ),
    watch="which anon_vma's lock each side holds, and when the walk has none of them",
    threads=(MIGRATES, "in the child, mprotect moves the boundary; the child reads"),
    set_up=partial(
        set_up,
        pages=3,
        written=1,
        split_at=1,
        program=move_boundary_up,
        forked=True,
    ),
    config=Config(cpus=2, frames=32, migrate_passes=1),
)

HOLE_PUNCH = Race(
    name="hole-punch",
    title="a hole is punched below a page that is migrating",
    asks="Does munmap in the middle of a VMA lose a migration entry above the hole?",
    story=(
        "munmap in the middle cuts a VMA twice.  The upper rest keeps the old "
        "structure after the second cut, whose start and vm_pgoff go up by two stores."
    ),
    watch="vm_start and vm_pgoff of the VMA above the hole",
    threads=(MIGRATES, "munmap punches a hole below it; then the program reads it"),
    set_up=partial(set_up, pages=3, written=2, split_at=0, program=punch_hole),
    config=Config(cpus=2, frames=24, migrate_passes=1),
    sizes=SIZES,
)
