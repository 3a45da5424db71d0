"""What does not add up is noticed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from users import User, inode, user

from kmm.fs.audit import audit_files
from kmm.fs.vfs import Dentry, vfs_of
from kmm.sim.failure import Leak


def dentry_of(u: User) -> Dentry:
    return vfs_of(u.k).d_subdirs[0]


def one_link_more(u: User) -> None:
    inode(u.k, "a").i_nlink += 1


def one_inode_reference_more(u: User) -> None:
    inode(u.k, "a").i_count += 1


def one_dentry_reference_less(u: User) -> None:
    dentry_of(u).d_count -= 1


def one_file_reference_more(u: User) -> None:
    u.file(0).f_count += 1


def lost_name(u: User) -> None:
    vfs_of(u.k).chain("a").first = None


def hidden_name(u: User) -> None:
    dentry_of(u).hashed = False


def name_beside_the_directory(u: User) -> None:
    vfs_of(u.k).d_subdirs.clear()


def file_on_no_list(u: User) -> None:
    vfs_of(u.k).s_files.clear()


def inode_on_no_list(u: User) -> None:
    del vfs_of(u.k).s_inodes[inode(u.k, "a").i_ino]


def pipe_that_nobody_has(u: User) -> None:
    fds = u.pipe()
    assert u.task.files is not None
    for fd in fds:
        del u.task.files.fd[fd]


def unmapped_inode_that_nobody_has(u: User) -> None:
    kept = inode(u.k, "a")
    u.close(0)
    u.unlink("a")
    vfs_of(u.k).s_inodes[kept.i_ino] = kept


@pytest.mark.parametrize(
    "error",
    [
        one_link_more,
        one_inode_reference_more,
        one_dentry_reference_less,
        one_file_reference_more,
        lost_name,
        hidden_name,
        name_beside_the_directory,
        file_on_no_list,
        inode_on_no_list,
        pipe_that_nobody_has,
        unmapped_inode_that_nobody_has,
    ],
)
def test_an_error_that_is_planted_is_found(error: Callable[[User], None]) -> None:
    u = user()
    u.creat("a")
    audit_files(u.k)
    error(u)
    with pytest.raises(Leak):
        audit_files(u.k)
