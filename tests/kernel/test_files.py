"""Tables of open files: closing, fork and exit."""

from __future__ import annotations

from areas import AREA
from building import free_frames, thread
from users import User, proof, user

from kmm.fs.vfs import vfs_of
from kmm.kernel.exit import do_exit
from kmm.kernel.files import O_CREAT, O_RDWR, sys_close
from kmm.mm.errno import EBADF
from kmm.sim.machine import Machine


def test_what_is_not_open_cannot_be_closed() -> None:
    u = user()
    assert u.close(0) == -EBADF
    fd = u.creat("a")
    assert u.close(fd) == 0
    assert u.close(fd) == -EBADF
    assert u.close(-1) == -EBADF


def test_a_process_that_opens_nothing_has_no_table_and_neither_has_its_child() -> None:
    u = user()
    assert u.task.files is None
    assert u.fork().task.files is None


def test_a_child_has_the_same_files_with_one_position() -> None:
    u = user()
    fd = u.open("a", O_CREAT | O_RDWR)
    u.write(fd, b"abcdef")
    child = u.fork()
    assert child.fds() == [fd]
    assert child.file(fd) is u.file(fd)
    assert u.file(fd).f_count == 2
    u.file(fd).f_pos = 0
    assert u.read(fd, 2) == b"ab"
    assert child.read(fd, 2) == b"cd"
    u.audit()


def test_what_one_of_them_opens_or_closes_is_its_own_business() -> None:
    u = user()
    fd = u.open("a", O_CREAT | O_RDWR)
    child = u.fork()
    assert child.creat("b") == fd + 1
    assert u.fds() == [fd]
    assert u.close(fd) == 0
    assert child.write(fd, b"x") == 1
    u.audit()
    assert child.close(fd) == 0
    u.audit()


def test_a_process_that_ends_closes_its_files() -> None:
    u = user()
    u.process.store(AREA, b"x")
    u.audit()
    before = free_frames(u.k)
    child = u.fork()
    fd = child.open("a", O_CREAT | O_RDWR)
    child.write(fd, b"data")
    child.unlink("a")
    child.pipe()
    u.audit()
    child.process.exit()
    assert child.task.files is None
    assert vfs_of(u.k).s_inodes == {}
    assert vfs_of(u.k).s_files == []
    u.process.load(AREA, 1)  # the CPU leaves the dead address space
    u.audit()
    assert free_frames(u.k) == before


def last_use(first: User, second: User, fd: int) -> Machine:
    bodies = [
        sys_close(first.k, first.task, fd),
        do_exit(second.k, second.task, 0),
    ]
    threads = [thread(number, body) for number, body in enumerate(bodies)]
    for made, who in zip(threads, (first, second), strict=True):
        made.task = who.task
    return Machine(threads, first.audit)


def test_a_file_that_two_have_goes_once_whoever_is_last() -> None:
    """Over all interleavings of one closing it and the other ending."""

    def boot_race() -> Machine:
        u = user(cpus=2)
        fd = u.open("a", O_CREAT | O_RDWR)
        u.write(fd, b"data")
        u.unlink("a")
        child = u.fork(cpu=1)
        u.audit()
        return last_use(u, child, fd)

    assert proof(boot_race).verdict == "proved"
