"""A program takes a snapshot of a page, by way of write-protecting it.

One thread makes the page read-only with mprotect, and then reads it twice: nobody may
write to it in between, so it must find the same both times.  (Garbage collectors and
checkpoints work like this.)  Another thread, on another CPU, has written to the page
before and writes again.  It may be in time, or it gets a signal.
"""

from __future__ import annotations

from contextlib import suppress

from kmm.designs import KernelSpec
from kmm.hw.cpu import Cpu
from kmm.mm.boot import run_on, run_task, start_kernel
from kmm.mm.fault import FatalSignal
from kmm.mm.kernel import Config
from kmm.mm.mmap import PROT_READ
from kmm.scenarios.process import DATA, SceneProcess, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import race_scene
from kmm.sim.failure import Corruption
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread

BEFORE, AFTER = b"one", b"two"


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """The writer has written once, so the TLB of CPU 1 knows that it may."""
    k = start_kernel(config, spec)
    process = start_in_scene(k, "snapshot", 4021, cpu=0, flags=DATA)
    process.store(0, BEFORE)
    writer = run_task(k, "writer", 4022, 1, process.mm)
    run_on(k, writer.cpu.store(process.address(0), BEFORE, user=True), cpu=1)
    process.written.clear()  # either may be in memory when all is over

    def threads() -> list[KThread]:
        return [
            KThread("snapshot", 4021, 0, take_snapshot(process)),
            KThread("writer", 4022, 1, write_again(writer.cpu, process)),
        ]

    return race_scene(k, threads, [process])


async def take_snapshot(process: SceneProcess) -> None:
    """Make the page read-only, and read it twice.  Raises Corruption."""
    await process.mprotect(0, 1, PROT_READ)
    cpu, address = process.task.cpu, process.address(0)
    first = await cpu.load(address, len(BEFORE), user=True)
    second = await cpu.load(address, len(BEFORE), user=True)
    if first != second:
        raise Corruption(f"a read-only page holds {first!r}, and then {second!r}")


async def write_again(cpu: Cpu, process: SceneProcess) -> None:
    """Write once more.  If the page is read-only by now, SIGSEGV is what is due."""
    with suppress(FatalSignal):
        await cpu.store(process.address(0), AFTER, user=True)


SCENARIO = Race(
    name="lesson.tlb",
    title="a page is made read-only while another CPU writes to it",
    asks="When mprotect has returned, can another thread still write to the page?",
    story=(
        "A thread makes a page read-only, and reads it twice.  Another thread of the "
        "program has written to the page from another CPU, whose TLB remembers that it "
        "may.  Page tables are in memory, and mprotect changes them; a TLB is in the "
        "CPU, and must be told."
    ),
    watch="what the TLB of CPU 1 remembers, and when CPU 1 writes",
    threads=(
        "a thread makes the page read-only, and reads it twice",
        "another thread writes to it once more",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=16),
    sizes=("frames",),
)
