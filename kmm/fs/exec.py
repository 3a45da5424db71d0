"""execve: a new program's stack, built before anyone knows where it will be.

Linux: fs/exec.c.  Called by the scenarios and workloads that run a program
(`prepare_exec`), and by `binfmt_elf` for what comes after the old program has gone.

The strings of argv and envp must be copied before the old program goes away.  So a
new address space gets a temporary stack at the very top of what any program may use,
and the strings go there.  Once the program's file has said what kind of program it
is, the stack is moved down to its final place: its page-table entries are, that is;
the pages stay where they are.

These are ordinary anonymous pages on the LRU, so compaction may migrate them at any
time, also while they move.  How exec and migration agree on that is the question
`exec-stack`; here stands 2.6.34's answer, which is that they do not.

Left out: the environment, the limits on the strings' size (they only meet that of the
stack), other threads of the old program; in `setup_arg_pages` the stack's protection
(PT_GNU_STACK) and arch_align_stack, by which the strings are shifted by up to 8191
bytes more; and in `shift_arg_pages` the lru_add_drain before the old tables are freed.
"""

from __future__ import annotations

from attrs import define

from ..hw.memory import PAGE_MASK, PAGE_SIZE, VirtAddr
from ..kernel.fork import mm_alloc
from ..kernel.mm_end import mmdrop, mmput
from ..kernel.signal import flush_signal_handlers
from ..mm.errno import EFAULT, ENOMEM
from ..mm.gup import get_user_page
from ..mm.kernel import Kernel
from ..mm.memory import OutOfMemory
from ..mm.mm_types import VM_STACK_FLAGS, Mm, Page, Task, VmArea, page_to_phys
from ..mm.mmap import RLIMIT_STACK
from ..mm.mremap import move_page_tables
from ..mm.pgtable import free_pgd_range
from ..mm.swap import put_page
from ..mm.tlb import activate_mm
from ..mm.vma import find_vma, insert_vm_struct, vm_area_alloc
from ..sim.failure import bug_on

STACK_TOP_MAX = VirtAddr((1 << 47) - PAGE_SIZE)  # x86-64
STACK_TOP = STACK_TOP_MAX  # of a 64-bit program
STACK_EXPAND = 128 << 10  # bytes by which a new stack is grown in advance
ADDRESS_BYTES = 8  # of a pointer


@define(eq=False)
class BinPrm:
    """struct linux_binprm: a program on its way to being run."""

    filename: str
    argv: list[bytes]
    mm: Mm
    vma: VmArea  # the stack
    p: VirtAddr  # where the last string was put; the next one goes below
    argc: int = 0


# Before the old program goes.


async def prepare_exec(k: Kernel, filename: str, argv: list[bytes]) -> BinPrm:
    """The first half of do_execve: a new mm, whose stack holds the strings.

    Order on the stack, upwards: argv[0] and so on, then the file's name, then 8 bytes
    of zeros.  Raises OutOfMemory, where the real one returns -ENOMEM or -E2BIG.
    """
    bprm = await k.exec_stack.bprm_mm_init(k, filename, argv)
    await copy_strings(k, bprm, [filename.encode()])
    await copy_strings(k, bprm, argv)
    bprm.argc = len(argv)
    return bprm


async def bprm_mm_init(k: Kernel, filename: str, argv: list[bytes]) -> BinPrm:
    """Make an address space with one page of stack, as high up as can be.

    Takes the new mm's mmap_sem for writing.  Raises OutOfMemory.
    """
    mm = await mm_alloc(k)
    if isinstance(mm, int):
        raise OutOfMemory("Out of memory in execve")
    async with mm.mmap_sem.for_write:
        vma = vm_area_alloc(
            k, mm, VirtAddr(STACK_TOP_MAX - PAGE_SIZE), STACK_TOP_MAX, VM_STACK_FLAGS
        )
        insert_vm_struct(mm, vma)
    return BinPrm(filename, argv, mm, vma, VirtAddr(vma.vm_end - ADDRESS_BYTES))


async def copy_strings(k: Kernel, bprm: BinPrm, strings: list[bytes]) -> None:
    """Push strings onto the new stack, the last one first, each with a NUL behind it.

    Without mmap_sem: nobody else knows this address space.  (Except through rmap.)
    Raises OutOfMemory.
    """
    for string in reversed(strings):
        data = string + b"\0"
        while data:
            # Bytes left below p in its page; at the very start of one, all of the next.
            room = bprm.p & ~PAGE_MASK or PAGE_SIZE
            data, piece = data[:-room], data[-room:]
            bprm.p = VirtAddr(bprm.p - len(piece))
            page = await get_arg_page(k, bprm, bprm.p)
            await k.memory.store(page_to_phys(page, bprm.p), piece)
            await put_page(k, page)


