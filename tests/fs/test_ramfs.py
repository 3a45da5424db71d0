"""The file system as a whole: mounted or not, empty at first."""

from __future__ import annotations

import pytest
from building import boot

from kmm.fs.ramfs import init_rootfs
from kmm.fs.vfs import S_IFDIR, vfs_of
from kmm.mm.audit import audit


def test_without_a_file_system_nothing_can_be_opened() -> None:
    with pytest.raises(AssertionError, match="init_rootfs"):
        vfs_of(boot())


def test_a_new_one_has_a_directory_and_nothing_in_it() -> None:
    k = boot()
    init_rootfs(k)
    vfs = vfs_of(k)
    assert (vfs.root.i_mode, vfs.root.i_ino) == (S_IFDIR, 1)
    assert (vfs.s_inodes, vfs.d_subdirs, vfs.s_files) == ({}, [], [])
    audit(k)
