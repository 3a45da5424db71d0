"""What a process has open: the table of file descriptors.

Linux: fs/file.c, fs/file_table.c, fs/open.c.  It stands here and not in `kmm.fs` since
fork copies the table and exit closes it.  What a file is, its operations say: what to
do for a read or a write, and when the last descriptor has been closed.

Left out: threads, so a table belongs to one process, which looks into it without a lock
(fget_light); close-on-exec; limits that can be changed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import define, field, frozen

from ..mm.errno import EBADF, EMFILE
from ..mm.kernel import Kernel
from ..mm.mm_types import FILE, File, Task
from ..sim.access import atomic_add
from ..sim.locks import SpinLock

RLIMIT_NOFILE = 1024

# How to open a file (include/asm-generic/fcntl.h).
O_RDONLY = 0o0
O_WRONLY = 0o1
O_RDWR = 0o2
O_ACCMODE = 0o3
O_CREAT = 0o100
O_EXCL = 0o200
O_TRUNC = 0o1000
O_APPEND = 0o2000
O_NONBLOCK = 0o4000

# Of a file, with the address in the program's memory and the number of bytes; how many
# were moved, or an error.
Transfer = Callable[[Kernel, Task, File, int, int], Awaitable[int]]


@frozen
class FileOperations:
    """struct file_operations: what kind of a file it is."""

    read: Transfer | None = None
    write: Transfer | None = None
    # Nobody has it open any more.
    release: Callable[[Kernel, File], Awaitable[None]] | None = None
    # A VMA that mapped it is gone; without this it cannot be mapped.  (In Linux one of
    # the vm_operations that f_op->mmap sets.)
    unmapped: Callable[[Kernel, File], Awaitable[None]] | None = None


@define(eq=False)
class FilesStruct:
    """struct files_struct: the open files of a process, by descriptor."""

    name: str
    file_lock: SpinLock
    # Under file_lock:
    fd: dict[int, File] = field(factory=dict)
    open_fds: set[int] = field(factory=set)  # those that are given out
    opened: int = 0  # so far, for names


def new_files_struct(pid: int) -> FilesStruct:
    name = f"files of {pid}"
    return FilesStruct(name, SpinLock(f"file_lock of {pid}"))


def files_of(task: Task) -> FilesStruct:
    """A process's table, which it has from the first time on that it needs one."""
    if task.files is None:
        task.files = new_files_struct(task.pid)
    return task.files


def fget_light(task: Task, fd: int) -> File | None:
    """The file of a descriptor.  Without a reference: only its process can close it."""
    return task.files.fd.get(fd) if task.files is not None else None


def new_file_name(task: Task) -> str:
    """A name that does not depend on what other processes do."""
    files = files_of(task)
    files.opened += 1
    return f"file#{files.opened} of {task.pid}"


# Descriptors.


async def alloc_fd(files: FilesStruct) -> int:
    """Give out the lowest descriptor that is free, or -EMFILE.  Takes file_lock."""
    async with files.file_lock:
        fd = 0
        while fd in files.open_fds:
            fd += 1
        if fd >= RLIMIT_NOFILE:
            return -EMFILE
        files.open_fds.add(fd)
    return fd


async def put_unused_fd(files: FilesStruct, fd: int) -> None:
    """Take a descriptor back that no file was found for.  Takes file_lock."""
    async with files.file_lock:
        files.open_fds.remove(fd)


async def fd_install(files: FilesStruct, fd: int, file: File) -> None:
    """Let a descriptor stand for a file, whose reference it gets.  Takes file_lock."""
    async with files.file_lock:
        files.fd[fd] = file


async def sys_close(k: Kernel, task: Task, fd: int) -> int:
    """0 or -EBADF.  Takes file_lock."""
    files = files_of(task)
    async with files.file_lock:
        file = files.fd.pop(fd, None)
        if file is not None:
            files.open_fds.remove(fd)
    if file is None:
        return -EBADF
    await fput(k, file)
    return 0


async def fput(k: Kernel, file: File) -> None:
    """One table less that has a file; with the last one it is closed.

    May sleep, and takes what the file's `release` takes: files_lock and then what
    `dcache.dput` takes, or a pipe's i_mutex.  The caller holds none of these.
    """
    if await atomic_add(file, FILE.f_count, -1) == 0:
        assert file.f_op is not None
        if file.f_op.release is not None:
            await file.f_op.release(k, file)


# Whole tables.


async def dup_fd(old: FilesStruct, pid: int) -> FilesStruct:
    """A copy for a child: both share each file, and its position.  Takes file_lock."""
    files = new_files_struct(pid)
    async with old.file_lock:
        for fd, file in old.fd.items():
            await atomic_add(file, FILE.f_count, +1)
            files.fd[fd] = file
            files.open_fds.add(fd)
    return files


async def exit_files(k: Kernel, task: Task) -> None:
    """Close all that a process has open.  May sleep, and takes what `fput` takes.

    Not file_lock: nobody else looks into its table.
    """
    files = task.files
    if files is None:
        return
    task.files = None
    for fd in sorted(files.fd):
        await fput(k, files.fd[fd])
