"""Descriptors from open and creat."""

from __future__ import annotations

from users import user

from kmm.fs.vfs import vfs_of
from kmm.kernel.files import O_RDWR, RLIMIT_NOFILE
from kmm.mm.errno import EBADF, EISDIR, EMFILE, ENOENT


def test_a_file_gets_the_lowest_descriptor_that_is_free() -> None:
    u = user()
    assert [u.creat("a"), u.creat("b"), u.creat("c")] == [0, 1, 2]
    assert u.close(1) == 0
    assert u.open("a") == 1
    assert u.fds() == [0, 1, 2]
    u.audit()


def test_creat_opens_to_write_only() -> None:
    u = user()
    fd = u.creat("a")
    assert u.read(fd, 1) == -EBADF
    assert u.write(fd, b"x") == 1
    assert u.creat("/") == -EISDIR


def test_an_open_that_fails_gives_its_descriptor_back() -> None:
    u = user()
    assert u.open("none", O_RDWR) == -ENOENT
    assert u.creat("a") == 0


def test_a_process_may_have_so_many_files_and_no_more() -> None:
    u = user()
    first = u.creat("a")
    assert u.task.files is not None
    u.task.files.open_fds.update(range(1, RLIMIT_NOFILE - 1))
    assert u.open("a") == RLIMIT_NOFILE - 1
    assert u.open("a") == -EMFILE
    assert u.creat("new") == -EMFILE
    assert u.open("new") == -EMFILE
    assert u.close(first) == 0
    assert u.open("new") == -ENOENT, "it was not made"
    assert u.open("a") == first


def test_what_is_open_is_on_the_list_of_open_files() -> None:
    u = user()
    fd = u.creat("a")
    assert vfs_of(u.k).s_files == [u.file(fd)]
    u.close(fd)
    assert vfs_of(u.k).s_files == []
