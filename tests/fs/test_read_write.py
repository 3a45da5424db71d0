"""Reading and writing files: what is read is what was written, and who writes where."""

from __future__ import annotations

import pytest
from areas import AREA
from building import thread, use_up_memory
from users import NOWHERE, PAGES, User, inode, proof, user

from kmm.fs.namei import sys_unlink
from kmm.fs.open import sys_open
from kmm.fs.read_write import sys_read, sys_write
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.files import (
    O_APPEND,
    O_CREAT,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    sys_close,
)
from kmm.kernel.syscalls import sys_mmap_pgoff
from kmm.mm.errno import EBADF, EFAULT, EINVAL, ENOMEM
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Task
from kmm.mm.mmap import MAP_SHARED, PROT_READ, TASK_SIZE
from kmm.scenarios.watching import Watch
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor

NEW = O_CREAT | O_RDWR


def rewound(u: User, fd: int) -> int:
    u.file(fd).f_pos = 0
    return fd


@pytest.mark.parametrize("size", [1, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 10_000])
def test_what_was_written_is_read_again_by_whoever_opens_the_file(size: int) -> None:
    u = user()
    data = bytes(number % 251 for number in range(size))
    fd = u.creat("a")
    assert u.write(fd, data) == size
    assert inode(u.k, "a").i_mapping.size == size
    assert u.close(fd) == 0
    fd = u.open("a", O_RDONLY)
    assert u.read(fd, size + 10) == data
    assert u.read(fd, 1) == b""
    u.audit()


def test_reads_and_writes_go_on_from_where_the_last_one_ended() -> None:
    u = user()
    fd = u.open("a", NEW)
    assert u.write(fd, b"abc") == 3
    assert u.write(fd, b"def") == 3
    rewound(u, fd)
    assert [u.read(fd, 2), u.read(fd, 2), u.read(fd, 9)] == [b"ab", b"cd", b"ef"]


def test_each_open_has_a_place_of_its_own() -> None:
    u = user()
    one, other = u.open("a", NEW), u.open("a", NEW)
    u.write(one, b"abc")
    u.write(other, b"X")
    assert u.read(other, 9) == b"bc"
    assert u.read(one, 9) == b""


def test_who_appends_writes_at_the_end_wherever_that_is() -> None:
    u = user()
    one, other = u.open("a", NEW), u.open("a", O_WRONLY | O_APPEND)
    u.write(one, b"abc")
    u.write(other, b"def")
    u.write(one, b"X")
    u.write(other, b"ghi")
    assert u.read(rewound(u, one), 99) == b"abcXefghi"


def test_a_hole_is_read_as_zeros() -> None:
    u = user()
    fd = u.open("a", NEW)
    u.file(fd).f_pos = 2 * PAGE_SIZE
    u.write(fd, b"x")
    assert list(u.file(fd).f_mapping.page_tree) == [2]
    assert u.read(rewound(u, fd), 3 * PAGE_SIZE) == bytes(2 * PAGE_SIZE) + b"x"
    u.audit()


def test_nothing_may_be_read_or_written_that_the_file_is_not_open_for() -> None:
    u = user()
    write_only = u.creat("a")
    read_only = u.open("a", O_RDONLY)
    assert u.read(write_only, 1) == -EBADF
    assert u.write(read_only, b"x") == -EBADF
    assert u.read(77, 1) == -EBADF
    assert u.write(77, b"x") == -EBADF
    assert u.write(-1, b"x") == -EBADF


@pytest.mark.parametrize(
    ("buffer", "count", "error"),
    [
        (NOWHERE, 1, EFAULT),
        (TASK_SIZE, 1, EFAULT),
        (TASK_SIZE - 1, 2, EFAULT),
        (AREA, -1, EINVAL),
    ],
)
def test_memory_that_the_program_does_not_have_is_refused(
    buffer: int, count: int, error: int
) -> None:
    u = user()
    fd = u.open("a", NEW)
    u.write(fd, b"abc")
    rewound(u, fd)
    assert u.run(sys_read(u.k, u.task, fd, buffer, count)) == -error
    assert u.run(sys_write(u.k, u.task, fd, buffer, count)) == -error
    assert u.file(fd).f_pos == 0
    assert u.read(fd, 9) == b"abc"
    u.audit()


def test_what_fits_is_moved_before_memory_ends() -> None:
    u = user()
    end = AREA + PAGES * PAGE_SIZE
    fd = u.open("a", NEW)
    u.file(fd).f_pos = PAGE_SIZE - 10
    assert u.run(sys_write(u.k, u.task, fd, end - 10, 20)) == 10
    assert u.file(fd).f_mapping.size == PAGE_SIZE
    u.file(fd).f_pos = 0
    assert u.run(sys_read(u.k, u.task, fd, end - 10, 20)) == 10
    u.audit()


