"""What the benchmarks' programs have in common: a start, a heap, files.

The kernel's exec leaves out a program's segments; where its data end, and its heap
begins, is said here.
"""

from __future__ import annotations

from ..fs.open import sys_open
from ..fs.read_write import sys_read, sys_write
from ..hw.memory import PAGE_SIZE, VirtAddr
from ..kernel.files import O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY, sys_close
from ..kernel.syscalls import sys_brk, user_mm
from ..scenarios.exec_stack import main
from .userland import User

HEAP = VirtAddr(0x60_0000)  # of a small program, linked to 0x400000 as usual


async def become(user: User, filename: str, argv: list[bytes]) -> None:
    """Exec a program, and have it read its argv.  Raises Corruption."""
    sp = await user.execve(filename, argv)
    task = user.task
    task.sp = sp
    mm = user_mm(task)
    mm.start_brk = mm.brk = HEAP
    await main(user.k, task, sp, argv)


async def sbrk(user: User, pages: int) -> VirtAddr:
    """Move the end of the heap, up or down; where it was."""
    old = user_mm(user.task).brk
    wanted = old + pages * PAGE_SIZE
    end = await user.call(sys_brk(user.k, user.task, wanted))
    assert end == wanted, f"brk: {end:#x}"
    return old


async def fill(user: User, start: VirtAddr, pages: int) -> None:
    """Write to each page."""
    for page in range(pages):
        await user.touch(VirtAddr(start + page * PAGE_SIZE))


async def read_file(user: User, path: str, buffer: VirtAddr, size: int) -> int:
    """Read a file from one end to the other, `size` bytes at a time; its length."""
    fd = await opened(user, path, O_RDONLY)
    length = 0
    while count := await user.call(sys_read(user.k, user.task, fd, buffer, size)):
        assert count > 0, f"read of {path}: {count}"
        length += count
    await user.call(sys_close(user.k, user.task, fd))
    return length


async def write_file(user: User, path: str, buffer: VirtAddr, pages: int) -> None:
    """Make a file of so many pages, each of which is what the buffer's page has."""
    fd = await opened(user, path, O_CREAT | O_WRONLY | O_TRUNC)
    for _ in range(pages):
        await write_all(user, fd, buffer, PAGE_SIZE)
    await user.call(sys_close(user.k, user.task, fd))


async def write_all(user: User, fd: int, buffer: VirtAddr, size: int) -> None:
    count = await user.call(sys_write(user.k, user.task, fd, buffer, size))
    assert count == size, f"write: {count}"


async def opened(user: User, path: str, flags: int) -> int:
    """A descriptor of a file, which must be there or be made."""
    fd = await user.call(sys_open(user.k, user.task, path, flags))
    assert fd >= 0, f"open of {path}: {fd}"
    return fd
