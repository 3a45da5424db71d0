"""Which of the file system's structures the CPUs share, as `kmm.mm.shared` has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .pipe_buf import Pipe, PipeBuffer
from .vfs import Dentry, HashChain, Inode, Vfs

# What is left out is what it is from the start, or the model's own.
FILE_STRUCTURES: Mapping[type, Collection[str]] = {
    Inode: ("i_nlink", "i_count", "i_freeing", "i_pipe"),
    Dentry: ("d_inode", "d_count", "hashed"),
    HashChain: ("first",),
    Vfs: ("d_subdirs", "s_inodes", "last_ino", "s_files"),
    Pipe: ("bufs", "tmp_page", "readers", "writers", "waiting_writers"),
    PipeBuffer: ("page", "offset", "len"),
}
