"""E8, Kamezawa, 7 May 2010: exec moves its stack as mremap moves a mapping.

mremap makes a second VMA at the new place, behind the first on every list, moves the
entries, and unmaps the old place.  A walk that looks at the source before the
destination finds an entry in one of the two.  That is what the temporary VMA does too,
but with a VMA that is one.  Where the two places overlap, the stack is moved twice: out
of the way first.

Linus Torvalds found it cleaner, but would have split the making of tables from the
moving.  It was the slowest: Mel Gorman measured 1.48 % of system time in kernbench, and
2.77 % in AIM9's exec test.
"""

from __future__ import annotations

from attrs import evolve

from ...fs.exec import BinPrm, expand_new_stack
from ...hw.memory import VirtAddr
from ...mm.errno import EFAULT
from ...mm.kernel import Kernel
from ...mm.mm_types import VmArea
from ...mm.mremap import move_vma
from ...mm.vma import find_vma
from ...sim.failure import bug_on
from .e00_unprotected import UNPROTECTED


async def setup_arg_pages(k: Kernel, bprm: BinPrm, stack_top: VirtAddr) -> int:
    """Move the stack to where it ends at `stack_top`, and make it ready for use.

    0 or an error, after which the program is killed.  Takes mmap_sem for writing.
    """
    mm = bprm.vma.mm
    stack_shift = bprm.vma.vm_end - stack_top
    bprm.p = VirtAddr(bprm.p - stack_shift)
    mm.arg_start = bprm.p
    async with mm.mmap_sem.for_write:
        if stack_shift:
            error = await k.exec_stack.shift_arg_pages(k, bprm.vma, stack_shift)
            if error:
                return error
            moved = find_vma(mm, bprm.p)
            assert moved is not None, "the strings are in it"
            bprm.vma = moved
        return await expand_new_stack(k, bprm.vma)


async def shift_arg_pages(k: Kernel, vma: VmArea, shift: int) -> int:
    """Move a stack down by `shift` bytes, once or twice; 0, -EFAULT or -ENOMEM.

    Needs mmap_sem for writing.
    """
    old_start, old_end = vma.vm_start, vma.vm_end
    new_start, new_end = VirtAddr(old_start - shift), VirtAddr(old_end - shift)
    bug_on(new_start > new_end, "fs/exec.c:508")
    if find_vma(vma.mm, new_start) is not vma:
        return -EFAULT

    length = old_end - old_start
    if new_end > old_start:
        aside = VirtAddr(new_start - length)
        error = await move_stack(k, vma, aside)
        moved = find_vma(vma.mm, aside)
        if error or moved is None:
            return error or -EFAULT
        vma = moved
    return await move_stack(k, vma, new_start)


async def move_stack(k: Kernel, vma: VmArea, address: VirtAddr) -> int:
    """Move a whole VMA to a place that it does not overlap; 0 or -ENOMEM.

    Needs mmap_sem for writing.
    """
    length = vma.vm_end - vma.vm_start
    where = await move_vma(k, vma, vma.vm_start, length, length, address)
    return min(where, 0)


MOVE_VMA = evolve(
    UNPROTECTED,
    name="move-vma",
    title="the stack is moved as mremap would",
    tag="E8",
    source="KAMEZAWA Hiroyuki, 7 May 2010",
    closes="exec-stack, if migration entries are looked for under the page-table lock",
    costs="a VMA made, and another unmapped, for each exec: the slowest of all",
    story=__doc__,
    base=UNPROTECTED,
    setup_arg_pages=setup_arg_pages,
    shift_arg_pages=shift_arg_pages,
)
