"""The page-fault handler: from the CPU's #PF to handle_mm_fault.

Linux: arch/x86/mm/fault.c.  Called by the CPU at a faulting access; afterwards the
access is tried again.
"""

from __future__ import annotations

from ..hw.memory import VirtAddr
from ..hw.paging import PF_PROT, PF_RSVD, PF_USER, PF_WRITE
from ..sim.failure import ModelFailure
from .kernel import Kernel
from .memory import handle_mm_fault
from .mm_types import VM_EXEC, VM_READ, VM_WRITE, Task, VmArea
from .mmap import find_extend_vma


class SegmentationFault(ModelFailure):
    """A program touched what it may not: SIGSEGV."""

    kind = "corruption"


async def do_page_fault(
    k: Kernel, task: Task, address: VirtAddr, error_code: int, *, user: bool
) -> None:
    """Make an access possible, or end the program with SIGSEGV.

    Takes mmap_sem for reading.  `error_code` is the CPU's, with the PF_ bits.
    """
    mm = task.mm
    if mm is None or error_code & PF_RSVD:
        raise bad_area(task, address, error_code)
    async with mm.mmap_sem.for_read:
        vma = await find_extend_vma(k, mm, address)
        if vma is None or access_error(vma, error_code):
            raise bad_area(task, address, error_code)
        await handle_mm_fault(k, mm, vma, address, write=bool(error_code & PF_WRITE))


def access_error(vma: VmArea, error_code: int) -> bool:
    """Whether the VMA forbids what was tried."""
    if error_code & PF_WRITE:
        return not vma.vm_flags & VM_WRITE
    if error_code & PF_PROT:
        return True
    return not vma.vm_flags & (VM_READ | VM_WRITE | VM_EXEC)


def bad_area(task: Task, address: VirtAddr, error_code: int) -> SegmentationFault:
    """The kernel's log line for SIGSEGV."""
    who = "program" if error_code & PF_USER else "kernel"
    return SegmentationFault(
        f"{task.comm}[{task.pid}]: segfault at {address:x} error {error_code:x}",
        f"touched by the {who}",
    )
