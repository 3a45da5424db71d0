"""From a name to a file: opening, linking, unlinking.

Linux: fs/namei.c.  A name that exists is found without the directory's i_mutex; who
makes or takes away one holds it, and looks again under it.

The directory's i_mutex and a file's are of one class.  Who takes both (link, unlink)
takes the directory's as that of a parent (I_MUTEX_PARENT), so that the file's may come
inside of it.  Lookup and open take the directory's alone, and take it plainly.

Left out: directories below the root, symbolic links, mounts, rights, the references
that a walk has to the directory.  Names are not fetched from the program's memory.
"""

from __future__ import annotations

from ..kernel.files import O_ACCMODE, O_CREAT, O_EXCL, O_RDONLY, O_TRUNC
from ..mm.errno import (
    EEXIST,
    EISDIR,
    ENAMETOOLONG,
    ENOENT,
    ENOTDIR,
    EPERM,
    ETXTBSY,
)
from ..mm.filemap import truncate_inode_pages
from ..mm.kernel import Kernel
from ..mm.mm_types import ADDRESS_SPACE, File, Task
from ..sim.access import atomic_add, read_once, write_once
from .dcache import d_alloc, d_delete, d_lookup, dput
from .file_table import dentry_open, open_directory
from .inode import iput
from .ramfs import ramfs_create, simple_link, simple_lookup, simple_unlink
from .vfs import DENTRY, I_MUTEX_PARENT, INODE, Dentry, Inode, vfs_of

NAME_MAX = 255
HERE = ("", ".", "..")  # the root is its own parent


# Walking.


async def link_path_walk(k: Kernel, path: str) -> str | int:
    """The last name of a path, or "" for the directory itself; or an error."""
    if not path:
        return -ENOENT
    *before, last = [part for part in path.split("/") if part] or [""]
    if any(len(part) > NAME_MAX for part in (*before, last)):
        return -ENAMETOOLONG
    for part in before:
        if part not in HERE:  # a file, in which there are no names
            return -ENOTDIR if await exists(k, part) else -ENOENT
    return "" if last in HERE else last


async def exists(k: Kernel, d_name: str) -> bool:
    dentry = await do_lookup(k, d_name)
    inode = await read_once(dentry, DENTRY.d_inode)
    await dput(k, dentry)
    return inode is not None


async def do_lookup(k: Kernel, d_name: str) -> Dentry:
    """The dentry of a name, perhaps a negative one, with a reference.

    Takes the directory's i_mutex if it is not in the cache.
    """
    dentry = await d_lookup(k, d_name)
    if dentry is None:
        async with vfs_of(k).root.i_mutex:
            dentry = await lookup_hash(k, d_name)
    return dentry


async def lookup_hash(k: Kernel, d_name: str) -> Dentry:
    """The same for those who have the directory's i_mutex."""
    dentry = await d_lookup(k, d_name)
    if dentry is None:
        dentry = await d_alloc(k, d_name)
        await simple_lookup(k, dentry)
    return dentry


# Opening.


async def do_filp_open(k: Kernel, task: Task, path: str, flags: int) -> File | int:
    """Open a file, made if it is to be; or an error."""
    d_name = await link_path_walk(k, path)
    if isinstance(d_name, int):
        return d_name
    if not d_name:
        is_written = flags & (O_CREAT | O_TRUNC) or flags & O_ACCMODE != O_RDONLY
        return -EISDIR if is_written else open_directory(k, task, flags)
    if flags & O_CREAT:
        dentry, is_new = await open_namei_create(k, d_name)
    else:
        dentry, is_new = await do_lookup(k, d_name), False
    inode = await read_once(dentry, DENTRY.d_inode)
    if inode is None:
        error = -ENOENT
    elif flags & O_CREAT and flags & O_EXCL and not is_new:
        error = -EEXIST
    elif flags & O_TRUNC and not is_new:
        error = await do_truncate(k, inode)
    else:
        error = 0
    if error or inode is None:
        await dput(k, dentry)
        return error
    return await dentry_open(k, task, dentry, inode, flags)


async def open_namei_create(k: Kernel, d_name: str) -> tuple[Dentry, bool]:
    """A name that stands for a file, with a reference; and whether it is new.

    Takes the directory's i_mutex.
    """
    async with vfs_of(k).root.i_mutex:
        dentry = await lookup_hash(k, d_name)
        is_new = await read_once(dentry, DENTRY.d_inode) is None
        if is_new:
            await ramfs_create(k, dentry)
    return dentry, is_new


async def do_truncate(k: Kernel, inode: Inode) -> int:
    """Make a file empty: 0, or -ETXTBSY if it is mapped.  Takes its i_mutex.

    Linux unmaps what is beyond the new end, which is left out here.
    """
    mapping = inode.i_mapping
    async with inode.i_mutex:
        async with mapping.i_mmap_lock:
            is_mapped = bool(mapping.i_mmap)
        if is_mapped:
            return -ETXTBSY
        await write_once(mapping, ADDRESS_SPACE.size, 0)
        await truncate_inode_pages(k, mapping)
    return 0


# Names.


async def sys_link(k: Kernel, task: Task, old_path: str, new_path: str) -> int:
    """Give a file another name; 0 or an error.

    Takes the directory's i_mutex, then the file's.  As in 2.6.34, a file whose last
    name has gone since it was found gets a new one.
    """
    old_name = await link_path_walk(k, old_path)
    if isinstance(old_name, int):
        return old_name
    new_name = await link_path_walk(k, new_path)
    if isinstance(new_name, int):
        return new_name
    if not old_name:
        return -EPERM if new_name else -EEXIST
    old = await do_lookup(k, old_name)
    error = await link_to(k, old, new_name)
    await dput(k, old)
    return error


async def link_to(k: Kernel, old: Dentry, new_name: str) -> int:
    """Give a file that was looked up another name (vfs_link)."""
    inode = await read_once(old, DENTRY.d_inode)
    if inode is None:
        return -ENOENT
    if not new_name:
        return -EEXIST
    async with vfs_of(k).root.i_mutex.nested(I_MUTEX_PARENT):
        dentry = await lookup_hash(k, new_name)
        error = 0
        if await read_once(dentry, DENTRY.d_inode) is not None:
            error = -EEXIST
        else:
            async with inode.i_mutex:
                await simple_link(k, old, dentry)
        await dput(k, dentry)
    return error


async def sys_unlink(k: Kernel, task: Task, path: str) -> int:
    """Take a name away; 0 or an error.  The file stays while somebody uses it.

    Takes the directory's i_mutex, then the file's.  The pages go after that.
    """
    d_name = await link_path_walk(k, path)
    if isinstance(d_name, int):
        return d_name
    if not d_name:
        return -EISDIR
    async with vfs_of(k).root.i_mutex.nested(I_MUTEX_PARENT):
        dentry = await lookup_hash(k, d_name)
        inode = await read_once(dentry, DENTRY.d_inode)
        if inode is not None:
            await atomic_add(inode, INODE.i_count, +1)
            await vfs_unlink(k, dentry, inode)
        await dput(k, dentry)
    if inode is None:
        return -ENOENT
    await iput(k, inode)
    return 0


async def vfs_unlink(k: Kernel, dentry: Dentry, inode: Inode) -> None:
    """Takes the file's i_mutex, then dcache_lock."""
    async with inode.i_mutex:
        await simple_unlink(k, dentry)
    await d_delete(k, dentry)
