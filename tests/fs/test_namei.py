"""Names: what opening, linking and unlinking return, and who wins a name."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from building import free_frames, thread
from users import User, inode, inode_of, proof, user

from kmm.fs.audit import audit_files
from kmm.fs.namei import sys_link, sys_unlink
from kmm.fs.open import sys_open
from kmm.fs.vfs import vfs_of
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.files import (
    O_CREAT,
    O_EXCL,
    O_RDONLY,
    O_RDWR,
    O_TRUNC,
    O_WRONLY,
    sys_close,
)
from kmm.kernel.syscalls import sys_mmap_pgoff, sys_munmap
from kmm.mm.errno import (
    EACCES,
    EBADF,
    EEXIST,
    EISDIR,
    ENAMETOOLONG,
    ENODEV,
    ENOENT,
    ENOTDIR,
    EPERM,
    ETXTBSY,
)
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Task
from kmm.mm.mmap import MAP_SHARED, PROT_READ, PROT_WRITE
from kmm.scenarios.watching import Watch
from kmm.sim.machine import Machine
from kmm.sim.strategies import RandomWalk

NEW = O_CREAT | O_EXCL | O_RDWR


@pytest.mark.parametrize(
    ("path", "flags", "error"),
    [
        ("none", O_RDONLY, ENOENT),
        ("/none", O_RDWR, ENOENT),
        ("", O_RDONLY, ENOENT),
        ("", O_CREAT, ENOENT),
        ("none/file", O_CREAT, ENOENT),
        ("there/file", O_CREAT, ENOTDIR),
        ("there/..", O_RDONLY, ENOTDIR),
        ("there", NEW, EEXIST),
        ("../there", NEW, EEXIST),
        ("/", O_WRONLY, EISDIR),
        ("/", O_RDWR, EISDIR),
        ("/", O_CREAT, EISDIR),
        (".", O_TRUNC, EISDIR),
        ("n" * 256, O_CREAT, ENAMETOOLONG),
    ],
)
def test_open_refuses_what_makes_no_sense(path: str, flags: int, error: int) -> None:
    u = user()
    assert u.close(u.creat("there")) == 0
    assert u.open(path, flags) == -error
    assert u.fds() == []
    u.audit()


def test_a_file_is_made_once_and_found_again() -> None:
    u = user()
    first = u.open("/file", NEW)
    second = u.open("file", O_CREAT | O_RDWR)
    third = u.open("//./../file")
    assert [first, second, third] == [0, 1, 2]
    assert (
        u.file(first).f_mapping is u.file(second).f_mapping is u.file(third).f_mapping
    )
    assert inode(u.k, "file").i_nlink == 1
    u.audit()


def test_the_longest_name_is_fine() -> None:
    u = user()
    assert u.creat("n" * 255) == 0


def test_a_look_at_a_name_that_is_not_there_leaves_nothing() -> None:
    u = user()
    assert u.open("none") == -ENOENT
    assert vfs_of(u.k).d_subdirs == []
    u.audit()


def test_the_directory_can_be_opened_and_no_more() -> None:
    u = user()
    fd = u.open("/", O_RDONLY)
    assert u.read(fd, 1) == -EISDIR
    assert u.write(fd, b"x") == -EBADF
    assert u.close(fd) == 0
    u.audit()


# Links.


def test_a_file_has_as_many_links_as_names_and_goes_with_the_last() -> None:
    u = user()
    u.audit()
    before = free_frames(u.k)
    fd = u.creat("a")
    assert u.write(fd, b"data") == 4
    assert u.link("a", "b") == 0
    assert u.link("b", "c") == 0
    file = inode(u.k, "a")
    assert inode(u.k, "b") is inode(u.k, "c") is file
    assert file.i_nlink == 3
    u.audit()
    assert u.close(fd) == 0
    for name, left in (("b", 2), ("a", 1)):
        assert u.unlink(name) == 0
        assert file.i_nlink == left
        u.audit()
    fd = u.open("c")
    assert u.read(fd, 9) == b"data"
    assert u.close(fd) == 0
    assert u.unlink("c") == 0
    u.audit()
    assert vfs_of(u.k).s_inodes == {}
    assert before - free_frames(u.k) <= 4, "what the program's own page has cost"


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("none", "b", ENOENT),
        ("a", "a", EEXIST),
        ("a", "other", EEXIST),
        ("a", "", ENOENT),
        ("", "b", ENOENT),
        ("a", "/", EEXIST),
        ("/", "b", EPERM),
        ("a/x", "b", ENOTDIR),
        ("a", "none/b", ENOENT),
    ],
)
def test_link_refuses_what_makes_no_sense(old: str, new: str, error: int) -> None:
    u = user()
    u.close(u.creat("a"))
    u.close(u.creat("other"))
    assert u.link(old, new) == -error
    assert inode(u.k, "a").i_nlink == 1
    assert inode_of(u.k, "b") is None
    u.audit()


@pytest.mark.parametrize(
    ("path", "error"),
    [("none", ENOENT), ("", ENOENT), ("/", EISDIR), ("a/x", ENOTDIR)],
)
def test_unlink_refuses_what_makes_no_sense(path: str, error: int) -> None:
    u = user()
    u.close(u.creat("a"))
    assert u.unlink(path) == -error
    assert inode(u.k, "a").i_nlink == 1
    u.audit()


def test_what_is_open_survives_the_loss_of_its_name() -> None:
    u = user()
    fd = u.open("a", NEW)
    assert u.write(fd, b"old") == 3
    assert u.unlink("a") == 0
    u.audit()
    assert u.open("a") == -ENOENT
    other = u.open("a", NEW)
    assert u.file(fd).f_mapping is not u.file(other).f_mapping
    assert u.write(fd, b"er") == 2
    u.file(fd).f_pos = 0
    assert u.read(fd, 9) == b"older"
    assert u.read(other, 9) == b""
    assert u.close(fd) == 0
    u.audit()
    assert len(vfs_of(u.k).s_inodes) == 1


# Truncation.


@pytest.mark.parametrize("how", ["creat", "open"])
def test_a_file_can_be_made_empty_and_gives_up_its_pages(how: str) -> None:
    u = user()
    fd = u.open("a", NEW)
    assert u.write(fd, b"x" * (2 * PAGE_SIZE)) == 2 * PAGE_SIZE
    again = u.creat("a") if how == "creat" else u.open("a", O_TRUNC | O_RDWR)
    mapping = u.file(again).f_mapping
    assert (mapping.size, mapping.page_tree) == (0, {})
    u.file(fd).f_pos = 0
    assert u.read(fd, 9) == b""
    u.audit()


# Mappings.


def mapped(u: User, fd: int) -> int:
    prot = PROT_READ | PROT_WRITE
    call = sys_mmap_pgoff(u.k, u.task, 0, PAGE_SIZE, prot, MAP_SHARED, fd)
    return u.run(call)


def test_a_mapping_shows_what_is_written_and_keeps_the_file_when_all_else_is_gone() -> (
    None
):
    u = user()
    fd = u.open("a", NEW)
    u.write(fd, b"abc")
    where = VirtAddr(mapped(u, fd))
    assert u.process.load(where, 3) == b"abc"
    u.process.store(where, b"X")
    other = u.open("a")
    assert u.read(other, 3) == b"Xbc"
    for one in (fd, other):
        u.close(one)
    u.unlink("a")
    u.audit()
    assert u.process.load(where, 3) == b"Xbc"
    child = u.fork()
    assert u.run(sys_munmap(u.k, u.task, where, PAGE_SIZE)) == 0
    assert child.process.load(where, 3) == b"Xbc"
    assert len(vfs_of(u.k).s_inodes) == 1
    child.process.exit()
    u.audit()
    assert vfs_of(u.k).s_inodes == {}


def test_what_is_mapped_cannot_be_made_empty() -> None:
    u = user()
    fd = u.open("a", NEW)
    u.write(fd, b"abc")
    mapped(u, fd)
    assert u.creat("a") == -ETXTBSY
    assert u.file(fd).f_mapping.size == 3
    u.audit()


def test_mmap_of_a_descriptor_refuses_what_makes_no_sense() -> None:
    u = user()
    read_only = u.open("a", O_CREAT | O_RDONLY)
    write_only = u.open("a", O_WRONLY)
    assert mapped(u, 77) == -EBADF
    assert mapped(u, read_only) == -EACCES
    assert mapped(u, write_only) == -EACCES
    assert mapped(u, u.pipe()[0]) == -ENODEV
    assert mapped(u, u.open("/", O_RDONLY)) == -ENODEV


# Races.

Body = Callable[[Kernel, Task], Coroutine[Any, Any, object]]


def two(first: Body, second: Body, names: tuple[str, ...] = ()) -> Machine:
    """Two processes, each on its CPU; in the end all counts must be right."""
    one = user(frames=64, cpus=2)
    other = user(one.k, cpu=1)
    for name in names:
        one.close(one.creat(name))
    one.audit()
    threads = [
        thread(0, first(one.k, one.task)),
        thread(1, second(one.k, other.task)),
    ]
    for made, task in zip(threads, (one.task, other.task), strict=True):
        made.task = task
    return Machine(threads, one.audit, model=one.k)


def test_of_two_who_make_the_same_file_exactly_one_does() -> None:
    """Over all interleavings."""
    results: list[int] = []

    async def make(k: Kernel, task: Task) -> None:
        results.append(await sys_open(k, task, "a", NEW))

    def boot_race() -> Machine:
        results.clear()
        machine = two(make, make)
        audit_counts = machine.check

        def check() -> None:
            assert sorted(results) == [-EEXIST, 0]
            assert isinstance(machine.model, Kernel)
            assert inode(machine.model, "a").i_nlink == 1
            audit_counts()

        machine.check = check
        return machine

    assert proof(boot_race).verdict == "proved"


def test_two_who_make_or_open_the_same_file_get_the_same() -> None:
    """Over all interleavings."""

    async def make(k: Kernel, task: Task) -> None:
        assert await sys_open(k, task, "a", O_CREAT | O_RDWR) == 0
        assert task.files is not None
        assert task.files.fd[0].f_mapping.host is inode_of(k, "a")

    assert proof(lambda: two(make, make)).verdict == "proved"


def test_of_two_who_unlink_a_name_exactly_one_does() -> None:
    """Over all interleavings."""
    results: list[int] = []

    async def unlink(k: Kernel, task: Task) -> None:
        results.append(await sys_unlink(k, task, "a"))

    def boot_race() -> Machine:
        results.clear()
        machine = two(unlink, unlink, ("a",))
        audit_counts = machine.check

        def check() -> None:
            assert sorted(results) == [-ENOENT, 0]
            audit_counts()

        machine.check = check
        return machine

    assert proof(boot_race).verdict == "proved"


def test_a_name_that_is_unlinked_while_it_is_opened_leads_to_a_file_or_to_none() -> (
    None
):
    """Over all interleavings: the dentry may be looked up as it goes."""

    async def unlink(k: Kernel, task: Task) -> None:
        assert await sys_unlink(k, task, "a") == 0

    async def open_it(k: Kernel, task: Task) -> None:
        fd = await sys_open(k, task, "a", O_RDONLY)
        assert fd in (0, -ENOENT)

    assert proof(lambda: two(unlink, open_it, ("a",))).verdict == "proved"


def test_a_name_that_is_unlinked_while_it_is_made_is_there_or_not() -> None:
    """Over all interleavings, one of them a new file behind the old dentry."""

    async def unlink(k: Kernel, task: Task) -> None:
        assert await sys_unlink(k, task, "a") == 0

    async def make(k: Kernel, task: Task) -> None:
        assert await sys_open(k, task, "a", O_CREAT | O_RDWR) == 0

    assert proof(lambda: two(unlink, make, ("a",))).verdict == "proved"


def test_a_link_to_a_name_that_goes_is_made_or_refused_and_counted() -> None:
    """Over all interleavings.  As in 2.6.34, a file without a name can get one."""

    async def unlink(k: Kernel, task: Task) -> None:
        assert await sys_unlink(k, task, "a") == 0

    async def link(k: Kernel, task: Task) -> None:
        assert await sys_link(k, task, "a", "b") in (0, -ENOENT)

    assert proof(lambda: two(unlink, link, ("a",))).verdict == "proved"


async def creat_and_clean_up(k: Kernel, task: Task) -> None:
    fd = await sys_open(k, task, "a", O_CREAT | O_RDWR)
    await sys_close(k, task, fd)
    await sys_link(k, task, "a", "b")
    await sys_unlink(k, task, "a")
    await sys_unlink(k, task, "b")


@pytest.mark.parametrize("seed", range(20))
def test_making_and_unlinking_at_random_leaves_nothing_and_races_with_nothing(
    seed: int,
) -> None:
    watch = Watch.new()
    with watch.over(lambda: two(creat_and_clean_up, creat_and_clean_up)) as boot:
        for _ in range(3):
            machine = boot()
            strategy = RandomWalk(seed)
            strategy.next_run()
            assert machine.run(strategy)
            assert machine.failure is None
            k = machine.model
            assert isinstance(k, Kernel)
            assert vfs_of(k).s_inodes == {}
            assert vfs_of(k).d_subdirs == []
            audit_files(k)
    assert watch.reports == ()
