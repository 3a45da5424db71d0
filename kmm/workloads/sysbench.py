"""sysbench: a database answers transactions that only read, for so many clients.

A server has its tables in memory that all its processes share, and forks one of these
for each client.  A transaction is a number of read requests; each comes by way of a
pipe, is worked on for a while, looks at some pages of the tables, and is answered.
A transaction also has memory of its own to sort in, and at its end waits its turn to be
written down: the turn is a byte in a pipe that all share.

What the figure says is how many requests were answered in a second, all clients taken
together.  There are four CPUs and no more, and nothing else says how the curve goes.

The client is not a process of its own: who asks and who answers are one here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from attrs import frozen

from ..fs.pipe import sys_pipe
from ..fs.read_write import sys_read
from ..hw.memory import PAGE_SIZE, VirtAddr
from ..kernel.files import O_RDWR
from ..kernel.syscalls import sys_mmap_pgoff, sys_munmap
from ..mm.mmap import MAP_SHARED, PROT_READ, PROT_WRITE
from .benchmark import (
    Benchmark,
    Conditions,
    Result,
    counted,
    machine_for,
    per_operation,
    run_for,
)
from .program import become, fill, opened, sbrk, write_all, write_file
from .userland import Program, User

CLIENTS = range(1, 9)
REQUESTS = 14  # in a transaction: the letter's figures suggest it
LEAST_WORK, MOST_WORK = 0.000_050, 0.000_100  # seconds, for each of them
LOOKS = 4  # at pages of the tables, for each
TABLES = 64  # pages
SORTING = 2  # pages
WRITING_DOWN = 0.000_002  # seconds
MESSAGE = 64  # bytes

STARTING = 0.000_200  # seconds that a process computes before it serves
WARM_UP = 0.016  # seconds until requests count; two slices: each has had its CPU
DURATION = 0.025  # seconds for which they do
SEEDS_APART = 1000  # each client has chance of its own


@frozen
class Server:
    """What its processes share."""

    tables: VirtAddr
    turn: tuple[int, int]  # the two ends of a pipe, with one byte in it
    seed: int


def sysbench(test: str, conditions: Conditions, duration: float = DURATION) -> Result:
    """So many clients as the test's name says."""
    clients = int(test)
    with machine_for(conditions) as system:
        # Nobody is moved to another CPU later, as Linux would do; and at a fork the
        # parent is one who wants its CPU.  From CPU 0, of those that want least the
        # first, children go to 1, 2, 3 and 0.
        program = partial(postmaster, clients, conditions.seed)
        system.start("postmaster", program, cpu=0)
        run_for(system, WARM_UP, test)
        before, answered = counted(system), system.counts.get("requests", 0)
        run_for(system, duration, test)
        requests = system.counts.get("requests", 0) - answered
        counts = per_operation(before, counted(system), max(1, requests))
    return Result({test: requests / duration}, counts)


async def postmaster(clients: int, seed: int, user: User) -> int:
    await become(user, "/usr/bin/postmaster", [b"postmaster"])
    server = Server(await load_tables(user), await make_turn(user), seed)
    for number in range(clients):
        assert await user.fork(backend(server, number)) > 0
    await user.wait()  # for ever
    return 0


async def load_tables(user: User) -> VirtAddr:
    buffer = await sbrk(user, 1)
    await write_file(user, "/tables", buffer, TABLES)
    fd = await opened(user, "/tables", O_RDWR)
    size, prot = TABLES * PAGE_SIZE, PROT_READ | PROT_WRITE
    where = await user.call(
        sys_mmap_pgoff(user.k, user.task, 0, size, prot, MAP_SHARED, fd)
    )
    assert where > 0, f"mmap: {where}"
    return VirtAddr(where)


async def make_turn(user: User) -> tuple[int, int]:
    pipe = await new_pipe(user)
    buffer = await sbrk(user, 1)
    await write_all(user, pipe[1], buffer, 1)
    return pipe


async def new_pipe(user: User) -> tuple[int, int]:
    pipe = await user.call(sys_pipe(user.k, user.task))
    assert not isinstance(pipe, int), f"pipe: {pipe}"
    return pipe


def backend(server: Server, number: int) -> Program:
    chance = random.Random(SEEDS_APART * server.seed + number).random

    async def program(user: User) -> int:
        # Longer than it takes to fork the others: each is on the CPU that is its own.
        await user.compute(user.system.table.cycles(STARTING))
        await fill(user, server.tables, TABLES)
        pipe, buffer = await new_pipe(user), await sbrk(user, 1)
        while True:
            await transaction(user, server, pipe, buffer, chance)

    return program


async def transaction(
    user: User,
    server: Server,
    pipe: tuple[int, int],
    buffer: VirtAddr,
    chance: Callable[[], float],
) -> None:
    area = await user.mmap(SORTING)
    await fill(user, area, SORTING)
    for _ in range(REQUESTS):
        await send(user, pipe, buffer, MESSAGE)
        await answer(user, server, chance)
        user.system.count("requests")
    size = SORTING * PAGE_SIZE
    await user.call(sys_munmap(user.k, user.task, area, size))
    await write_down(user, server, buffer)


async def send(user: User, pipe: tuple[int, int], buffer: VirtAddr, size: int) -> None:
    """A message that this process itself reads."""
    await write_all(user, pipe[1], buffer, size)
    await receive(user, pipe, buffer, size)


async def receive(
    user: User, pipe: tuple[int, int], buffer: VirtAddr, size: int
) -> None:
    count = await user.call(sys_read(user.k, user.task, pipe[0], buffer, size))
    assert count == size, f"read: {count}"


async def answer(user: User, server: Server, chance: Callable[[], float]) -> None:
    work = LEAST_WORK + (MOST_WORK - LEAST_WORK) * chance()
    for _ in range(LOOKS):
        await user.compute(user.system.table.cycles(work / LOOKS))
        page = int(TABLES * chance())
        await user.touch(VirtAddr(server.tables + page * PAGE_SIZE), write=False)


async def write_down(user: User, server: Server, buffer: VirtAddr) -> None:
    """Wait for one's turn, and give it back: one process at a time is here."""
    await receive(user, server.turn, buffer, 1)
    await user.compute(user.system.table.cycles(WRITING_DOWN))
    await user.touch(server.tables)
    await write_all(user, server.turn[1], buffer, 1)


SYSBENCH = Benchmark(
    name="sysbench",
    unit="requests a second",
    scale=f"{DURATION * 1000:.0f} ms each",
    tests=tuple(map(str, CLIENTS)),
    better="higher",
    runs=1,
    spread=False,
    run=sysbench,
)
