"""migration-wait: a program touches a page that is migrating, and waits."""

from __future__ import annotations

from ..designs import KernelSpec
from ..mm.boot import run_task, start_kernel
from ..mm.kernel import Config
from ..sim.scene import Scene
from ..sim.thread import KThread
from .migrating import compact
from .process import DATA, SceneProcess, start_in_scene
from .race import Race
from .running import race_scene


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """A program has written to its page."""
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=0)
    process = start_in_scene(k, "program", 4021, 1, 1, DATA)
    page = process.store(0, b"one")

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("program", 4021, 1, read_and_write(process)),
        ]

    return race_scene(k, threads, [process])


async def read_and_write(process: SceneProcess) -> None:
    await process.read_back(0)
    await process.write(0, b"two")
    await process.read_back(0)


MIGRATION_WAIT = Race(
    name="migration-wait",
    title="a program reads and writes a page that is migrating",
    asks="Does a program that meets a migration entry wait until the page is there?",
    story=(
        "A fault on a migration entry takes a reference to the page that it names, and "
        "waits for that page's lock, which the migration has.  When it is free, the "
        "access is tried again.  If the reference is taken before the page is copied, "
        "the migration gives up and puts everything back."
    ),
    watch="the page's lock and its count, and what the program reads",
    threads=(
        "compaction migrates the program's page",
        "the program reads the page, writes to it, and reads it again",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=24, migrate_passes=1),
)
