"""exec's stack as Linux 2.6.34 moves it: nothing ties the move to a migration."""

from __future__ import annotations

from attrs import evolve

from kmm.designs.exec_stack.e00_unprotected import UNPROTECTED
from kmm.fs.exec import free_old_tables
from kmm.hw.memory import VirtAddr
from kmm.mm.errno import EFAULT, ENOMEM
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import VMA, VmArea
from kmm.mm.mremap import move_page_tables
from kmm.mm.vma import find_vma
from kmm.sim.access import write_once, write_plain
from kmm.sim.failure import bug_on


async def shift_arg_pages(k: Kernel, vma: VmArea, shift: int) -> int:
    """Move a stack down by `shift` bytes; 0, -EFAULT or -ENOMEM.

    Needs mmap_sem for writing.
    """
    old_start, old_end = vma.vm_start, vma.vm_end
    new_start, new_end = VirtAddr(old_start - shift), VirtAddr(old_end - shift)
    bug_on(new_start > new_end, "fs/exec.c:508")
    if find_vma(vma.mm, new_start) is not vma:
        return -EFAULT

    length = old_end - old_start
    await write_plain(vma, VMA.vm_start, new_start)
    moved = await move_page_tables(k, vma, old_start, vma, new_start, length)
    if moved != length:
        return -ENOMEM
    await free_old_tables(k, vma, old_start, old_end, new_end)
    await write_once(vma, VMA.vm_end, new_end)
    return 0


ANSWER = evolve(
    UNPROTECTED,
    name="yours",
    title="what it does, in a line",
    shift_arg_pages=shift_arg_pages,
)
