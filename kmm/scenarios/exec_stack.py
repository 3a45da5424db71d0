"""exec-stack: execve moves a stack while one of its pages is migrating.

The race of the letter's patch 2.  CPU 1 is in execve: the new program's strings are
on the temporary stack, and the stack is about to move to its final place.  CPU 0
compacts memory and has picked the stack's page.
"""

from __future__ import annotations

from functools import partial

from attrs import evolve

from ..designs import KernelSpec
from ..fs.binfmt_elf import load_elf_binary
from ..fs.exec import ADDRESS_BYTES, BinPrm, prepare_exec
from ..hw.memory import PAGE_MASK, PAGE_SIZE, VirtAddr
from ..mm.boot import run_on, run_task, start_kernel
from ..mm.kernel import Config, Kernel
from ..mm.mm_types import Page, Task
from ..mm.mmzone import LRU_ACTIVE_ANON
from ..mm.observe import owners_of
from ..mm.pgtable import find_pte, pte_pfn
from ..mm.swap import lru_add_drain
from ..sim.failure import Corruption
from ..sim.machine import run_alone
from ..sim.scene import Scene
from ..sim.thread import KThread
from .migrating import (
    ROOMY,
    TWO_NODES,
    Migration,
    compact_all,
    compact_page,
    hot_remove,
    move_pages,
)
from .race import Race
from .running import at_isolation, race_scene

ARGV = [b"date"]


def set_up(
    spec: KernelSpec,
    config: Config,
    *,
    migration: Migration = compact_page,
    isolated: bool = False,
) -> Scene:
    """The stack is built and holds its strings; nothing has moved yet.

    That happens before the run begins, and so is none of its steps.
    With `isolated`, who migrates the page has come to it.
    """
    k = start_kernel(config, spec)
    run_task(k, "compact", 3977, cpu=0)
    task = run_task(k, "sh", 4021, cpu=1)
    bprm = run_on(k, build_stack(k), cpu=1)
    (page,) = (page for zone in k.zones for page in zone.lru[LRU_ACTIVE_ANON])

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, migration(k, page, bprm.mm, bprm.p)),
            KThread("date", task.pid, 1, execve(k, task, bprm)),
        ]

    scene = race_scene(k, threads)
    return scene.beginning(at_isolation(0, page)) if isolated else scene


async def build_stack(k: Kernel) -> BinPrm:
    """The first half of execve, and the page of strings on the LRU, to be found."""
    bprm = await prepare_exec(k, "/bin/date", ARGV)
    await lru_add_drain(k)
    return bprm


async def execve(k: Kernel, task: Task, bprm: BinPrm) -> None:
    """The rest of execve, and then the program itself, in user mode."""
    sp = await load_elf_binary(k, task, bprm)
    await main(k, task, sp, ARGV)


async def main(k: Kernel, task: Task, sp: VirtAddr, expected: list[bytes]) -> None:
    """The program reads its argv, and it must be what execve was given."""
    argc = await load_word(task, sp)
    argv = []
    for number in range(1, argc + 1):
        pointer = await load_word(task, VirtAddr(sp + number * ADDRESS_BYTES))
        argv.append(await load_string(task, VirtAddr(pointer)))
    if argv != expected:
        raise Corruption(
            f"{task.comm}[{task.pid}]: argv is {argv!r}, execve was given {expected!r}",
            *owners_of(k, page_of_stack(k, task, sp)),
        )


def page_of_stack(k: Kernel, task: Task, sp: VirtAddr) -> Page:
    """What is mapped where the program has just read."""
    assert task.mm is not None
    ptep = run_alone(find_pte(k, task.mm, sp))
    assert ptep is not None
    return k.mem_map[pte_pfn(ptep.value)]


async def load_word(task: Task, address: VirtAddr) -> int:
    data = await task.cpu.load(address, ADDRESS_BYTES, user=True)
    return int.from_bytes(data, "little")


async def load_string(task: Task, address: VirtAddr) -> bytes:
    """The string at `address`, read a page at a time."""
    found = b""
    while b"\0" not in found:
        place = VirtAddr(address + len(found))
        room = PAGE_SIZE - (place & ~PAGE_MASK)
        found += await task.cpu.load(place, room, user=True)
    return found.partition(b"\0")[0]


EXEC_STACK = Race(
    name="exec-stack",
    title="execve moves a stack while its page is migrating",
    asks="Can a migration entry outlive its migration in a stack that execve moves?",
    story=(
        "execve builds a new program's stack at the top of the address space and then "
        "moves it down.  A migration of a page in it walks the page's mappings twice: "
        "once to put migration entries in, once to take them out again.  If the stack "
        "moves in between, the second walk may look where the entry is not."
    ),
    watch=(
        "vm_start of the stack's VMA, and the one page-table entry: is the entry where "
        "vm_start says it is when the second walk comes by?"
    ),
    threads=(
        "compaction migrates the page that holds the strings",
        "execve moves the stack, writes argc and argv, and starts the program",
    ),
    set_up=set_up,
    config=Config(cpus=2, frames=16, stack_shift=6, migrate_passes=1),
    sizes=("frames", "stack_shift", "migrate_passes"),
    triggers={
        "compaction": (partial(set_up, migration=compact_all, isolated=True), ROOMY),
        "hot-remove": (partial(set_up, migration=hot_remove, isolated=True), ROOMY),
        # Never: it holds the mmap_sem that exec needs to move the stack.
        "move_pages": (partial(set_up, migration=move_pages), TWO_NODES),
    },
)

EXEC_STACK_PEEK = evolve(
    EXEC_STACK,
    name="exec-stack-peek",
    title="the same, with an unlocked look at the entry",
    asks=(
        "Does an unlocked look in remove_migration_pte reopen exec-stack where it was "
        "closed?"
    ),
    watch=(
        "the moment between the two stores of move_ptes, when the entry is in neither "
        "place"
    ),
    sets={"pte-peek": "unlocked"},
)
