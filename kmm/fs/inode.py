"""Inodes: how they are made, and when they go.

Linux: fs/inode.c.  A ramfs keeps a reference to an inode for each of its names, so one
that nobody refers to has no name either.  An inode goes, and its pages with it, when
its i_count is 0 and no VMA maps it, whichever comes last; that is found out under
inode_lock.
"""

from __future__ import annotations

from ..mm.filemap import new_mapping, truncate_inode_pages
from ..mm.gfp import GFP_HIGHUSER
from ..mm.kernel import Kernel
from ..mm.mm_types import File
from ..sim.access import read_once
from ..sim.locks import Mutex, atomic_dec_and_lock
from .vfs import INODE, S_IFIFO, Inode, vfs_of


async def new_inode(k: Kernel, mode: int) -> Inode:
    """A file of a kind, with no name yet and one reference.  Takes inode_lock."""
    vfs = vfs_of(k)
    async with vfs.inode_lock:
        vfs.last_ino += 1
        inode = alloc_inode(k, vfs.last_ino, mode)
        vfs.s_inodes[inode.i_ino] = inode
    return inode


def alloc_inode(k: Kernel, ino: int, mode: int) -> Inode:
    """Each sort of file system has its own class of i_mutex."""
    name = f"pipe#{ino}" if mode == S_IFIFO else f"inode#{ino}"
    mapping = new_mapping(k, "ramfs", GFP_HIGHUSER)
    inode = Inode(name, ino, mode, Mutex(f"{name}.i_mutex"), mapping)
    mapping.host = inode
    return inode


async def iput(k: Kernel, inode: Inode) -> None:
    """One reference less; with the last one it goes, unless VMAs still map it.

    Takes inode_lock, then i_mmap_lock.
    """
    vfs = vfs_of(k)
    if not await atomic_dec_and_lock(inode, INODE.i_count, vfs.inode_lock):
        return
    is_last = await forget_if_unmapped(k, inode)
    await vfs.inode_lock.unlock()
    if is_last:
        await truncate_inode_pages(k, inode.i_mapping)


async def inode_unmapped(k: Kernel, file: File) -> None:
    """A VMA that mapped a file is gone.  Takes inode_lock, then i_mmap_lock."""
    inode, vfs = file.f_mapping.host, vfs_of(k)
    assert inode is not None
    is_last = False
    async with vfs.inode_lock:
        if await read_once(inode, INODE.i_count) == 0 and not inode.i_freeing:
            is_last = await forget_if_unmapped(k, inode)
    if is_last:
        await truncate_inode_pages(k, inode.i_mapping)


async def forget_if_unmapped(k: Kernel, inode: Inode) -> bool:
    """Take an inode that nobody refers to off the lists, unless a VMA maps it.

    Whether the caller is to give up its pages.  Needs inode_lock.  Nobody can map it
    any more, for want of an open file, so what is unmapped stays so.
    """
    async with inode.i_mapping.i_mmap_lock:
        inode.i_freeing = not inode.i_mapping.i_mmap
    if inode.i_freeing:
        del vfs_of(k).s_inodes[inode.i_ino]
        del k.mappings[inode.i_mapping.name]
    return inode.i_freeing
