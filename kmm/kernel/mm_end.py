"""What keeps an address space, and its end.

Linux: kernel/fork.c.  There are two counts.  mm_users is of those who use what is
mapped: the tasks that live in it, and whoever has asked for another's.  All of these
together are one of mm_count; the rest of that are CPUs that go on in it with a kernel
thread or with a task that has ended (see `sched`, and `exit.exit_mm`), and KSM.
"""

from __future__ import annotations

from ..hw.memory import PAGE_SHIFT, Pfn
from ..mm.kernel import Kernel
from ..mm.ksm import ksm_exit
from ..mm.mm_types import MM, Mm, Task
from ..mm.mmap import exit_mmap
from ..mm.swap import put_page
from ..sim.access import atomic_add, atomic_cmpxchg, read_once


async def get_task_mm(task: Task) -> Mm | None:
    """The address space of somebody else, kept until `mmput`; None if he has none.

    Linux holds task_lock; here the count tells whether it is too late.
    """
    mm = task.mm
    while mm is not None and (users := await read_once(mm, MM.mm_users)):
        if await atomic_cmpxchg(mm, MM.mm_users, users, users + 1):
            return mm
    return None


async def mmput(k: Kernel, mm: Mm) -> None:
    """One user less; with the last one, all that is mapped goes.

    May sleep.  The caller holds no lock of the address space.
    """
    if await atomic_add(mm, MM.mm_users, -1) == 0:
        await ksm_exit(k, mm)
        await exit_mmap(k, mm)
        await mmdrop(k, mm)


async def mmdrop(k: Kernel, mm: Mm) -> None:
    """One less who needs the structure; with the last one, the top table goes.

    A CPU that runs a kernel thread may still have it in CR3 after the last user ended.
    """
    if await atomic_add(mm, MM.mm_count, -1) == 0:
        del k.mms[mm.name]
        await put_page(k, k.mem_map[Pfn(mm.pgd >> PAGE_SHIFT)])
