"""The page-fault handler: from the CPU's #PF to handle_mm_fault.

Linux: arch/x86/mm/fault.c (do_page_fault).  Called by the CPU at a faulting access,
without mmap_sem; afterwards the access is tried again.

May the program do what it tried?  The VMA says so; what there is to be done is for
`memory.handle_mm_fault`.

Left out: faults at kernel addresses, exception tables (the kernel's own accesses to a
program's memory end in the same signals), signal handlers.
"""

from __future__ import annotations

from ..hw.memory import VirtAddr
from ..hw.paging import PF_PROT, PF_RSVD, PF_USER, PF_WRITE
from ..sim.failure import ModelFailure
from .kernel import Kernel
from .memory import (
    VM_FAULT_MAJOR,
    VM_FAULT_OOM,
    VM_FAULT_SIGBUS,
    OutOfMemory,
    handle_mm_fault,
)
from .mm_types import VM_EXEC, VM_GROWSDOWN, VM_READ, VM_WRITE, Task, VmArea
from .vma import find_vma

SIGBUS = 7
SIGSEGV = 11

# si_code: what was wrong with the address.
SEGV_MAPERR = 1  # nothing is mapped there
SEGV_ACCERR = 2  # what is mapped there may not be used so
BUS_ADRERR = 2  # the file has no such page

# How far below the stack pointer a program may touch its stack: what ENTER can push.
STACK_SLACK = 65536 + 32 * 8  # bytes


class FatalSignal(ModelFailure):
    """A program touched what it may not, and has no handler for that."""

    kind = "corruption"

    def __init__(
        self, message: str, signal: int, si_code: int, address: VirtAddr, *details: str
    ) -> None:
        super().__init__(message, *details)
        self.signal = signal
        self.si_code = si_code
        self.address = address


async def do_page_fault(
    k: Kernel, task: Task, address: VirtAddr, error_code: int, *, user: bool
) -> None:
    """Make an access possible, or end the program with a signal.

    Takes mmap_sem for reading.  `error_code` is the CPU's, with the PF_ bits; `user`
    says that the program itself made the access.  Raises FatalSignal, and OutOfMemory.
    (A reserved bit that is set is an oops in Linux, pgtable_bad.)
    """
    mm = task.mm
    if mm is None or error_code & PF_RSVD:
        raise segv(task, address, error_code, SEGV_MAPERR)
    async with mm.mmap_sem.for_read:
        vma = find_vma(mm, address)
        if vma is None or not await reaches(k, task, vma, address, user=user):
            signal = segv(task, address, error_code, SEGV_MAPERR)
        elif access_error(vma, error_code):
            signal = segv(task, address, error_code, SEGV_ACCERR)
        else:
            write = bool(error_code & PF_WRITE)
            result = await handle_mm_fault(k, mm, vma, address, write=write)
            signal = None
    if signal is not None:
        raise signal
    if result & VM_FAULT_OOM:
        raise OutOfMemory(f"Out of memory in a fault at {address:#x}")
    if result & VM_FAULT_SIGBUS:
        raise sigbus(task, address)
    if result & VM_FAULT_MAJOR:
        task.maj_flt += 1
    else:
        task.min_flt += 1


async def reaches(
    k: Kernel, task: Task, vma: VmArea, address: VirtAddr, *, user: bool
) -> bool:
    """Whether a VMA covers an address, or is a stack that may grow down to it.

    It does grow then.  Needs mmap_sem for reading.
    """
    if vma.vm_start <= address:
        return True
    if not vma.vm_flags & VM_GROWSDOWN:
        return False
    if user and task.sp and address + STACK_SLACK < task.sp:
        return False
    return await k.rmap_walk.expand_stack(k, vma, address)


def access_error(vma: VmArea, error_code: int) -> bool:
    """Whether the VMA forbids what was tried.  Needs mmap_sem.

    A read of a page that is present can only have met a missing right.
    """
    if error_code & PF_WRITE:
        return not vma.vm_flags & VM_WRITE
    if error_code & PF_PROT:
        return True
    return not vma.vm_flags & (VM_READ | VM_WRITE | VM_EXEC)


def segv(task: Task, address: VirtAddr, error_code: int, si_code: int) -> FatalSignal:
    """SIGSEGV, with the kernel's log line."""
    who = "program" if error_code & PF_USER else "kernel"
    return FatalSignal(
        f"{task.comm}[{task.pid}]: segfault at {address:x} error {error_code:x}",
        SIGSEGV,
        si_code,
        address,
        f"touched by the {who}",
    )


def sigbus(task: Task, address: VirtAddr) -> FatalSignal:
    """SIGBUS: what is mapped there is beyond the end of its file."""
    return FatalSignal(
        f"{task.comm}[{task.pid}]: bus error at {address:x}",
        SIGBUS,
        BUS_ADRERR,
        address,
    )
