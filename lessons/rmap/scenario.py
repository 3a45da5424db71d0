"""Reclaim asks who has used a page that two processes share, while a VMA is cut in two.

Parent and child have both used the page since the last look, so two entries say young.
The child advises the kernel about the upper half of its memory, which cuts its VMA in
two just below the page.  No entry changes for that: a walk that counts fewer than two
has not found one that was there all the time.
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs import KernelSpec
from kmm.hw.memory import PAGE_SIZE
from kmm.kernel.syscalls import sys_madvise
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.kernel import Config, Kernel
from kmm.mm.madvise import MADV_RANDOM
from kmm.mm.mm_types import Page
from kmm.mm.rmap import page_referenced
from kmm.scenarios.process import DATA, SceneProcess, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import race_scene
from kmm.sim.failure import Corruption
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread

ENTRIES = 2  # that map the page, the parent's and the child's
UPPER = 1  # the page in question is the second of two


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """A page that was written before a fork, and used by both sides since."""
    k = start_kernel(config, spec)
    run_task(k, "kswapd0", 31, cpu=0)
    parent = start_in_scene(k, "parent", 4021, cpu=1, pages=2, flags=DATA)
    page = parent.store(UPPER, b"shared")
    child = parent.fork("child", 4022)
    child.run(child.read_back(UPPER))
    counted: list[int] = []

    def threads() -> list[KThread]:
        counted.clear()
        return [
            KThread("kswapd0", 31, 0, count(k, page, counted)),
            KThread("child", 4022, 1, cut_in_two(k, child)),
        ]

    scene = race_scene(k, threads, [parent, child])

    def check() -> None:
        scene.check()
        expect_all(counted)

    return evolve(scene, check=check)


async def count(k: Kernel, page: Page, counted: list[int]) -> None:
    """How many entries were used since the last look?"""
    used, _ = await page_referenced(k, page, is_locked=False)
    counted.append(used)


async def cut_in_two(k: Kernel, child: SceneProcess) -> None:
    """`The upper half I shall read in no order`: it gets a VMA of its own for that."""
    await sys_madvise(k, child.task, child.address(UPPER), PAGE_SIZE, MADV_RANDOM)


def expect_all(counted: list[int]) -> None:
    """Every entry was there at every moment, so every entry must have been counted.

    Raises Corruption.
    """
    if counted != [ENTRIES]:
        raise Corruption(
            f"{ENTRIES} entries map the page and were used, but the walk counted "
            f"{counted}"
        )


SCENARIO = Race(
    name="lesson.rmap",
    title="reclaim counts who has used a page, while a VMA is cut in two",
    asks="Does a walk find every entry that maps a page?",
    story=(
        "A page was written to before a fork, and both processes have used it since. "
        "Reclaim goes from the page to its anon_vma, from there to the VMA of each, "
        "and from the VMA's bounds to an address.  Meanwhile the child's VMA is cut in "
        "two: its vm_start is stored, and its vm_pgoff after that."
    ),
    watch="vm_start and vm_pgoff of the child's VMA, as they are stored and as read",
    threads=(
        "reclaim counts the entries by which the page was used",
        "madvise in the child cuts its VMA in two below the page",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=32),
    sizes=("frames",),
)
