"""A page migrates that two CPUs know from their TLBs, and one of them writes to it.

The main thread of a program has written to the page on CPU 0, and so has another on
CPU 1, which is about to write once more.  Compaction runs on CPU 2, which is not the
first, so its requests are not in slot 0; and it has emptied the entry already.
"""

from __future__ import annotations

from kmm.designs import KernelSpec
from kmm.mm.boot import run_on, run_task, start_kernel
from kmm.mm.kernel import Config
from kmm.mm.mm_types import Task
from kmm.scenarios.migrating import compact
from kmm.scenarios.process import DATA, SceneProcess, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import advance, race_scene
from kmm.sim.machine import Machine
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """The TLBs of CPUs 0 and 1 have the page, and say that it may be written to."""
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=2)
    process = start_in_scene(k, "main", 4021, cpu=0, flags=DATA)
    page = process.store(0, b"old")
    helper = run_task(k, "helper", 4022, 1, process.mm)
    run_on(k, write(process, helper, b"one"), cpu=1)

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 2, compact(k, page)),
            KThread("helper", 4022, 1, write(process, helper, b"two")),
        ]

    def begin(machine: Machine) -> None:
        """The migration has emptied the entry, and has told nobody."""
        advance(machine, 0, lambda: process.page(0) is None)

    return race_scene(k, threads, [process]).beginning(begin)


async def write(process: SceneProcess, task: Task, data: bytes) -> None:
    """One instruction of a thread."""
    process.written[process.address(0)] = data
    await task.cpu.store(process.address(0), data, user=True)


SCENARIO = Race(
    name="exercise.shootdown",
    title="a page migrates that two other CPUs know",
    asks="Are all CPUs asked to forget a page, and waited for?",
    story=(
        "Two threads of a program have written to a page, each on a CPU of its own, "
        "and a third CPU moves it.  Both know the page from their TLBs, so both must "
        "be interrupted, and have answered, before it is copied."
    ),
    watch="flush_cpumask: who has answered when the page is copied?",
    threads=(
        "compaction migrates the page, whose entry it has emptied",
        "a thread of the program writes once more",
    ),
    set_up=set_up,
    config=Config(cpus=3, frames=20, migrate_passes=1),
)
