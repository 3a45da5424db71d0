"""The system calls that programs of the model make.

Linux: the sys_ functions of mm/ and kernel/.  Each takes mmap_sem as the real one does,
and returns what that returns: a result, or an error number, negated.  Addresses and
lengths are in bytes; `prot`, `flags` and `behaviour` are Linux's numbers.  Called by
programs of the model, from `process` or from a scenario's threads.  The others stand
with what they do: move_pages in `mm.move_pages`, close in `files`, those of signals in
`signal` and `entry`, and those of files and pipes in `fs` (`open`, `read_write`,
`namei`, `pipe`); execve is in two halves, `fs.exec` and `fs.binfmt_elf`.

Left out: PROT_SEM, PROT_GROWSDOWN and PROT_GROWSUP, and that mlock empties the
pagevecs of all CPUs before it begins.
"""

from __future__ import annotations

from ..hw.memory import PAGE_MASK, PAGE_SHIFT, VirtAddr
from ..mm.errno import EACCES, EAGAIN, EBADF, EINVAL, ENODEV
from ..mm.gup import make_pages_present
from ..mm.kernel import Kernel
from ..mm.madvise import do_madvise, madvise_need_mmap_write
from ..mm.mlock import do_mlock
from ..mm.mm_types import VM_LOCKED, File, Mm, Task
from ..mm.mmap import (
    MAP_ANONYMOUS,
    MAP_POPULATE,
    do_mmap,
    do_munmap,
    page_align,
    set_brk,
)
from ..mm.mprotect import do_mprotect
from ..mm.mremap import do_mremap
from ..mm.vma import find_vma
from ..sim.failure import not_null
from .exit import do_exit, do_wait
from .files import O_ACCMODE, O_WRONLY, fget_light
from .fork import copy_process

PROT_ALL = 0x7  # read, write and execute


def user_mm(task: Task) -> Mm:
    """The address space of the caller, which is a process."""
    assert task.mm is not None, "a kernel thread makes no system calls"
    return task.mm


async def sys_mmap(
    k: Kernel,
    task: Task,
    address: int,
    length: int,
    prot: int,
    flags: int,
    file: File | None = None,
    offset: int = 0,
) -> int:
    """Where the mapping is.  `offset` is in the file, in bytes, and of whole pages."""
    mm = user_mm(task)
    if offset & ~PAGE_MASK:
        return -EINVAL
    if file is None and not flags & MAP_ANONYMOUS:
        return -EBADF
    pgoff = offset >> PAGE_SHIFT
    async with mm.mmap_sem.for_write:
        where = await do_mmap(k, mm, file, address, length, prot, flags, pgoff)
        if where < 0:
            return where
        vma = not_null(find_vma(mm, where), f"nothing is mapped at {where:#x}")
        if flags & MAP_POPULATE or vma.vm_flags & VM_LOCKED:
            end = VirtAddr(where + page_align(length))
            await make_pages_present(k, mm, VirtAddr(where), end)
    return where


async def sys_mmap_pgoff(
    k: Kernel,
    task: Task,
    address: int,
    length: int,
    prot: int,
    flags: int,
    fd: int,
    pgoff: int = 0,
) -> int:
    """Map what a descriptor stands for, from its page `pgoff` on."""
    file = fget_light(task, fd)
    if file is None or file.f_flags & O_ACCMODE == O_WRONLY:
        return -EBADF if file is None else -EACCES
    if file.f_op is None or file.f_op.unmapped is None:
        return -ENODEV
    offset = pgoff << PAGE_SHIFT
    return await sys_mmap(k, task, address, length, prot, flags, file, offset)


async def sys_munmap(k: Kernel, task: Task, address: int, length: int) -> int:
    mm = user_mm(task)
    async with mm.mmap_sem.for_write:
        return await do_munmap(k, mm, address, length)


async def sys_mprotect(
    k: Kernel, task: Task, address: int, length: int, prot: int
) -> int:
    mm = user_mm(task)
    if prot & ~PROT_ALL:
        return -EINVAL
    async with mm.mmap_sem.for_write:
        return await do_mprotect(k, mm, address, length, prot)


async def sys_mremap(
    k: Kernel,
    task: Task,
    address: int,
    old_length: int,
    new_length: int,
    flags: int,
    new_address: int = 0,
) -> int:
    """Where the mapping is now."""
    mm = user_mm(task)
    async with mm.mmap_sem.for_write:
        return await do_mremap(
            k, mm, address, old_length, new_length, flags, new_address
        )


async def sys_madvise(
    k: Kernel, task: Task, address: int, length: int, behaviour: int
) -> int:
    """0.  The behaviour decides whether mmap_sem is taken for reading or writing."""
    mm = user_mm(task)
    if madvise_need_mmap_write(behaviour):
        async with mm.mmap_sem.for_write:
            return await do_madvise(k, mm, address, length, behaviour)
    async with mm.mmap_sem.for_read:
        return await do_madvise(k, mm, address, length, behaviour)


async def sys_mlock(k: Kernel, task: Task, address: int, length: int) -> int:
    mm = user_mm(task)
    async with mm.mmap_sem.for_write:
        return await do_mlock(k, mm, address, length, on=True)


async def sys_munlock(k: Kernel, task: Task, address: int, length: int) -> int:
    mm = user_mm(task)
    async with mm.mmap_sem.for_write:
        return await do_mlock(k, mm, address, length, on=False)


async def sys_brk(k: Kernel, task: Task, brk: int) -> int:
    """Where the heap ends now; unchanged if it could not be moved."""
    mm = user_mm(task)
    async with mm.mmap_sem.for_write:
        return await set_brk(k, mm, brk)


async def sys_fork(k: Kernel, task: Task, cpu: int | None = None) -> Task | int:
    """The child, for the caller to run; or -EAGAIN, -ENOMEM."""
    if task.mm is None:
        return -EAGAIN
    return await copy_process(k, task, cpu)


async def sys_exit(k: Kernel, task: Task, code: int) -> None:
    await do_exit(k, task, code)


async def sys_wait(k: Kernel, task: Task) -> tuple[int, int]:
    """The pid and exit code of a child that has ended; (-ECHILD, 0) without any."""
    dead = await do_wait(k, task)
    if isinstance(dead, int):
        return dead, 0
    assert dead.exit_code is not None
    return dead.pid, dead.exit_code
