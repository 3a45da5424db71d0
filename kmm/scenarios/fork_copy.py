"""fork-copy: a process forks while a page of it is migrating.

fork copies page-table entries, and a migration entry is one.  The second walk must find
the copy too.
"""

from __future__ import annotations

from ..designs import KernelSpec
from ..kernel.fork import copy_process
from ..mm.boot import run_task, start_kernel
from ..mm.kernel import Config
from ..mm.mm_types import Task
from ..sim.failure import Corruption
from ..sim.scene import Scene
from ..sim.thread import KThread
from .migrating import compact
from .process import DATA, SceneProcess, start_in_scene
from .race import Race
from .running import race_scene


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """A program has written to its one page."""
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=0)
    parent = start_in_scene(k, "program", 4021, 1, 1, DATA)
    page = parent.store(0, b"data")
    processes = [parent]

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("program", 4021, 1, fork(parent, processes)),
        ]

    return race_scene(k, threads, processes)


async def fork(parent: SceneProcess, processes: list[SceneProcess]) -> None:
    """fork; the child does not run yet, but must have what its parent wrote."""
    child = await copy_process(parent.k, parent.task)
    if not isinstance(child, Task) or child.mm is None:
        raise Corruption("fork failed, with memory left")
    processes.append(
        SceneProcess(parent.k, child, child.mm, child.mm.mmap[0], dict(parent.written))
    )


FORK_COPY = Race(
    name="fork-copy",
    title="a process forks while a page of it is migrating",
    asks="Does a walk come to the copy of a migration entry that fork makes?",
    story=(
        "The child's VMA goes to the tail of the anon_vma's list before any entry is "
        "copied, and so a walk visits the parent first.  If it meets the parent's "
        "entry before the copy, what is copied is a mapping; if after, it has yet to "
        "come to the child.  Version 1 of the series made fork wait for migration; "
        "there was no need."
    ),
    watch="the order of the anon_vma's list, and when the entry is copied",
    threads=(
        "compaction migrates the program's page",
        "the program forks",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=32, migrate_passes=1),
)
