"""Opening files.

Linux: fs/open.c.  (Closing is in `kmm.kernel.files`.)
"""

from __future__ import annotations

from ..kernel.files import (
    O_CREAT,
    O_TRUNC,
    O_WRONLY,
    alloc_fd,
    fd_install,
    files_of,
    put_unused_fd,
)
from ..mm.kernel import Kernel
from ..mm.mm_types import Task
from .namei import do_filp_open


async def sys_open(k: Kernel, task: Task, path: str, flags: int) -> int:
    """A descriptor of a file, or an error.  Takes file_lock, twice."""
    files = files_of(task)
    fd = await alloc_fd(files)
    if fd < 0:
        return fd
    file = await do_filp_open(k, task, path, flags)
    if isinstance(file, int):
        await put_unused_fd(files, fd)
        return file
    await fd_install(files, fd, file)
    return fd


async def sys_creat(k: Kernel, task: Task, path: str) -> int:
    """A descriptor of a file that is empty, and open to be written; or an error."""
    return await sys_open(k, task, path, O_CREAT | O_WRONLY | O_TRUNC)
