"""A file system that is in memory only, and has one directory.

Linux: fs/ramfs/inode.c, and fs/libfs.c for the simple_ functions.  Its pages are not on
any disk, so they stay in the page cache until the file goes.  All of these need the
directory's i_mutex.

Left out: directories in it, and all else that has a name but is no file; times, rights.
"""

from __future__ import annotations

from ..mm.kernel import Kernel
from ..sim.access import atomic_add, read_once
from .dcache import d_instantiate, d_rehash, dget, dput
from .inode import alloc_inode, new_inode
from .vfs import DENTRY, INODE, S_IFDIR, S_IFREG, Dentry, Vfs


def init_rootfs(k: Kernel) -> None:
    """Mount a ramfs with nothing in it, before anybody runs."""
    root = alloc_inode(k, 1, S_IFDIR)
    k.vfs = Vfs("vfs", root)


async def simple_lookup(k: Kernel, dentry: Dentry) -> None:
    """A name that is not in the cache is not there at all (d_add).

    Takes dcache_lock, twice, and d_lock.
    """
    await d_instantiate(k, dentry, None)
    await d_rehash(k, dentry)


async def ramfs_create(k: Kernel, dentry: Dentry) -> None:
    """Make an empty file for a name.  Takes inode_lock, then dcache_lock."""
    inode = await new_inode(k, S_IFREG)
    await d_instantiate(k, dentry, inode)
    await dget(dentry)  # there is no disk from which to get it again


async def simple_link(k: Kernel, old: Dentry, dentry: Dentry) -> None:
    """One more name for a file, whose i_mutex is needed.  Takes dcache_lock."""
    inode = await read_once(old, DENTRY.d_inode)
    assert inode is not None
    inode.i_nlink += 1
    await atomic_add(inode, INODE.i_count, +1)
    await dget(dentry)
    await d_instantiate(k, dentry, inode)


async def simple_unlink(k: Kernel, dentry: Dentry) -> None:
    """One name less for a file, whose i_mutex is needed."""
    inode = await read_once(dentry, DENTRY.d_inode)
    assert inode is not None
    inode.i_nlink -= 1
    await dput(k, dentry)  # the one of `ramfs_create` or `simple_link`
