"""Two CPUs walk to the same page at the same time, one to read it and one to write it.

The page is mapped, but nobody has touched it since its A and D bits were cleared (as
reclaim does) and the TLBs forgot it.  Both CPUs must walk, and both set bits in the
same entry.
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs import KernelSpec
from kmm.hw.memory import EntryPointer
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.kernel import Config, Kernel
from kmm.mm.pgtable import find_pte, pte_dirty, pte_mkclean, pte_mkold, pte_young
from kmm.scenarios.process import DATA, SceneProcess, start_in_scene
from kmm.scenarios.race import Race
from kmm.scenarios.running import race_scene
from kmm.sim.failure import Corruption
from kmm.sim.machine import run_alone
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread


def set_up(spec: KernelSpec, config: Config) -> Scene:
    """The page is there; no CPU remembers where, and its entry says `not touched`."""
    k = start_kernel(config, spec)
    process = start_in_scene(k, "reader", 4021, cpu=0, flags=DATA)
    process.store(0, b"one")
    other = run_task(k, "writer", 4022, 1, process.mm)
    forget(k, process)

    async def read() -> None:
        await process.read_back(0)

    async def write() -> None:
        await other.cpu.store(process.address(0), b"one", user=True)

    def threads() -> list[KThread]:
        return [
            KThread("reader", 4021, 0, read()),
            KThread("writer", 4022, 1, write()),
        ]

    scene = race_scene(k, threads, [process])

    def check() -> None:
        scene.check()
        expect_flags(k, process)

    return evolve(scene, check=check)


def forget(k: Kernel, process: SceneProcess) -> None:
    """As if the page had not been touched for long."""
    ptep = entry_of(k, process)
    run_alone(ptep.write(pte_mkclean(pte_mkold(ptep.value))))
    for cpu in k.cpus:
        cpu.tlb.forget_all(keep_global=False)


def expect_flags(k: Kernel, process: SceneProcess) -> None:
    """A and D must both be set by now.  Raises Corruption."""
    entry = entry_of(k, process).value
    if not (pte_young(entry) and pte_dirty(entry)):
        raise Corruption(f"a page was read and written, but its entry is {entry:#x}")


def entry_of(k: Kernel, process: SceneProcess) -> EntryPointer:
    ptep = run_alone(find_pte(k, process.mm, process.address(0)))
    assert ptep is not None
    return ptep


SCENARIO = Race(
    name="lesson.page-walk",
    title="two CPUs walk to the same page",
    asks="Can a dirty bit be lost when two CPUs walk to the same page at once?",
    story=(
        "Nobody has touched the page for some time: its entry says neither accessed "
        "nor dirty, and no TLB knows it.  One CPU reads the page and one writes to it. "
        "Both walk the four tables, and both want to set bits in the last entry."
    ),
    watch="the last entry: its flags young (A) and dirty (D), and who sets them",
    threads=("a program reads the page", "another thread of it writes to the page"),
    set_up=set_up,
    config=Config(cpus=2, frames=16),
    sizes=("frames",),
)
