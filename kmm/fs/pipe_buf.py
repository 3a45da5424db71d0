"""What a pipe holds: bytes, in up to sixteen pages that it gets as they are needed.

Linux: include/linux/pipe_fs_i.h, and the middle of fs/pipe.c.  All of this needs the
inode's i_mutex.
"""

from __future__ import annotations

from attrs import define, field

from ..hw.memory import PAGE_SIZE
from ..kernel.signal import SIGPIPE, send_signal
from ..kernel.uaccess import copy_from_user, copy_to_user
from ..mm.errno import EFAULT, ENOMEM, EPIPE
from ..mm.gfp import GFP_HIGHUSER
from ..mm.kernel import Kernel
from ..mm.mm_types import PAGE, Page, Task, page_to_phys
from ..mm.page_alloc import alloc_page
from ..mm.swap import put_page
from ..sim.access import read_once
from ..sim.wait import WaitQueue

PIPE_BUFFERS = 16
PIPE_BUF = PAGE_SIZE


@define(eq=False)
class PipeBuffer:
    """struct pipe_buffer: the bytes of a page that nobody has read yet."""

    page: Page
    offset: int
    len: int


@define(eq=False)
class Pipe:
    """struct pipe_inode_info.  All of it is under i_mutex, but for the queue."""

    name: str
    wait: WaitQueue
    bufs: list[PipeBuffer] = field(factory=list)  # the one to be read first
    tmp_page: Page | None = None  # a page that was read, for the next write
    readers: int = 1
    writers: int = 1
    waiting_writers: int = 0

    def pages(self) -> list[Page]:
        kept = [] if self.tmp_page is None else [self.tmp_page]
        return [*kept, *(buffer.page for buffer in self.bufs)]


# Taking out.


async def read_buffers(
    k: Kernel, task: Task, pipe: Pipe, buffer: int, count: int
) -> tuple[int, bool]:
    """Read what there is: how many bytes, and whether a buffer is empty by that.

    It ends before a buffer that the program's memory cannot take.
    """
    done, emptied = 0, False
    while pipe.bufs and done < count:
        first = pipe.bufs[0]
        length = min(first.len, count - done)
        data = await k.memory.load(page_to_phys(first.page, first.offset), length)
        if await copy_to_user(task, buffer + done, data):
            break
        done += length
        first.offset += length
        first.len -= length
        if not first.len:
            del pipe.bufs[0]
            await release_page(k, pipe, first.page)
            emptied = True
    return done, emptied


async def release_page(k: Kernel, pipe: Pipe, page: Page) -> None:
    """Keep a page that was read for the next write, or give it back.

    (anon_pipe_buf_release.)
    """
    if pipe.tmp_page is None and await read_once(page, PAGE.count) == 1:
        pipe.tmp_page = page
    else:
        await put_page(k, page)


# Putting in.


async def fill(
    k: Kernel, task: Task, pipe: Pipe, buffer: int, count: int
) -> tuple[int, int]:
    """Write as much as there is room for: how many bytes, and an error if any.

    What is over whole pages (`count % PAGE_SIZE`) goes first, behind the last bytes, if
    it fits there: then the rest fills its pages to the end.  If it does not fit, the
    last page is a part of one.
    """
    if not pipe.readers:
        await send_signal(task, SIGPIPE)
        return 0, -EPIPE
    done = await append(k, task, pipe, buffer, count % PAGE_SIZE)
    if done < 0:
        return 0, done
    while done < count and len(pipe.bufs) < PIPE_BUFFERS:
        length = min(PAGE_SIZE, count - done)
        error = await add_buffer(k, task, pipe, buffer + done, length)
        if error:
            return done, error
        done += length
    return done, 0


async def append(k: Kernel, task: Task, pipe: Pipe, buffer: int, length: int) -> int:
    """Put bytes behind the last ones, if all fit in that page; how many, or -EFAULT."""
    last = pipe.bufs[-1] if pipe.bufs else None
    if last is None or not length or last.offset + last.len + length > PAGE_SIZE:
        return 0
    data = await copy_from_user(task, buffer, length)
    if data is None:
        return -EFAULT
    await k.memory.store(page_to_phys(last.page, last.offset + last.len), data)
    last.len += length
    return length


async def add_buffer(
    k: Kernel, task: Task, pipe: Pipe, buffer: int, length: int
) -> int:
    """Put bytes into a page of their own; 0, -ENOMEM or -EFAULT."""
    if pipe.tmp_page is None:
        pipe.tmp_page = await alloc_page(k, GFP_HIGHUSER)
        if pipe.tmp_page is None:
            return -ENOMEM
    page = pipe.tmp_page
    data = await copy_from_user(task, buffer, length)
    if data is None:
        return -EFAULT  # the page stays, for the next write
    await k.memory.store(page_to_phys(page), data)
    pipe.tmp_page = None
    pipe.bufs.append(PipeBuffer(page, 0, length))
    return 0
