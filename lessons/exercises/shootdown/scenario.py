"""A page migrates to which two threads of a program write, each on a CPU of its own.

Compaction runs on CPU 2, which is not the first, so its requests are not in slot 0.
"""

from __future__ import annotations

from kmm.designs import KernelSpec
from kmm.hw.memory import VirtAddr
from kmm.mm.boot import run_on, run_task, start_kernel
from kmm.mm.kernel import Config
from kmm.mm.mm_types import Task
from kmm.mm.swap import lru_add_drain_all
from kmm.scenarios.migrating import compact
from kmm.scenarios.process import DATA, SceneProcess, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import race_scene
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread

LENGTH = 4  # bytes that each thread writes


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """Both threads have written, so the TLBs of CPUs 0 and 1 know that they may."""
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=2)
    process = start_in_scene(k, "main", 4021, cpu=0, flags=DATA)
    helper = run_task(k, "helper", 4022, 1, process.mm)
    tasks = (process.task, helper)
    for number, task in enumerate(tasks):
        run_on(k, write(process, task, number, b"old"), cpu=number)
    run_on(k, lru_add_drain_all(k), cpu=0)
    page = process.page(0)
    assert page is not None

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 2, compact(k, page)),
            *(
                KThread(task.comm, task.pid, n, write(process, task, n, b"new"))
                for n, task in enumerate(tasks)
            ),
        ]

    return race_scene(k, threads, [process])


async def write(process: SceneProcess, task: Task, place: int, data: bytes) -> None:
    """A thread writes to its own part of the page."""
    address = VirtAddr(process.address(0) + place * LENGTH)
    process.written[address] = data
    await task.cpu.store(address, data, user=True)


SCENARIO = Race(
    name="exercise.shootdown",
    title="a page migrates that two other CPUs write to",
    asks="Are all CPUs asked to forget a page, and waited for?",
    story=(
        "Two threads of a program write to one page, each on a CPU of its own, and a "
        "third CPU moves the page.  Both CPUs know the page from their TLBs, so both "
        "must be interrupted, and have answered, before it is copied."
    ),
    watch="flush_cpumask: who has answered when the page is copied?",
    threads=(
        "compaction migrates the page",
        "a thread of the program writes once more",
        "and so does another, on another CPU",
    ),
    set_up=set_up,
    config=Config(cpus=3, frames=20, migrate_passes=1),
)
