"""Eight frames of sixteen are free, and they do not lie together.

Two pageblocks of eight frames belong to one program.  In the lower block it has a
single page, in the midst, and in the upper one a single frame is free.  The zone is
compacted, which moves the page there, while the program writes to just that page.
"""

from __future__ import annotations

from kmm.designs import KernelSpec
from kmm.hw.memory import PAGE_SIZE
from kmm.kernel.syscalls import sys_madvise
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.compaction import COMPACT_ALL, CompactControl, compact_zone
from kmm.mm.kernel import Config, Kernel
from kmm.mm.madvise import MADV_DONTNEED
from kmm.mm.swap import lru_add_drain
from kmm.scenarios.process import DATA, SceneProcess, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import race_scene
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread

# Three pageblocks are free at first.  The page tables get the last: pages of a kind
# are kept together.
LOWER, UPPER, TABLES = range(8, 16), range(40, 48), range(56, 64)
PAGES = len(LOWER) + len(UPPER)
IN_THE_WAY, HOLE = LOWER[3], UPPER[4]
KEPT = {IN_THE_WAY, *UPPER} - {HOLE}  # frames


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """A program has filled both blocks, and given half of its pages back."""
    k = start_kernel(config, spec, [LOWER, UPPER, TABLES])
    run_task(k, "compact", 3977, cpu=0)
    process = start_in_scene(k, "program", 4021, cpu=1, pages=PAGES, flags=DATA)
    for number in range(PAGES):
        process.store(number, b"old")
    give_back(k, process)
    number = next(n for n in range(PAGES) if frame(process, n) == IN_THE_WAY)

    async def compact() -> None:
        await compact_zone(k, CompactControl(k.zones[0], COMPACT_ALL))
        await lru_add_drain(k)  # what is to be free waits in a pagevec

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact()),
            KThread("program", 4021, 1, process.write(number, b"new")),
        ]

    return race_scene(k, threads, [process])


def give_back(k: Kernel, process: SceneProcess) -> None:
    """All pages but those in the frames KEPT."""
    for number in range(PAGES):
        if frame(process, number) in KEPT:
            continue
        address = process.address(number)
        process.run(sys_madvise(k, process.task, address, PAGE_SIZE, MADV_DONTNEED))
        del process.written[address]


def frame(process: SceneProcess, number: int) -> int | None:
    """Where a page is; None if it was given back."""
    page = process.page(number)
    return page.pfn if page else None


SCENARIO = Race(
    name="lesson.compaction",
    title="a zone is compacted while a program writes to a page that is in the way",
    asks="Can compaction move a page of a program that runs, and lose nothing?",
    story=(
        "Half of the frames of two pageblocks are free: seven in the lower one, where "
        "a single page is in the way, and one in the upper.  One scanner goes upwards "
        "and finds the page; another goes downwards and finds the frame.  The page is "
        "moved there, while its program writes to it."
    ),
    watch="free blocks by order (/proc/buddyinfo), at the start and at the end",
    threads=(
        "the zone is compacted",
        "the program writes to the page that is in the way",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=64, pageblock_order=3, migrate_passes=1),
)
