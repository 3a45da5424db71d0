"""A page is in flight: its one entry is a migration entry.  Its program touches it.

The run begins when the first walk has put the entry in.  What is left of the migration
is to count references, to copy, and to walk again; the program reads the page, writes
to it, and reads it again.
"""

from __future__ import annotations

from kmm.designs import KernelSpec
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.kernel import Config
from kmm.scenarios.migrating import compact
from kmm.scenarios.process import DATA, SceneProcess, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import race_scene
from kmm.sim.machine import Machine
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread

PROGRAM = 1  # the index of its thread


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """A program has written to its page, and the page is about to move."""
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=0)
    process = start_in_scene(k, "program", 4021, cpu=1, flags=DATA)
    page = process.store(0, b"one")

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("program", 4021, 1, use(process)),
        ]

    def to_the_entry(machine: Machine) -> None:
        """Let all but the program go on until nothing maps the page."""
        while page.mapcount >= 0:
            others = [t for t in machine.enabled() if t.index != PROGRAM]
            machine.step(others[0])

    return race_scene(k, threads, [process]).beginning(to_the_entry)


async def use(process: SceneProcess) -> None:
    await process.read_back(0)
    await process.write(0, b"two")
    await process.read_back(0)


SCENARIO = Race(
    name="lesson.migration",
    title="a program touches its page while the page is in flight",
    asks="Does a program that touches a page in flight read what it wrote?",
    story=(
        "The entry of the page is a migration entry, so the program faults.  The fault "
        "takes a reference to the page, and sleeps until the page is unlocked.  If "
        "that reference is there when the migration counts, the migration gives up, "
        "and puts the entry back; if it comes later, the program wakes to the copy."
    ),
    watch="PG_locked of the page and its count; who waits for whom",
    threads=(
        "compaction migrates the page; the first walk is over",
        "the program reads the page, writes to it, and reads it again",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=24, migrate_passes=1),
)
