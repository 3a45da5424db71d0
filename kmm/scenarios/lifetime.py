"""anon-vma-lifetime, anon-vma-pinned, anon-vma-window: the last process exits.

While a page is in flight, the process that has it ends.  Nothing maps the page any
more, and with the last VMA its anon_vma is freed, though the migration is about to
follow it.
"""

from __future__ import annotations

from functools import partial

from attrs import evolve

from ..designs import KernelSpec
from ..kernel.exit import do_exit
from ..mm.boot import run_task, start_kernel
from ..mm.kernel import Config
from ..sim.machine import Machine
from ..sim.scene import Scene
from ..sim.thread import KThread
from .migrating import compact
from .process import DATA, SceneProcess, start_in_scene
from .race import Race
from .running import advance, race_scene

MIGRATION, EXIT = 0, 1


def set_up(spec: KernelSpec, config: Config, *, unmapped: bool) -> Scene:
    """Compaction has the page isolated and locked; its process is on its way out.

    With `unmapped`, so far that nothing maps the page any more, though the VMA is there
    still.
    """
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=0)
    process = start_in_scene(k, "program", 4021, 1, 1, DATA)
    page = process.store(0, b"data")
    process.written.clear()

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("program", 4021, 1, end(process)),
        ]

    def begin(machine: Machine) -> None:
        advance(machine, MIGRATION, lambda: page.locked_now)
        if unmapped:
            advance(machine, EXIT, lambda: page.mapcount == -1)

    return race_scene(k, threads).beginning(begin)


async def end(process: SceneProcess) -> None:
    await do_exit(process.k, process.task, 0)


ANON_VMA_PINNED = Race(
    name="anon-vma-pinned",
    title="the last process that has a page exits while it is migrating",
    asks="Is an anon_vma kept by whoever is about to follow it?",
    story=(
        "Compaction has isolated a page and locked it.  Its process exits, and has "
        "unmapped it already; what is left to do is to take down its VMAs, and to free "
        "the anon_vma with the last of them.  The migration will look for the page's "
        "mappings by way of that anon_vma."
    ),
    watch="page->mapping, and whether the anon_vma that it leads to is freed by then",
    threads=(
        "compaction migrates the page, which it has locked",
        "the process exits: its page is unmapped, its anon_vma is about to go",
    ),
    set_up=partial(set_up, unmapped=True),
    config=Config(cpus=2, frames=24, migrate_passes=1),
)

ANON_VMA_LIFETIME = evolve(
    ANON_VMA_PINNED,
    name="anon-vma-lifetime",
    title="the same, with nothing but RCU to keep the anon_vma",
    asks="Is an RCU read section enough to keep an anon_vma?",
    sets={"anon-vma-pin": "rcu-only"},
)

ANON_VMA_WINDOW = evolve(
    ANON_VMA_PINNED,
    name="anon-vma-window",
    title="the same, from before the process has unmapped the page",
    asks="Can an anon_vma be freed just before the reference that would keep it?",
    story=(
        "Linux 2.6.35 asks whether the page is mapped, and counts a reference to the "
        "anon_vma if it is.  In between, the process may unmap the page and free the "
        "anon_vma.  Then the reference is to something that is free, and when it is "
        "given back, the anon_vma is freed once more.  Mended in 2.6.38, by asking "
        "under the anon_vma's lock (1ce82b69e96c)."
    ),
    watch="the moments between page_mapped and get_anon_vma",
    threads=(
        "compaction migrates the page, which it has locked",
        "the process exits",
    ),
    set_up=partial(set_up, unmapped=False),
)
