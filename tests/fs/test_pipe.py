"""Pipes: what goes in comes out in order, and nobody sleeps for ever."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from areas import AREA
from building import alone, free_frames, thread, use_up_memory
from users import NOWHERE, User, proof, user

from kmm.fs.pipe import pipe_of, sys_pipe
from kmm.fs.pipe_buf import PIPE_BUF, PIPE_BUFFERS, Pipe
from kmm.fs.read_write import sys_read, sys_write
from kmm.fs.vfs import vfs_of
from kmm.hw.memory import PAGE_SIZE
from kmm.kernel.entry import system_call
from kmm.kernel.files import O_NONBLOCK, RLIMIT_NOFILE, files_of, sys_close
from kmm.kernel.process import run_program
from kmm.kernel.signal import SIGKILL, SIGPIPE, SIGTERM, mask_of, sys_kill
from kmm.mm.errno import EAGAIN, EBADF, EFAULT, EMFILE, ENOMEM, EPIPE
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Task
from kmm.mm.swap import put_page
from kmm.scenarios.watching import Watch
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor

WHOLE = PIPE_BUFFERS * PAGE_SIZE


def pipe_behind(u: User, fd: int) -> Pipe:
    return pipe_of(u.file(fd))[1]


def test_what_is_written_is_read_in_order_and_once() -> None:
    u = user()
    reading, writing = u.pipe()
    assert (reading, writing) == (0, 1)
    assert u.write(writing, b"abc") == 3
    assert u.write(writing, b"def") == 3
    assert [u.read(reading, 2), u.read(reading, 9)] == [b"ab", b"cdef"]
    u.audit()


def test_short_writes_share_a_page() -> None:
    u = user()
    reading, writing = u.pipe()
    for _ in range(4):
        u.write(writing, b"x" * (PAGE_SIZE // 4))
    pipe = pipe_behind(u, reading)
    assert [buffer.len for buffer in pipe.bufs] == [PAGE_SIZE]
    u.write(writing, b"y" * 2)
    assert [buffer.len for buffer in pipe.bufs] == [PAGE_SIZE, 2]
    u.audit()


def test_what_does_not_fit_into_the_last_page_gets_one_of_its_own() -> None:
    u = user()
    reading, writing = u.pipe()
    u.write(writing, b"x" * (PAGE_SIZE - 1))
    u.write(writing, b"yz")
    assert [b.len for b in pipe_behind(u, reading).bufs] == [PAGE_SIZE - 1, 2]
    assert u.read(reading, 2 * PAGE_SIZE) == b"x" * (PAGE_SIZE - 1) + b"yz"


def test_a_long_write_is_cut_into_pages() -> None:
    u = user()
    reading, writing = u.pipe()
    data = bytes(number % 251 for number in range(3 * PAGE_SIZE + 5))
    assert u.write(writing, data) == len(data)
    lengths = [buffer.len for buffer in pipe_behind(u, reading).bufs]
    assert lengths == [PAGE_SIZE] * 3 + [5]
    assert u.read(reading, len(data)) == data


def test_an_end_serves_one_purpose() -> None:
    u = user()
    reading, writing = u.pipe()
    assert u.read(writing, 1) == -EBADF
    assert u.write(reading, b"x") == -EBADF


def test_a_full_pipe_takes_no_more_and_an_empty_one_gives_nothing() -> None:
    u = user()
    reading, writing = u.pipe(O_NONBLOCK)
    assert u.read(reading, 1) == -EAGAIN
    assert u.write(writing, b"x" * (WHOLE + 5)) == WHOLE
    assert u.write(writing, b"x") == -EAGAIN
    assert u.read(reading, PAGE_SIZE - 1) == b"x" * (PAGE_SIZE - 1)
    assert u.write(writing, b"y") == -EAGAIN, "no page is free yet"
    assert u.read(reading, 1) == b"x"
    assert u.write(writing, b"y") == 1
    u.audit()


def test_when_nobody_writes_any_more_the_rest_is_read_and_then_nothing() -> None:
    u = user()
    reading, writing = u.pipe()
    u.write(writing, b"abc")
    u.close(writing)
    assert [u.read(reading, 2), u.read(reading, 2), u.read(reading, 2)] == [
        b"ab",
        b"c",
        b"",
    ]
    u.close(reading)
    u.audit()
    assert vfs_of(u.k).s_inodes == {}


def test_who_writes_for_nobody_is_told_so_and_gets_sigpipe() -> None:
    u = user()
    reading, writing = u.pipe()
    u.write(writing, b"abc")
    u.close(reading)
    assert u.write(writing, b"d") == -EPIPE
    assert u.task.sighand.pending == mask_of(SIGPIPE)
    assert u.write(writing, b"") == 0


def test_what_nobody_read_goes_with_the_pipe() -> None:
    u = user()
    u.process.store(AREA, b"x")
    u.audit()
    before = free_frames(u.k)
    reading, writing = u.pipe()
    u.run(sys_write(u.k, u.task, writing, AREA, 1))
    assert free_frames(u.k) == before - 1
    u.close(writing)
    u.close(reading)
    u.audit()
    assert free_frames(u.k) == before


def test_a_page_that_was_read_is_used_again() -> None:
    u = user()
    reading, writing = u.pipe()
    u.write(writing, b"a")
    pipe = pipe_behind(u, reading)
    page = pipe.bufs[0].page
    u.read(reading, 1)
    assert pipe.tmp_page is page
    u.audit()
    u.write(writing, b"b")
    assert pipe.bufs[0].page is page
    assert u.read(reading, 1) == b"b"


def test_bad_memory_is_refused_and_nothing_is_lost() -> None:
    u = user()
    reading, writing = u.pipe()
    assert u.run(sys_write(u.k, u.task, writing, NOWHERE, 1)) == -EFAULT
    u.write(writing, b"abc")
    assert u.run(sys_read(u.k, u.task, reading, NOWHERE, 2)) == -EFAULT
    assert u.run(sys_write(u.k, u.task, writing, NOWHERE, 1)) == -EFAULT
    assert u.read(reading, 9) == b"abc"
    u.audit()


def test_without_memory_nothing_can_be_written() -> None:
    u = user()
    _, writing = u.pipe()
    u.process.store(AREA, b"x")
    taken = use_up_memory(u.k)
    assert u.run(sys_write(u.k, u.task, writing, AREA, 1)) == -ENOMEM
    alone(put_page(u.k, taken[0]), u.k)
    assert u.run(sys_write(u.k, u.task, writing, AREA, PAGE_SIZE + 1)) == PAGE_SIZE


@pytest.mark.parametrize("free", [0, 1])
def test_a_pipe_needs_two_descriptors(free: int) -> None:
    u = user()
    taken = files_of(u.task).open_fds
    taken.update(range(RLIMIT_NOFILE - free))
    assert u.run(sys_pipe(u.k, u.task)) == -EMFILE
    assert len(taken) == RLIMIT_NOFILE - free
    assert vfs_of(u.k).s_inodes == {}
    u.audit()


# Races.

Body = Callable[[Kernel, Task], Coroutine[Any, Any, object]]

READING, WRITING = 0, 1


def ends(reader: Body, writer: Body, filled: int = 0) -> Machine:
    """Two processes with an end of one pipe each, in which there is something."""
    one = user(cpus=2, frames=128)
    one.process.store(AREA, b"a")
    one.pipe()
    for _ in range(filled // PAGE_SIZE):
        one.run(sys_write(one.k, one.task, WRITING, AREA, PAGE_SIZE))
    other = one.fork(cpu=1)
    other.process.store(AREA, b"b")
    one.process.store(AREA, b"-")
    one.close(WRITING)
    other.close(READING)
    one.audit()
    threads = [
        thread(0, reader(one.k, one.task)),
        thread(1, writer(one.k, other.task)),
    ]
    for made, who in zip(threads, (one, other), strict=True):
        made.task = who.task
    return Machine(threads, one.audit, model=one.k)


async def reads_all(k: Kernel, task: Task) -> None:
    """Until there is no more: every byte is there."""
    total = 0
    while done := await sys_read(k, task, READING, AREA, 2):
        assert done > 0
        total += done
    assert total == 2
    assert await task.cpu.load(AREA, 1, user=True) == b"b"


async def writes_two(k: Kernel, task: Task) -> None:
    for _ in range(2):
        assert await sys_write(k, task, WRITING, AREA, 1) == 1
    assert await sys_close(k, task, WRITING) == 0


def test_no_wake_up_is_lost_between_a_reader_and_a_writer() -> None:
    """Over all interleavings: the reader sees all that is written, and then the end."""
    assert proof(lambda: ends(reads_all, writes_two)).verdict == "proved"


def test_a_writer_that_waits_for_room_is_woken() -> None:
    """Over all interleavings of one who empties a page and one who needs it."""

    async def reads_a_page(k: Kernel, task: Task) -> None:
        assert await sys_read(k, task, READING, AREA, PAGE_SIZE) == PAGE_SIZE

    async def writes_one(k: Kernel, task: Task) -> None:
        assert await sys_write(k, task, WRITING, AREA, 1) == 1

    assert proof(lambda: ends(reads_a_page, writes_one, WHOLE)).verdict == "proved"


def test_a_reader_that_waits_for_data_is_woken() -> None:
    """Over all interleavings of a write and a read; the pipe stays open."""

    async def reads_one(k: Kernel, task: Task) -> None:
        assert await sys_read(k, task, READING, AREA, 1) == 1
        assert await task.cpu.load(AREA, 1, user=True) == b"b"

    async def writes_one(k: Kernel, task: Task) -> None:
        assert await sys_write(k, task, WRITING, AREA, 1) == 1

    assert proof(lambda: ends(reads_one, writes_one)).verdict == "proved"


def test_a_reader_gets_what_waiting_writers_are_about_to_write() -> None:
    """The first interleavings of many: a read goes on while a writer waits."""

    async def reads_it_all(k: Kernel, task: Task) -> None:
        total = 0
        while done := await sys_read(k, task, READING, AREA, 2 * WHOLE // PIPE_BUFFERS):
            total += done
        assert total == WHOLE + PIPE_BUF + 1

    async def writes_more(k: Kernel, task: Task) -> None:
        call = sys_write(k, task, WRITING, AREA, PIPE_BUF + 1)
        assert await call == PIPE_BUF + 1
        await sys_close(k, task, WRITING)

    def boot_race() -> Machine:
        return ends(reads_it_all, writes_more, WHOLE)

    result = search(boot_race, SourceDpor(), budget=300)
    assert result.failure is None


def test_a_reader_that_leaves_breaks_the_pipe_for_a_waiting_writer() -> None:
    """Over all interleavings."""

    async def leaves(k: Kernel, task: Task) -> None:
        await sys_close(k, task, READING)

    async def writes_one(k: Kernel, task: Task) -> None:
        assert await sys_write(k, task, WRITING, AREA, 1) == -EPIPE
        assert task.sighand.sigpending

    assert proof(lambda: ends(leaves, writes_one, WHOLE)).verdict == "proved"


@pytest.mark.parametrize("sig", [SIGTERM, SIGKILL])
def test_a_signal_ends_a_process_that_waits_for_data(sig: int) -> None:
    """Over all interleavings: the signal may come before, in and after falling asleep.

    The writer keeps its end open, so nothing else would wake the reader.
    """

    async def waits(k: Kernel, task: Task) -> int:
        await system_call(k, task, lambda: sys_read(k, task, READING, AREA, 1))
        raise AssertionError("there is nothing to read")

    async def reader(k: Kernel, task: Task) -> None:
        await run_program(k, task, waits)
        assert task.exit_code == 128 + sig

    async def killer(k: Kernel, task: Task) -> None:
        assert await sys_kill(k, task, 1, sig) == 0

    assert proof(lambda: ends(reader, killer)).verdict == "proved"


def test_a_reader_and_a_writer_race_with_nothing() -> None:
    watch = Watch.new()
    with watch.over(lambda: ends(reads_all, writes_two)) as boot:
        result = search(boot, SourceDpor(), budget=60)
    assert result.failure is None
    assert watch.reports == ()