async def get_arg_page(k: Kernel, bprm: BinPrm, address: VirtAddr) -> Page:
    """The page of the new stack at `address`, with a reference; the stack may grow.

    Raises OutOfMemory.
    """
    page = await get_user_page(k, bprm.mm, address, write=True)
    if page is None:
        raise OutOfMemory("Argument list too long")
    return page


# After it has gone.


async def flush_old_exec(k: Kernel, task: Task, bprm: BinPrm) -> None:
    """From here on the task runs in the new address space.  There is no way back."""
    await exec_mmap(k, task, bprm.mm)
    await flush_signal_handlers(task)
    task.comm = bprm.filename.rpartition("/")[2]


async def exec_mmap(k: Kernel, task: Task, mm: Mm) -> None:
    """Leave the old address space for `mm`; its last user takes it down.

    A kernel thread has none; it gives back the one that it has borrowed.  May sleep.
    """
    # What the CPU is in: a process's own old one, or what a kernel thread has borrowed.
    old, prev = task.mm, task.active_mm
    # CR3 is loaded later.  Until then the handler of a flush goes by cpu_tlbstate and
    # not by this, and the task itself neither flushes nor touches user addresses.
    task.mm = task.active_mm = mm
    await activate_mm(k, task.cpu, prev, mm)
    if old is not None:
        await mmput(k, old)
    else:
        await mmdrop(k, prev)


async def setup_arg_pages(k: Kernel, bprm: BinPrm, stack_top: VirtAddr) -> int:
    """Move the stack to where it ends at `stack_top`, and make it ready for use.

    0 or an error, after which the program is killed.  Takes mmap_sem for writing.
    """
    vma, mm = bprm.vma, bprm.mm
    stack_shift = vma.vm_end - stack_top
    bprm.p = VirtAddr(bprm.p - stack_shift)
    mm.arg_start = bprm.p
    async with mm.mmap_sem.for_write:
        if stack_shift:
            error = await k.exec_stack.shift_arg_pages(k, vma, stack_shift)
            if error:
                return error
        return await expand_new_stack(k, vma)


async def expand_new_stack(k: Kernel, vma: VmArea) -> int:
    """Grow the stack by 128 KiB in advance, or as far as the limit allows.

    0 or -EFAULT.  Needs mmap_sem for writing.
    """
    size = vma.vm_end - vma.vm_start
    if size + STACK_EXPAND > RLIMIT_STACK:
        base = vma.vm_end - RLIMIT_STACK
    else:
        base = vma.vm_start - STACK_EXPAND
    return 0 if await k.rmap_walk.expand_stack(k, vma, VirtAddr(base)) else -EFAULT


async def shift_arg_pages(k: Kernel, vma: VmArea, shift: int) -> int:
    """Move a stack down by `shift` bytes; 0, -EFAULT or -ENOMEM.

    Needs mmap_sem for writing.  After an error the stack may be in two places.  (This
    is 2.6.34's; its rivals are in `designs.exec_stack`.)
    """
    old_start, old_end = vma.vm_start, vma.vm_end
    new_start, new_end = VirtAddr(old_start - shift), VirtAddr(old_end - shift)
    bug_on(new_start > new_end, "fs/exec.c:508")
    if find_vma(vma.mm, new_start) is not vma:
        return -EFAULT

    # Cover both places.  vm_pgoff stays, so from the first store on, reverse mapping
    # looks for every page at its NEW address, where no entry is yet.
    await k.rmap_walk.vma_adjust(k, vma, new_start, old_end, vma.vm_pgoff, None)
    length = old_end - old_start
    if await move_page_tables(k, vma, old_start, vma, new_start, length) != length:
        return -ENOMEM
    await free_old_tables(k, vma, old_start, old_end, new_end)
    await k.rmap_walk.vma_adjust(k, vma, new_start, new_end, vma.vm_pgoff, None)
    return 0


async def free_old_tables(
    k: Kernel, vma: VmArea, old_start: VirtAddr, old_end: VirtAddr, new_end: VirtAddr
) -> None:
    """Free the page tables that only the stack's old place needed.

    No table goes that reaches below `new_end`, which the new place may need (the two
    may overlap), or into the next VMA (a ceiling of 0: there is none).  Needs mmap_sem
    for writing.  The VMA covers both places still, so walks may come by.
    """
    start = max(old_start, new_end)
    after = find_vma(vma.mm, vma.vm_end)
    ceiling = after.vm_start if after else 0
    await free_pgd_range(k, vma.mm, start, old_end, new_end, ceiling)
