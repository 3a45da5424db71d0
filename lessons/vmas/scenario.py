"""Two threads of a program make the same stack grow at the same time.

The main thread has a buffer of two pages on its stack, below all that it has touched.
It writes to the upper page, and a helper thread writes to the lower one.  Both fault
below the stack's VMA, and both faults hold mmap_sem for reading only, so both may make
the VMA grow.
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs import KernelSpec
from kmm.hw.memory import PAGE_SHIFT, VirtAddr
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.kernel import Config
from kmm.mm.mm_types import Task, VmArea
from kmm.mm.vma import insert_vm_struct, vm_area_alloc
from kmm.scenarios.process import DATA, STACK, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import race_scene
from kmm.sim.failure import Corruption
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread

LOWER, UPPER, TOP = 2, 3, 4  # pages: two of the buffer, and the one that is touched


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """Data at page 0, and a stack of one page, TOP, that has been written to."""
    k = start_kernel(config, spec)
    process = start_in_scene(k, "main", 4021, cpu=0, flags=DATA)
    start, end = process.address(TOP), process.address(TOP + 1)
    stack = vm_area_alloc(k, process.mm, start, end, STACK)
    insert_vm_struct(process.mm, stack)
    process.store(TOP, b"top")
    helper = run_task(k, "helper", 4022, 1, process.mm)

    def threads() -> list[KThread]:
        return [
            KThread("main", 4021, 0, process.write(UPPER, b"upper")),
            KThread("helper", 4022, 1, write(helper, process.address(LOWER), b"lower")),
        ]

    scene = race_scene(k, threads, [process])

    def check() -> None:
        scene.check()
        expect_grown(stack, process.address(LOWER))

    return evolve(scene, check=check)


async def write(task: Task, address: VirtAddr, data: bytes) -> None:
    """One instruction of a program."""
    await task.cpu.store(address, data, user=True)


def expect_grown(stack: VmArea, lowest: VirtAddr) -> None:
    """The VMA covers both, and numbers its pages as before.  Raises Corruption."""
    if (stack.vm_start, stack.vm_pgoff) != (lowest, lowest >> PAGE_SHIFT):
        raise Corruption(
            f"a stack was touched at {lowest:#x}, but begins at {stack.vm_start:#x} "
            f"with page {stack.vm_pgoff:#x}"
        )


SCENARIO = Race(
    name="lesson.vmas",
    title="two threads make a stack grow at once",
    asks="Can two faults that make one stack grow undo each other's work?",
    story=(
        "A program has a buffer of two pages on its stack, below what it has touched.  "
        "Two threads write to it, a page each.  Both faults find the address below the "
        "stack, and make the VMA grow, which takes two stores; neither keeps the other "
        "out by mmap_sem."
    ),
    watch="vm_start and vm_pgoff of the stack, and the lock under which they change",
    threads=(
        "the program writes to the upper page of a buffer on its stack",
        "a helper thread writes to the lower one",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=16),
    sizes=("frames",),
)
