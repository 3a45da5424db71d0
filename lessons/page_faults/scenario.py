"""Two threads of a program touch a page for the first time, at the same time.

Its entry is empty, so both CPUs fault, and the kernel answers both faults at once:
mmap_sem keeps neither out, since both take it for reading.  Each thread writes four
bytes of its own.  If each were given a page, one of the two would be lost.
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs import KernelSpec
from kmm.hw.memory import PAGE_SHIFT, PhysAddr, VirtAddr
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.kernel import Config
from kmm.mm.mm_types import Task
from kmm.scenarios.process import DATA, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import race_scene
from kmm.sim.failure import Corruption
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread

FIRST, SECOND = b"one.", b"two."


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """A program of two pages.  It has used the upper one, so the tables are there."""
    k = start_kernel(config, spec)
    process = start_in_scene(k, "first", 4021, cpu=0, pages=2, flags=DATA)
    process.store(1, b"here")
    other = run_task(k, "second", 4022, 1, process.mm)
    start = process.address(0)

    def threads() -> list[KThread]:
        return [
            KThread("first", 4021, 0, write(process.task, start, FIRST)),
            KThread(
                "second", 4022, 1, write(other, VirtAddr(start + len(FIRST)), SECOND)
            ),
        ]

    scene = race_scene(k, threads, [process])

    def check() -> None:
        page = process.page(0)
        assert page is not None, "both writes have come through"
        expected = FIRST + SECOND
        found = k.memory.read(PhysAddr(page.pfn << PAGE_SHIFT), len(expected))
        if found != expected:
            raise Corruption(f"{expected!r} was written, and memory holds {found!r}")
        scene.check()

    return evolve(scene, check=check)


async def write(task: Task, address: VirtAddr, data: bytes) -> None:
    """One instruction of a program."""
    await task.cpu.store(address, data, user=True)


SCENARIO = Race(
    name="lesson.page-faults",
    title="two threads touch a new page at once",
    asks="Can two first writes to a page be given a page each, so that one is lost?",
    story=(
        "Two threads of a program write to a page that neither has touched.  Its entry "
        "is empty, so both CPUs fault.  Both faults find the entry empty, and both "
        "allocate a page.  The lock of the page table lets one of them in first."
    ),
    watch="the entry, and what becomes of the second page that was allocated",
    threads=(
        "a program writes to a page for the first time",
        "another thread of it does, four bytes further on",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=16),
    sizes=("frames",),
)
