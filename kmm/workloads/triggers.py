"""What keeps memory moving: the letter's trigger, and the two that would do as well.

- `compaction`: somebody writes to /proc/sys/vm/compact_memory;
- `move_pages`: somebody moves the pages of other processes from node to node;
- `hot-remove`: memory goes away, block by block, and comes back.

Each is a program that goes on for ever, with a pause between one time and the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..fs.proc.write import COMPACT_MEMORY, write
from ..hw.memory import PAGE_SIZE
from ..kernel.mm_end import get_task_mm, mmput
from ..mm.kernel import Kernel
from ..mm.memory_hotplug import offline_pages, online_pages
from ..mm.mm_types import Mm, Task
from ..mm.move_pages import MPOL_MF_MOVE_ALL, sys_move_pages
from .userland import Program, User

MOST_PAGES = 256  # that are moved at a time


def compacts(pause: float) -> Program:
    async def program(user: User) -> int:
        while True:
            await user.call(write(user.k, COMPACT_MEMORY, "1"))
            user.system.count("compactions")
            await rest(user, pause)

    return program


def moves_pages(pause: float) -> Program:
    """Of one of the processes of a, b and c, whichever; all to one node, each time."""

    async def program(user: User) -> int:
        while True:
            for node in range(len(user.k.nodes)):
                task = some_victim(user)
                if task is not None:
                    await user.call(move_all(user.k, task, node))
                    user.system.count("moves")
                await rest(user, pause)

    return program


def some_victim(user: User) -> Task | None:
    tasks = [
        task
        for task in user.k.tasks.values()
        if task.comm.startswith("stress-") and task.comm != "stress-d"
    ]
    return user.chance.choice(tasks) if tasks else None


async def move_all(k: Kernel, task: Task, node: int) -> None:
    """Move what a process has in its mappings, whoever else has it too."""
    mm = await get_task_mm(task)
    if mm is None:
        return  # it has ended
    addresses = await addresses_of(mm)
    nodes = [node] * len(addresses)
    await sys_move_pages(k, mm, addresses, nodes, MPOL_MF_MOVE_ALL)
    await mmput(k, mm)


async def addresses_of(mm: Mm) -> list[int]:
    """The first pages of an address space, as /proc/PID/maps has them."""
    async with mm.mmap_sem.for_read:
        found = [
            address
            for vma in mm.mmap
            for address in range(vma.vm_start, vma.vm_end, PAGE_SIZE)
        ]
    return found[:MOST_PAGES]


def removes_memory(pause: float) -> Program:
    """A block of memory, whichever: it goes away if it can, and comes back."""

    async def program(user: User) -> int:
        config = user.k.config
        size = 1 << config.pageblock_order
        while True:
            start = user.chance.randrange(config.frames // size) * size
            error = await user.call(offline_pages(user.k, start, start + size))
            user.system.count("refusals" if error else "removals")
            await rest(user, pause)
            if not error:
                await user.call(online_pages(user.k, start, start + size))

    return program


async def rest(user: User, pause: float) -> None:
    await user.sleep(user.system.table.cycles(pause))


TRIGGERS: Mapping[str, Callable[[float], Program]] = {
    "compaction": compacts,
    "move_pages": moves_pages,
    "hot-remove": removes_memory,
}
