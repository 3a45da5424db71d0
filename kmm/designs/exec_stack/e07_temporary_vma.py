"""E7, versions 5 to 7 (the letter's patch 2): a second VMA, old place first.

The repair of E6, posted on 4 May 2010.  Now the copy carries the NEW start and sits
at the tail, and the real VMA keeps its old start until every entry has moved.  So a
walk looks at the old address before the new one.

Why that is enough: an entry is at the old address until some moment t and at the new
one after it.  A walk looks at the old address at a, and at the new one at b > a.  If
a < t it finds the entry at the old address; if t <= a it finds it at the new one.
This needs the look to wait for the page-table lock, which is held from the clearing
of the one to the setting of the other; the kernels of 2010 peeked without it (see the
question `pte-peek`).

Linus Torvalds disliked a VMA that is not one.  Mel Gorman measured no cost worth
talking about.  It was not merged: the answer of Linux 2.6.35 is `skip-temporary`.
"""

from __future__ import annotations

from attrs import evolve

from ...fs.exec import free_old_tables
from ...hw.memory import VirtAddr
from ...mm.errno import EFAULT, ENOMEM
from ...mm.kernel import Kernel
from ...mm.mm_types import VMA, VmArea
from ...mm.mremap import move_page_tables
from ...mm.rmap import anon_vma_clone, unlink_anon_vmas
from ...mm.vma import find_vma
from ...sim.access import write_once, write_plain
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

    # A VMA for reverse mapping only, behind `vma` on the list.  vm_pgoff stays, so
    # lowering vm_start alone makes it lead to the new addresses.
    tmp_vma = evolve(
        vma, name=k.next_name("vma"), anon_vma_chain=[], vm_start=new_start
    )
    await anon_vma_clone(tmp_vma, vma)

    length = old_end - old_start
    moved = await move_page_tables(k, vma, old_start, vma, new_start, length)
    await write_plain(vma, VMA.vm_start, new_start)
    await unlink_anon_vmas(tmp_vma)
    if moved != length:
        return -ENOMEM
    await free_old_tables(k, vma, old_start, old_end, new_end)
    await write_once(vma, VMA.vm_end, new_end)
    return 0


TEMPORARY_VMA = evolve(
    UNPROTECTED,
    name="temporary-vma",
    title="a second VMA, old place first",
    tag="E7",
    source="Andrea Arcangeli, 4 May 2010; patch 2 of versions 5 to 7",
    closes="exec-stack, if migration entries are looked for under the page-table lock",
    costs="one VMA and one anon_vma_chain for each exec; the order of a list matters",
    story=__doc__,
    base=UNPROTECTED,
    shift_arg_pages=shift_arg_pages,
)
