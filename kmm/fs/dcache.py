"""The cache of names.

Linux: fs/dcache.c.  Names change under dcache_lock; who looks one up takes only the
dentry's own d_lock, inside an RCU read section.  So a lookup may come between the two
halves of whatever else goes on, and each of those looks at d_count again under d_lock.

A dentry of a ramfs goes with its last reference, as the file system says it should
(simple_delete_dentry); that of a file which exists has one reference more, so that it
stays.
"""

from __future__ import annotations

from ..mm.kernel import Kernel
from ..mm.list_head import list_del
from ..sim.access import atomic_add, read_once, write_once
from ..sim.locks import SpinLock, atomic_dec_and_lock
from .inode import iput
from .vfs import CHAIN, DENTRY, Dentry, Inode, vfs_of


async def d_lookup(k: Kernel, d_name: str) -> Dentry | None:
    """The dentry of a name, perhaps a negative one, with a reference; None if none.

    Takes d_lock.  (Linux has two of these, which differ only where names move.)
    """
    chain = vfs_of(k).chain(d_name)
    async with k.rcu:
        dentry = await read_once(chain, CHAIN.first)
        if dentry is None:
            return None
        async with dentry.d_lock:
            if not dentry.hashed:
                return None
            await dget(dentry)
    return dentry


async def dget(dentry: Dentry) -> None:
    await atomic_add(dentry, DENTRY.d_count, +1)


async def d_alloc(k: Kernel, d_name: str) -> Dentry:
    """A dentry that cannot be found yet, with one reference.  Takes dcache_lock."""
    vfs = vfs_of(k)
    async with vfs.dcache_lock:
        vfs.dentries_made += 1
        name = f"dentry#{vfs.dentries_made}"
        dentry = Dentry(name, d_name, SpinLock(f"{name}.d_lock"))
        vfs.d_subdirs.append(dentry)
    return dentry


async def d_instantiate(k: Kernel, dentry: Dentry, inode: Inode | None) -> None:
    """Let a name stand for a file.  Takes dcache_lock."""
    async with vfs_of(k).dcache_lock:
        await write_once(dentry, DENTRY.d_inode, inode)


async def d_rehash(k: Kernel, dentry: Dentry) -> None:
    """Let a dentry be found.  Takes dcache_lock, then d_lock."""
    vfs = vfs_of(k)
    async with vfs.dcache_lock, dentry.d_lock:
        dentry.hashed = True
        await write_once(vfs.chain(dentry.d_name), CHAIN.first, dentry)


async def d_drop(k: Kernel, dentry: Dentry) -> None:
    """Let a dentry be found no more.  Needs dcache_lock and d_lock."""
    if dentry.hashed:
        dentry.hashed = False
        await write_once(vfs_of(k).chain(dentry.d_name), CHAIN.first, None)


async def dput(k: Kernel, dentry: Dentry) -> None:
    """One reference less; with the last one the dentry goes, and refers to no inode.

    Takes dcache_lock, then d_lock; then inode_lock.
    """
    vfs = vfs_of(k)
    if not await atomic_dec_and_lock(dentry, DENTRY.d_count, vfs.dcache_lock):
        return
    await dentry.d_lock.lock()
    if await read_once(dentry, DENTRY.d_count):  # a lookup was quicker
        await dentry.d_lock.unlock()
        await vfs.dcache_lock.unlock()
        return
    await d_drop(k, dentry)
    list_del(vfs.d_subdirs, dentry)
    await dentry_iput(k, dentry)


async def dentry_iput(k: Kernel, dentry: Dentry) -> None:
    """Make a dentry negative.  Needs dcache_lock and d_lock, and gives both back."""
    inode = dentry.d_inode
    if inode is not None:
        await write_once(dentry, DENTRY.d_inode, None)
    await dentry.d_lock.unlock()
    await vfs_of(k).dcache_lock.unlock()
    if inode is not None:
        await iput(k, inode)


async def d_delete(k: Kernel, dentry: Dentry) -> None:
    """A name is gone: make it negative, or if others still use it hide it from lookups.

    The caller has a reference, and the directory's i_mutex.  Takes dcache_lock, then
    d_lock; then inode_lock.
    """
    vfs = vfs_of(k)
    await vfs.dcache_lock.lock()
    await dentry.d_lock.lock()
    if await read_once(dentry, DENTRY.d_count) == 1:
        await dentry_iput(k, dentry)
        return
    await d_drop(k, dentry)
    await dentry.d_lock.unlock()
    await vfs.dcache_lock.unlock()
