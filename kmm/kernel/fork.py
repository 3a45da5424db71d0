"""fork: a copy of an address space that costs next to nothing, at first.

Linux: kernel/fork.c, but for what is in `mm_end` here.  Called by `syscalls`, `process`
and scenarios.  The child gets the parent's VMAs and page-table entries, not its pages:
both have the same ones, read-only, until one of them writes.

What a walk of the reverse map finds must be right at each moment.  So the child's VMA
is put on the anon_vmas' lists before it has any entry, and behind the parent's, so that
a walk that has passed the parent will still come to the child.

Left out: threads, and the limit on memory that may be committed.
"""

from __future__ import annotations

from attrs import evolve

from ..mm.errno import ENOMEM
from ..mm.kernel import Kernel, new_mm
from ..mm.ksm import ksm_fork
from ..mm.memory import copy_page_range
from ..mm.mm_types import VM_DONTCOPY, VM_LOCKED, Mm, Task, VmArea, page_to_phys
from ..mm.page_alloc import alloc_zeroed_page
from ..mm.vma import link_vma, vma_link_file, vma_pages
from .files import dup_fd
from .mm_end import mmput
from .signal import copy_sighand


async def copy_process(k: Kernel, parent: Task, cpu: int | None = None) -> Task | int:
    """A child of `parent`, which has not run yet; or -ENOMEM.

    It belongs to the parent's CPU, or to the one whose number is given.  Takes the
    parent's mmap_sem for writing, and tasklist_lock.
    """
    assert parent.mm is not None
    mm = await dup_mm(k, parent.mm)
    if isinstance(mm, int):
        return mm
    where = parent.cpu if cpu is None else k.cpus[cpu]
    async with k.tasklist_lock:
        pid = max(k.tasks, default=0) + 1
        child = Task(parent.comm, pid, where, mm, mm, parent=parent, sp=parent.sp)
        copy_sighand(parent, child)
        k.tasks[pid] = child
        parent.children.append(child)
    if parent.files is not None:
        child.files = await dup_fd(parent.files, pid)
    return child


async def mm_alloc(k: Kernel) -> Mm | int:
    """An empty address space, or -ENOMEM."""
    pgd = await alloc_zeroed_page(k)
    if pgd is None:
        return -ENOMEM
    return new_mm(k, page_to_phys(pgd))


async def dup_mm(k: Kernel, old: Mm) -> Mm | int:
    """A copy of an address space, or -ENOMEM.  Takes its mmap_sem for writing."""
    mm = await mm_alloc(k)
    if isinstance(mm, int):
        return mm
    mm.start_stack, mm.arg_start, mm.arg_end = (
        old.start_stack,
        old.arg_start,
        old.arg_end,
    )
    mm.start_brk, mm.brk, mm.def_flags = old.start_brk, old.brk, old.def_flags
    error = await dup_mmap(k, mm, old)
    if error:
        await mmput(k, mm)
        return error
    return mm


async def dup_mmap(k: Kernel, mm: Mm, old: Mm) -> int:
    """Copy the VMAs, and what their page tables hold; 0 or -ENOMEM.

    Takes both mmap_sems for writing.  By the end the parent's private entries have been
    made read-only, and one flush makes its CPUs see that.  Without it, a CPU on which
    the parent has written to a page goes on writing to it, and the child reads that
    (`tlb` says who notices).  It comes before the parent's mmap_sem is given back, so
    before a fault of the parent may change them.  Migration and reclaim may change them
    all the while: they hold no mmap_sem, and flush for themselves.
    """
    error = 0
    async with old.mmap_sem.for_write:
        async with mm.mmap_sem.for_write_nested:
            await ksm_fork(k, mm, old)
            for vma in list(old.mmap):
                if vma.vm_flags & VM_DONTCOPY:
                    continue
                error = await dup_vma(k, mm, vma)
                if error:
                    break
        await k.tlb_flush.flush_tlb_mm(k, old)
    return error


async def dup_vma(k: Kernel, mm: Mm, parent: VmArea) -> int:
    """Copy one VMA and its entries; 0 or -ENOMEM.

    Needs both mmap_sems for writing.  2.6.34 puts the copy on the anon_vmas' lists
    while its vm_mm still is the parent's (mended in 2.6.36); here it has its own from
    the start.
    """
    vma = evolve(parent, name=k.next_name("vma"), mm=mm, anon_vma_chain=[])
    await k.rmap_walk.anon_vma_fork(k, vma, parent)
    vma.vm_flags &= ~VM_LOCKED
    await vma_link_file(vma)
    link_vma(mm, vma)
    mm.total_vm += vma_pages(vma)
    return await copy_page_range(k, mm, parent.mm, parent)
