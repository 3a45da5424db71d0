"""A program forks, and another of its threads goes on writing.

The child is to have the memory that its parent had at the fork, whatever the parent
does afterwards.  Both have the same page, read-only; but the other thread has written
to it before, on another CPU, whose TLB remembers that it may.
"""

from __future__ import annotations

from kmm.designs import KernelSpec
from kmm.kernel.fork import copy_process
from kmm.kernel.sched import context_switch
from kmm.mm.boot import run_on, run_task, start_kernel
from kmm.mm.kernel import Config
from kmm.mm.mm_types import Task
from kmm.scenarios.process import DATA, SceneProcess, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import race_scene
from kmm.sim.failure import Corruption
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread

BEFORE, PARENTS, CHILDS = b"one", b"two", b"own"


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """The page has been written to, by the second thread as well."""
    k = start_kernel(config, spec)
    parent = start_in_scene(k, "parent", 4021, cpu=0, flags=DATA)
    parent.store(0, BEFORE)
    thread = run_task(k, "thread", 4022, 1, parent.mm)
    run_on(k, thread.cpu.store(parent.address(0), BEFORE, user=True), cpu=1)

    processes = [parent]

    def threads() -> list[KThread]:
        return [
            KThread("parent", 4021, 0, fork_and_look(parent, processes)),
            KThread("thread", 4022, 1, write(thread, parent)),
        ]

    return race_scene(k, threads, processes)


async def fork_and_look(parent: SceneProcess, processes: list[SceneProcess]) -> None:
    """fork; then the child has the CPU, reads its page twice, and writes to it.

    Raises Corruption if the page changes though nobody writes to the child's memory.
    """
    k, address = parent.k, parent.address(0)
    task = await copy_process(k, parent.task)
    assert isinstance(task, Task), "a scenario has memory enough to start with"
    assert task.mm is not None
    child = SceneProcess(k, task, task.mm, task.mm.mmap[0])
    processes.append(child)
    await context_switch(k, parent.task, task)
    first = await task.cpu.load(address, len(BEFORE), user=True)
    second = await task.cpu.load(address, len(BEFORE), user=True)
    if first != second:
        raise Corruption(f"the child reads {first!r}, and then {second!r}")
    await child.write(0, CHILDS)


async def write(thread: Task, parent: SceneProcess) -> None:
    """What the parent's memory is to hold in the end."""
    parent.written[parent.address(0)] = PARENTS
    await thread.cpu.store(parent.address(0), PARENTS, user=True)


SCENARIO = Race(
    name="lesson.fork",
    title="a program forks while another of its threads writes",
    asks="Can a child's memory change after the fork, by what its parent writes?",
    story=(
        "fork gives the child the parent's pages, and makes them read-only in both, so "
        "that whoever writes first gets a copy.  Another thread of the parent has "
        "written to the page before, on another CPU.  What that CPU remembers is older "
        "than the fork."
    ),
    watch="when CPU 1 writes, and to which frame; then mapcount, and who copies",
    threads=(
        "a program forks; the child reads its page twice, and then writes to it",
        "another thread of the program writes to that page",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=32),
    sizes=("frames",),
)
