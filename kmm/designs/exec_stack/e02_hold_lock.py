"""E2, Andrea Arcangeli, 28 April 2010: the anon_vma's lock from first store to last.

If no walk can come between the new start and the last entry moved, there is nothing to
miss.  So exec takes the lock of the stack's anon_vma around both.

The lock is a spinlock, and moving entries may have to allocate a page table for the new
place, with GFP_KERNEL: it may sleep.  Kamezawa posted a variant that allocates all
tables first, and rolls back if that fails; Linus Torvalds would have liked tables made
beforehand best.  None was finished in 2010.
"""

from __future__ import annotations

from attrs import evolve

from ...fs.exec import free_old_tables
from ...hw.memory import VirtAddr
from ...mm.errno import EFAULT, ENOMEM
from ...mm.kernel import Kernel
from ...mm.mm_types import VMA, VmArea
from ...mm.mremap import move_page_tables
from ...mm.vma import find_vma
from ...sim.access import write_once, write_plain
from ...sim.failure import bug_on
from .e00_unprotected import UNPROTECTED


async def shift_arg_pages(k: Kernel, vma: VmArea, shift: int) -> int:
    """Move a stack down by `shift` bytes; 0, -EFAULT or -ENOMEM.

    Needs mmap_sem for writing.  Takes the lock of the VMA's anon_vma.
    """
    old_start, old_end = vma.vm_start, vma.vm_end
    new_start, new_end = VirtAddr(old_start - shift), VirtAddr(old_end - shift)
    bug_on(new_start > new_end, "fs/exec.c:508")
    if find_vma(vma.mm, new_start) is not vma:
        return -EFAULT

    length = old_end - old_start
    assert vma.anon_vma is not None, "the stack holds the strings"
    async with vma.anon_vma.lock:
        await write_plain(vma, VMA.vm_start, new_start)
        moved = await move_page_tables(k, vma, old_start, vma, new_start, length)
    if moved != length:
        return -ENOMEM
    await free_old_tables(k, vma, old_start, old_end, new_end)
    await write_once(vma, VMA.vm_end, new_end)
    return 0


HOLD_LOCK = evolve(
    UNPROTECTED,
    name="hold-lock",
    title="the anon_vma's lock is held while the stack moves",
    tag="E2",
    source="Andrea Arcangeli, 28 April 2010",
    closes="exec-stack",
    costs="correctness: it may sleep while it holds a spinlock",
    story=__doc__,
    base=UNPROTECTED,
    shift_arg_pages=shift_arg_pages,
)
