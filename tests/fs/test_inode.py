"""An inode goes once, with whoever is the last to need it: a name, a file or a VMA."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from building import free_frames, thread
from users import User, proof, user

from kmm.fs.inode import new_inode
from kmm.fs.namei import sys_unlink
from kmm.fs.vfs import S_IFREG, vfs_of
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.files import O_CREAT, O_RDWR, sys_close
from kmm.kernel.syscalls import sys_mmap_pgoff, sys_munmap
from kmm.mm.gfp import GFP_HIGHUSER
from kmm.mm.mmap import MAP_SHARED, PROT_READ
from kmm.sim.machine import Machine


def test_each_file_has_a_number_and_its_pages_cannot_be_moved() -> None:
    u = user()
    first = u.run(new_inode(u.k, S_IFREG))
    second = u.run(new_inode(u.k, S_IFREG))
    assert [first.i_ino, second.i_ino] == [2, 3]
    assert first.i_mapping.gfp_mask == GFP_HIGHUSER
    assert first.i_mapping.host is first
    assert vfs_of(u.k).s_inodes == {2: first, 3: second}


def mapped_file(u: User) -> tuple[int, VirtAddr]:
    fd = u.open("a", O_CREAT | O_RDWR)
    u.write(fd, b"data")
    call = sys_mmap_pgoff(u.k, u.task, 0, PAGE_SIZE, PROT_READ, MAP_SHARED, fd)
    where = VirtAddr(u.run(call))
    assert u.process.load(where, 4) == b"data"
    return fd, where


Use = Callable[[User, int, VirtAddr], Coroutine[Any, Any, int]]


def closes(u: User, fd: int, where: VirtAddr) -> Coroutine[Any, Any, int]:
    return sys_close(u.k, u.task, fd)


def unmaps(u: User, fd: int, where: VirtAddr) -> Coroutine[Any, Any, int]:
    return sys_munmap(u.k, u.task, where, PAGE_SIZE)


def unlinks(u: User, fd: int, where: VirtAddr) -> Coroutine[Any, Any, int]:
    return sys_unlink(u.k, u.task, "a")


ORDERS = [
    (closes, unmaps, unlinks),
    (closes, unlinks, unmaps),
    (unlinks, unmaps, closes),
    (unlinks, closes, unmaps),
    (unmaps, closes, unlinks),
    (unmaps, unlinks, closes),
]


@pytest.mark.parametrize("order", ORDERS)
def test_the_last_of_three_takes_the_file_with_it(order: tuple[Use, ...]) -> None:
    u = user()
    fd, where = mapped_file(u)
    for use in order:
        u.audit()
        assert len(vfs_of(u.k).s_inodes) == 1
        assert u.run(use(u, fd, where)) == 0
    u.audit()
    assert vfs_of(u.k).s_inodes == {}
    assert not any(m.page_tree for m in u.k.mappings.values())


@pytest.mark.parametrize("first", [closes, unlinks, unmaps])
def test_two_who_could_be_the_last_are_so_once(first: Use) -> None:
    """Over all interleavings: a file without a name, which two processes map."""

    def boot_race() -> Machine:
        u = user(cpus=2)
        fd, where = mapped_file(u)
        if first is not unlinks:
            u.unlink("a")
        child = u.fork(cpu=1)
        if first is not unmaps:
            u.run(unmaps(u, fd, where))
        if first is not closes:
            u.close(fd)
        child.close(fd)
        u.audit()
        threads = [
            thread(0, first(u, fd, where)),
            thread(1, unmaps(child, fd, where)),
        ]
        for made, who in zip(threads, (u, child), strict=True):
            made.task = who.task

        def check() -> None:
            u.audit()
            assert vfs_of(u.k).s_inodes == {}

        return Machine(threads, check)

    assert proof(boot_race).verdict == "proved"


def test_a_file_gives_back_each_page_of_it() -> None:
    u = user()
    for _ in range(2):
        fd = u.open("a", O_CREAT | O_RDWR)
        u.write(fd, b"x" * (3 * PAGE_SIZE))
        u.audit()
        full = free_frames(u.k)
        u.unlink("a")
        u.audit()
        assert free_frames(u.k) == full
        u.close(fd)
        u.audit()
        assert free_frames(u.k) == full + 3
