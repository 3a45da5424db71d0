"""Open files: how they are made, and what their kind is.

Linux: fs/file_table.c, fs/open.c.  A regular file refers to its dentry, and that to the
inode; so a file that has no name any more stays while it is open.
"""

from __future__ import annotations

from ..kernel.files import O_ACCMODE, O_RDONLY, FileOperations, new_file_name
from ..mm.kernel import Kernel
from ..mm.list_head import list_del
from ..mm.mm_types import File, Task
from .dcache import dput
from .inode import inode_unmapped
from .read_write import generic_file_read, generic_file_write
from .vfs import Dentry, Inode, vfs_of


async def dentry_open(
    k: Kernel, task: Task, dentry: Dentry, inode: Inode, flags: int
) -> File:
    """An open file, which gets the caller's reference to the dentry.

    Takes files_lock.
    """
    file = alloc_file(task, inode, flags, RAMFS_FILE)
    file.f_dentry = dentry
    vfs = vfs_of(k)
    async with vfs.files_lock:
        vfs.s_files.append(file)
    return file


def open_directory(k: Kernel, task: Task, flags: int) -> File:
    """The root, of which nothing can be read or written."""
    return alloc_file(task, vfs_of(k).root, flags, DIRECTORY)


def alloc_file(task: Task, inode: Inode, flags: int, f_op: FileOperations) -> File:
    """A file that is in no table yet."""
    name = new_file_name(task)
    writable = flags & O_ACCMODE != O_RDONLY
    return File(name, inode.i_mapping, writable, f_op=f_op, f_flags=flags)


async def release_file(k: Kernel, file: File) -> None:
    """The last descriptor has been closed (__fput).  Takes files_lock."""
    vfs = vfs_of(k)
    async with vfs.files_lock:
        list_del(vfs.s_files, file)
    assert file.f_dentry is not None
    await dput(k, file.f_dentry)


RAMFS_FILE = FileOperations(
    read=generic_file_read,
    write=generic_file_write,
    release=release_file,
    unmapped=inode_unmapped,
)
DIRECTORY = FileOperations()