def test_to_move_nothing_is_fine() -> None:
    u = user()
    fd = u.open("a", NEW)
    assert u.write(fd, b"") == 0
    assert u.read(fd, 0) == b""
    assert u.file(fd).f_mapping.page_tree == {}


def test_without_memory_a_write_ends_early_or_is_refused() -> None:
    u = user()
    fd = u.open("a", NEW)
    assert u.write(fd, b"x" * PAGE_SIZE) == PAGE_SIZE
    u.file(fd).f_pos = PAGE_SIZE - 5
    taken = use_up_memory(u.k)
    assert u.run(sys_write(u.k, u.task, fd, AREA, 10)) == 5
    assert u.run(sys_write(u.k, u.task, fd, AREA, 10)) == -ENOMEM
    assert u.file(fd).f_mapping.size == PAGE_SIZE
    assert taken


def test_a_write_from_a_page_of_the_file_itself_gets_through() -> None:
    u = user()
    fd = u.open("a", NEW)
    u.write(fd, b"abc")
    call = sys_mmap_pgoff(u.k, u.task, 0, PAGE_SIZE, PROT_READ, MAP_SHARED, fd)
    where = u.run(call)
    assert u.run(sys_write(u.k, u.task, fd, where, 3)) == 3
    assert u.read(rewound(u, fd), 9) == b"abcabc"


# Races.


def writers(flags: int, *, shared: bool) -> Machine:
    """Two processes that write a byte each to one file."""
    one = user(cpus=2)
    one.process.store(AREA, b"1")
    fd = one.open("a", O_CREAT | flags)
    if shared:
        other = one.fork(cpu=1)
    else:
        other = user(one.k, cpu=1)
        assert other.open("a", flags) == fd
    other.process.store(AREA, b"2")
    one.audit()
    threads = []
    for number, who in enumerate((one, other)):
        made = thread(number, sys_write(one.k, who.task, fd, AREA, 1))
        made.task = who.task
        threads.append(made)
    return Machine(threads, one.audit, model=one.k)


def contents(machine: Machine) -> int:
    k = machine.model
    assert isinstance(k, Kernel)
    return inode(k, "a").i_mapping.size


def sizes(flags: int, *, shared: bool) -> set[int]:
    """The sizes that a file may have in the end, and the proof that no others are."""
    found: set[int] = set()

    def boot_race() -> Machine:
        machine = writers(flags, shared=shared)
        audit_counts = machine.check

        def check() -> None:
            found.add(contents(machine))
            audit_counts()

        machine.check = check
        return machine

    assert proof(boot_race).verdict == "proved"
    return found


def test_two_who_append_lose_nothing() -> None:
    """Over all interleavings."""
    assert sizes(O_RDWR | O_APPEND, shared=False) == {2}


def test_two_who_share_a_file_may_write_to_one_place_in_2_6_34() -> None:
    """Over all interleavings: f_pos is kept by no lock."""
    assert sizes(O_RDWR, shared=True) == {1, 2}


def test_and_that_is_a_data_race() -> None:
    watch = Watch.new()
    with watch.over(lambda: writers(O_RDWR, shared=True)) as boot:
        search(boot, SourceDpor(), budget=10, stop_at_failure=False)
    told = {line for report in watch.reports for line in report.details}
    assert any("f_pos" in line for line in told)
    assert all("f_pos" in " ".join(report.details) for report in watch.reports)


async def writes_and_reads(k: Kernel, task: Task) -> None:
    fd = await sys_open(k, task, "a", O_CREAT | O_RDWR | O_APPEND)
    await sys_write(k, task, fd, AREA, 2)
    assert task.files is not None
    task.files.fd[fd].f_pos = 0
    done = await sys_read(k, task, fd, AREA + PAGE_SIZE, 4)
    assert 2 <= done <= 4
    await sys_close(k, task, fd)
    await sys_unlink(k, task, "a")


def test_two_who_write_read_and_unlink_at_once_race_with_nothing() -> None:
    def boot_race() -> Machine:
        one = user(cpus=2)
        other = user(one.k, cpu=1)
        threads = []
        for number, who in enumerate((one, other)):
            who.process.store(AREA, b"xy")
            who.process.store(VirtAddr(AREA + PAGE_SIZE), b"xy")
            made = thread(number, writes_and_reads(one.k, who.task))
            made.task = who.task
            threads.append(made)
        one.audit()
        return Machine(threads, one.audit, model=one.k)

    watch = Watch.new()
    with watch.over(boot_race) as boot:
        result = search(boot, SourceDpor(), budget=60)
    assert result.failure is None
    assert watch.reports == ()
