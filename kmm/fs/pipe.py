"""Pipes.

Linux: fs/pipe.c.  A pipe is kept by its inode's i_mutex; readers and writers sleep on
one queue, and give i_mutex back meanwhile.  What is in it, `pipe_buf` says.

A write of PIPE_BUF bytes or less goes in whole, since i_mutex is held from when there
is room for it; a longer one may be mixed with others'.

Left out: a file system of its own, and so the dentry of a pipe; splice.
"""

from __future__ import annotations

from ..kernel.files import (
    O_NONBLOCK,
    O_RDONLY,
    O_WRONLY,
    FileOperations,
    alloc_fd,
    fd_install,
    files_of,
    fput,
    put_unused_fd,
)
from ..kernel.wait import (
    finish_wait_interruptible,
    prepare_to_wait_interruptible,
    schedule_interruptible,
    signal_pending,
)
from ..mm.errno import EAGAIN, EFAULT, ERESTARTSYS
from ..mm.kernel import Kernel
from ..mm.mm_types import File, Task
from ..mm.swap import put_page
from ..sim.access import atomic_add
from ..sim.failure import not_null
from ..sim.wait import WaitQueue
from .file_table import alloc_file
from .inode import iput, new_inode
from .pipe_buf import Pipe, fill, read_buffers
from .vfs import INODE, S_IFIFO, Inode

# Making one.


async def sys_pipe(k: Kernel, task: Task, flags: int = 0) -> tuple[int, int] | int:
    """Descriptors of a pipe's two ends, to read and to write; or -EMFILE.

    (sys_pipe2; `flags` is 0 or O_NONBLOCK.)
    """
    inode = await get_pipe_inode(k)
    read_end = alloc_file(task, inode, O_RDONLY | flags, READ_END)
    write_end = alloc_file(task, inode, O_WRONLY | flags, WRITE_END)
    files = files_of(task)
    reading = await alloc_fd(files)
    writing = await alloc_fd(files) if reading >= 0 else reading
    if writing >= 0:
        await fd_install(files, reading, read_end)
        await fd_install(files, writing, write_end)
        return reading, writing
    if reading >= 0:
        await put_unused_fd(files, reading)
    await fput(k, write_end)
    await fput(k, read_end)
    return writing


async def get_pipe_inode(k: Kernel) -> Inode:
    """A pipe, with a reference for each end."""
    inode = await new_inode(k, S_IFIFO)
    inode.i_pipe = Pipe(inode.name, WaitQueue(f"{inode.name}.wait"))
    await atomic_add(inode, INODE.i_count, +1)
    return inode


# Reading.


async def pipe_read(k: Kernel, task: Task, file: File, buffer: int, count: int) -> int:
    """What there is, once there is something; 0 if nobody will write any more.

    Takes i_mutex, and sleeps without it.
    """
    if count == 0:
        return 0
    inode, pipe = pipe_of(file)
    done, has_room = 0, False
    await inode.i_mutex.lock()
    while True:
        moved, emptied = await read_buffers(k, task, pipe, buffer + done, count - done)
        done, has_room = done + moved, has_room or emptied
        result = await result_of_read(task, file, pipe, done, count)
        if result is not None:
            break
        if has_room:
            await pipe.wait.wake_up()
            has_room = False
        await pipe_wait(task, inode, pipe)
    await inode.i_mutex.unlock()
    if has_room:
        await pipe.wait.wake_up()
    return result


async def result_of_read(
    task: Task, file: File, pipe: Pipe, done: int, count: int
) -> int | None:
    """What a read is to return; None if it has to wait.  Needs i_mutex."""
    if pipe.bufs and done < count:
        return done or -EFAULT  # it could not be stored
    if done == count or not pipe.writers:
        return done
    if not pipe.waiting_writers:  # nobody is about to write more
        if done:
            return done
        if file.f_flags & O_NONBLOCK:
            return -EAGAIN
    return done or -ERESTARTSYS if await signal_pending(task) else None


# Writing.


async def pipe_write(k: Kernel, task: Task, file: File, buffer: int, count: int) -> int:
    """Write all of it, sleeping while there is no room; SIGPIPE if nobody can read.

    Takes i_mutex, and sleeps without it.
    """
    if count == 0:
        return 0
    inode, pipe = pipe_of(file)
    done, has_data = 0, False
    await inode.i_mutex.lock()
    while True:
        moved, error = await fill(k, task, pipe, buffer + done, count - done)
        done, has_data = done + moved, has_data or moved > 0
        result = await result_of_write(task, file, done, error, count)
        if result is not None:
            break
        if has_data:
            await pipe.wait.wake_up()
            has_data = False
        pipe.waiting_writers += 1
        await pipe_wait(task, inode, pipe)
        pipe.waiting_writers -= 1
    await inode.i_mutex.unlock()
    if has_data:
        await pipe.wait.wake_up()
    return result


async def result_of_write(
    task: Task, file: File, done: int, error: int, count: int
) -> int | None:
    """What a write is to return; None if it has to wait.  Needs i_mutex."""
    if error or done == count:
        return done or error
    if file.f_flags & O_NONBLOCK:
        return done or -EAGAIN
    return done or -ERESTARTSYS if await signal_pending(task) else None


# Both.


async def pipe_wait(task: Task, inode: Inode, pipe: Pipe) -> None:
    """Sleep until something changes, or a signal comes, without i_mutex meanwhile."""
    sleep = await prepare_to_wait_interruptible(task, pipe.wait)
    await inode.i_mutex.unlock()
    await schedule_interruptible(task, sleep)
    await finish_wait_interruptible(task, sleep)
    await inode.i_mutex.lock()


async def release_read_end(k: Kernel, file: File) -> None:
    await pipe_release(k, file, readers=1, writers=0)


async def release_write_end(k: Kernel, file: File) -> None:
    await pipe_release(k, file, readers=0, writers=1)


async def pipe_release(k: Kernel, file: File, readers: int, writers: int) -> None:
    """An end is closed; who sleeps at the other is to know.  Takes i_mutex."""
    inode, pipe = pipe_of(file)
    async with inode.i_mutex:
        pipe.readers -= readers
        pipe.writers -= writers
        if pipe.readers or pipe.writers:
            await pipe.wait.wake_up()
        else:
            await free_pipe_info(k, inode, pipe)
    await iput(k, inode)


async def free_pipe_info(k: Kernel, inode: Inode, pipe: Pipe) -> None:
    """Both ends are closed: what was not read is lost."""
    inode.i_pipe = None
    for page in pipe.pages():
        await put_page(k, page)


def pipe_of(file: File) -> tuple[Inode, Pipe]:
    inode = file.f_mapping.host
    assert inode is not None
    return inode, not_null(inode.i_pipe, f"{inode.name} has no pipe any more")


READ_END = FileOperations(read=pipe_read, release=release_read_end)
WRITE_END = FileOperations(write=pipe_write, release=release_write_end)
