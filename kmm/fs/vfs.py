"""The structures of the file system: inodes, and the names that lead to them.

Linux: include/linux/fs.h, include/linux/dcache.h.  In 2.6.34 three locks are the whole
kernel's: dcache_lock for names, inode_lock for inodes, files_lock for open files.

An *inode* is a file: its kind, its pages, how many names it has.  A *dentry* is a name,
found by way of a hash table; one without an inode (a *negative* one) says that there is
no such file.  Here there is one directory, the root, which is there as long as the
kernel is, so nobody counts references to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field, fields

from ..mm.kernel import Kernel
from ..mm.mm_types import AddressSpace, File
from ..sim.locks import Mutex, SpinLock

if TYPE_CHECKING:
    from .pipe_buf import Pipe

S_IFIFO = 0o010000
S_IFDIR = 0o040000
S_IFREG = 0o100000

# The directory's i_mutex is taken before that of a file in it.
I_MUTEX_PARENT = 1


@define(eq=False)
class Inode:
    """struct inode: a file."""

    name: str
    i_ino: int
    i_mode: int  # S_IFREG, S_IFDIR or S_IFIFO
    # Keeps a directory's names, a file's size, and a pipe.
    i_mutex: Mutex
    i_mapping: AddressSpace
    i_nlink: int = 1  # names; under i_mutex
    # Atomic: who refers to it; comes to 0 under inode_lock only.  VMAs are not counted:
    # the inode goes when this is 0 and nobody maps it, whichever comes last.
    i_count: int = 1
    i_freeing: bool = False  # I_FREEING, under inode_lock: its pages are about to go
    i_pipe: Pipe | None = None


@define(eq=False)
class Dentry:
    """struct dentry: a name in the root directory."""

    name: str  # the model's own, for there may have been others of the same d_name
    d_name: str
    d_lock: SpinLock
    # Written under dcache_lock, and read without it by who has a reference.
    d_inode: Inode | None = None
    d_count: int = 1  # atomic, and raised from 0 by a lookup, under d_lock
    hashed: bool = False  # can be found; under dcache_lock and d_lock


@define(eq=False)
class HashChain:
    """The dentry of a name, to be looked up under RCU.  Written under dcache_lock."""

    name: str
    first: Dentry | None = None


@define(eq=False)
class Vfs:
    """What all files share: the kernel's own variables, and the super_block's."""

    name: str
    root: Inode
    dcache_lock: SpinLock = field(factory=lambda: SpinLock("dcache_lock"))
    inode_lock: SpinLock = field(factory=lambda: SpinLock("inode_lock"))
    files_lock: SpinLock = field(factory=lambda: SpinLock("files_lock"))
    # A chain is made when it is first asked for.
    dentry_hashtable: dict[str, HashChain] = field(factory=dict)
    # Under dcache_lock:
    d_subdirs: list[Dentry] = field(factory=list)
    dentries_made: int = 0
    # Under inode_lock:
    s_inodes: dict[int, Inode] = field(factory=dict)  # by number
    last_ino: int = 1
    # Under files_lock:
    s_files: list[File] = field(factory=list)

    def chain(self, d_name: str) -> HashChain:
        """d_hash."""
        if d_name not in self.dentry_hashtable:
            chain = HashChain(f"dentry_hashtable[{d_name}]")
            self.dentry_hashtable[d_name] = chain
        return self.dentry_hashtable[d_name]


INODE = fields(Inode)
DENTRY = fields(Dentry)
CHAIN = fields(HashChain)


def vfs_of(k: Kernel) -> Vfs:
    assert k.vfs is not None, "no file system is mounted: see ramfs.init_rootfs"
    return k.vfs
