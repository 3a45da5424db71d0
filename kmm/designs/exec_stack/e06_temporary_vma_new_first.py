"""E6, version 4 of the series: a second VMA, but the new place is looked at first.

Andrea Arcangeli's idea of 28 April 2010: reverse mapping may find the same pages
through two VMAs.  A copy of the stack's VMA that still covers the old range is put at
the tail of the anon_vma's list, and then the real one is lowered.  A walk now looks
at the new address and at the old one, in this order.

That order is the hole.  A walk that has looked at the new address, where there was
nothing yet, and comes to the old one after the entry has left it, finds it nowhere.
Mel Gorman's stress test met it after 18 minutes, on 4 May.
"""

from __future__ import annotations

from attrs import evolve

from ...fs.exec import free_old_tables
from ...hw.memory import VirtAddr
from ...mm.errno import EFAULT, ENOMEM
from ...mm.kernel import Kernel
from ...mm.mm_types import VmArea
from ...mm.mremap import move_page_tables
from ...mm.rmap import anon_vma_clone, unlink_anon_vmas
from ...mm.vma import find_vma
from ...sim.failure import bug_on
from .e00_unprotected import UNPROTECTED


async def shift_arg_pages(k: Kernel, vma: VmArea, shift: int) -> int:
    """Move a stack down by `shift` bytes; 0, -EFAULT or -ENOMEM.

    Needs mmap_sem for writing.
    """
    old_start, old_end = vma.vm_start, vma.vm_end
    new_start, new_end = VirtAddr(old_start - shift), VirtAddr(old_end - shift)
    bug_on(new_start > new_end, "fs/exec.c:508")
    if find_vma(vma.mm, new_start) is not vma:
        return -EFAULT

    # A VMA for reverse mapping only: it stays at the old place while `vma`, before
    # it on the list, goes to the new one.
    tmp_vma = evolve(vma, name=k.next_name("vma"), anon_vma_chain=[])
    await anon_vma_clone(tmp_vma, vma)

    await k.rmap_walk.vma_adjust(k, vma, new_start, old_end, vma.vm_pgoff, None)
    length = old_end - old_start
    moved = await move_page_tables(k, vma, old_start, vma, new_start, length)
    await unlink_anon_vmas(tmp_vma)
    if moved != length:
        return -ENOMEM
    await free_old_tables(k, vma, old_start, old_end, new_end)
    await k.rmap_walk.vma_adjust(k, vma, new_start, new_end, vma.vm_pgoff, None)
    return 0


TEMPORARY_VMA_NEW_FIRST = evolve(
    UNPROTECTED,
    name="temporary-vma-new-first",
    title="a second VMA, new place first",
    tag="E6",
    source="Andrea Arcangeli, 28 April 2010; patch 2 of version 4, 3 May 2010",
    closes="most of exec-stack",
    costs="one VMA and one anon_vma_chain for each exec; the order of a list matters",
    story=__doc__,
    base=UNPROTECTED,
    shift_arg_pages=shift_arg_pages,
)
