"""Do the counts of files, names and inodes add up?

Asked when every thread of a run has ended, as `kmm.mm.audit` is about pages.
"""

from __future__ import annotations

from collections import Counter

from ..mm.kernel import Kernel
from ..mm.mm_types import File
from ..sim.failure import Leak
from .vfs import S_IFDIR, Dentry, Inode, Vfs, vfs_of


def audit_files(k: Kernel) -> None:
    """Compare each count with what refers to the structure.  Raises Leak."""
    vfs, open_files = vfs_of(k), open_files_of(k)
    regular = [file for file in open_files if file.f_dentry is not None]
    if Counter(regular) != Counter(vfs.s_files):
        raise Leak("the list of open files is not what processes have open")
    check_dentries(vfs, regular)
    check_inodes(k, vfs, open_files)


def open_files_of(k: Kernel) -> list[File]:
    """What all processes have open.  Raises Leak if a file's count is wrong."""
    tables = [task.files.fd for task in k.tasks.values() if task.files is not None]
    users = Counter(file for fd in tables for file in fd.values())
    for file, number in users.items():
        check(file.name, file.f_count, number)
    return list(users)


def check_dentries(vfs: Vfs, regular: list[File]) -> None:
    """Who has a file open refers to its name, and so does its existence."""
    opened = Counter(file.f_dentry for file in regular)
    for dentry in vfs.d_subdirs:
        is_name = dentry.hashed and dentry.d_inode is not None
        check(dentry.name, dentry.d_count, opened[dentry] + is_name)
        if dentry.hashed != (vfs.chain(dentry.d_name).first is dentry):
            raise Leak(f"{dentry.name}: whether it can be found is not what it says")
    if any(dentry not in vfs.d_subdirs for dentry in names_of(vfs)):
        raise Leak("a name can be found that is not in the directory")


def check_inodes(k: Kernel, vfs: Vfs, open_files: list[File]) -> None:
    """Who refers to an inode, how many names it has, and whether it is still wanted."""
    users: Counter[Inode | None] = Counter(d.d_inode for d in vfs.d_subdirs)
    users.update(f.f_mapping.host for f in open_files if f.f_dentry is None)
    names = Counter(dentry.d_inode for dentry in names_of(vfs))
    for inode in vfs.s_inodes.values():
        check(inode.name, inode.i_count, users[inode])
        if inode.i_pipe is None and inode.i_nlink != names[inode]:
            raise Leak(f"{inode.name}: {inode.i_nlink} links, {names[inode]} names")
        if not inode.i_count and not inode.i_mapping.i_mmap:
            raise Leak(f"{inode.name}: nobody refers to it, and it is still there")
    known = {None, *vfs.s_inodes.values()}
    for mapping in k.mappings.values():
        host = mapping.host
        if host not in known and host is not None and host.i_mode != S_IFDIR:
            raise Leak(f"{mapping.name}: its inode is gone")


def names_of(vfs: Vfs) -> list[Dentry]:
    """The dentries that a lookup can find."""
    found = [chain.first for chain in vfs.dentry_hashtable.values()]
    return [dentry for dentry in found if dentry is not None]


def check(name: str, count: int, users: int) -> None:
    if count != users:
        raise Leak(f"{name}: {count} references, {users} users")
