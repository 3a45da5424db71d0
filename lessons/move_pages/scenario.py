"""move_pages moves a page, and the program that has the page cuts its VMA meanwhile.

The same change, met by compaction, loses a migration entry on 2.6.34 (vma-adjust).
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs import KernelSpec
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.kernel import Config
from kmm.mm.move_pages import MPOL_MF_MOVE, page_to_nid, sys_move_pages
from kmm.scenarios.adjust import protect_upper_half
from kmm.scenarios.process import DATA, SceneProcess, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import race_scene
from kmm.sim.failure import Corruption
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread

HERE, THERE = 1, 0  # nodes; CPU 1 is of node 1, and the program runs there


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """A program has a page on one node, and somebody wants it to be on the other."""
    k = start_kernel(config, spec)
    run_task(k, "migratepages", 3977, cpu=0)
    process = start_in_scene(k, "program", 4021, 1, pages=2, flags=DATA)
    process.store(1, b"data")
    statuses: dict[int, int] = {}

    async def move() -> None:
        where = [process.address(1)]
        _, found = await sys_move_pages(k, process.mm, where, [THERE], MPOL_MF_MOVE)
        statuses.update(found)

    def threads() -> list[KThread]:
        statuses.clear()
        return [
            KThread("migratepages", 3977, 0, move()),
            KThread("program", 4021, 1, protect_upper_half(process)),
        ]

    scene = race_scene(k, threads, [process])

    def check() -> None:
        scene.check()
        expect_status(process, statuses[0])

    return evolve(scene, check=check)


def expect_status(process: SceneProcess, status: int) -> None:
    """What the call has said of the page must be so.  Raises Corruption."""
    page = process.page(1)
    assert page is not None
    node = page_to_nid(page)
    if node != (status if status >= 0 else HERE):
        raise Corruption(f"move_pages reports {status}, but the page is on node {node}")


SCENARIO = Race(
    name="lesson.move-pages",
    title="move_pages moves a page of a program that cuts the VMA meanwhile",
    asks="Can a program change its VMAs while move_pages moves a page of it?",
    story=(
        "A call of move_pages is to bring a program's page to the other node.  On the "
        "other CPU the program takes from that page the right to write, for which its "
        "VMA is cut in two; then it reads the page."
    ),
    watch="mmap_sem: who has it, who waits for it, and what is over when it is free",
    threads=(
        "move_pages brings the page to the other node",
        "the program cuts the VMA below the page; then it reads the page",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=48, nodes=2, pageblock_order=3, migrate_passes=1),
)
