"""kernbench: a kernel is compiled, and `time` says how long that took.

Make runs several compilers at a time.  Each is a fork and an exec; it reads a header
that all read and a source of its own, fills its heap bit by bit while it computes, and
writes an object file.  At the end one linker reads all of these, alone.

A job is a compilation scaled down, to some milliseconds; how long each takes and how
much memory is by chance, from the seed.
"""

from __future__ import annotations

import random

from attrs import frozen

from ..fs.namei import sys_unlink
from ..hw.memory import PAGE_SIZE, VirtAddr
from ..sim.runqueue import Entity
from .benchmark import Benchmark, Conditions, Result, machine_for, run_to_the_end
from .program import become, fill, read_file, sbrk, write_file
from .userland import Program, System, User

JOBS = 32  # compilations
AT_A_TIME = 8  # make -j8: two for each CPU
COMPUTING = 0.005  # seconds, of a compiler
HEAP_PAGES = 128
HEADER_PAGES = 16
SOURCE_PAGES = 4
OBJECT_PAGES = 4
LINKING = 0.002  # seconds
VARIATION = 0.5  # the smallest job is half the usual, the largest half as much again

MILLISECOND = 1000  # of them in a second
HEADER = "/kernel.h"


@frozen
class Job:
    """One source file."""

    number: int
    cycles: int
    pages: int  # of the compiler's heap

    @property
    def source(self) -> str:
        return f"/{self.number}.c"

    @property
    def object(self) -> str:
        return f"/{self.number}.o"


def kernbench(test: str, conditions: Conditions, jobs: int = JOBS) -> Result:
    """One compilation, timed; the sources have been unpacked before."""
    sources = jobs_of(conditions, jobs)
    with machine_for(conditions) as system:
        system.start("tar", lambda user: unpack(user, sources))
        run_to_the_end(system, "tar")
        first, began = len(system.machine.entities), system.now
        system.start("make", lambda user: make(user, sources))
        run_to_the_end(system, test)
        timed = system.machine.entities[first:]
        return Result(as_time_says(system, timed, began))


def jobs_of(conditions: Conditions, number: int) -> list[Job]:
    chance = random.Random(conditions.seed)
    usual = conditions.table.cycles(COMPUTING)

    def varied(amount: int) -> int:
        return round(amount * (1 + VARIATION * (2 * chance.random() - 1)))

    return [Job(n, varied(usual), varied(HEAP_PAGES)) for n in range(number)]


def as_time_says(
    system: System, entities: list[Entity], began: int
) -> dict[str, float]:
    """Elapsed, user and system time in milliseconds, and the share of a CPU."""
    ended = max(entity.ended or began for entity in entities)

    def milliseconds(cycles: int) -> float:
        return system.table.seconds(cycles) * MILLISECOND

    elapsed = milliseconds(ended - began)
    user = milliseconds(sum(entity.user for entity in entities))
    kernel = milliseconds(sum(entity.system for entity in entities))
    # A whole number, as `time` prints it.
    share = int(100 * (user + kernel) / elapsed) if elapsed else 0
    return {"Elapsed": elapsed, "User": user, "System": kernel, "CPU": share}


# The programs.


async def unpack(user: User, jobs: list[Job]) -> int:
    await become(user, "/bin/tar", [b"tar", b"xf", b"linux.tar"])
    buffer = await sbrk(user, 1)
    await write_file(user, HEADER, buffer, HEADER_PAGES)
    for job in jobs:
        await write_file(user, job.source, buffer, SOURCE_PAGES)
    return 0


async def make(user: User, jobs: list[Job]) -> int:
    await become(user, "/usr/bin/make", [b"make", b"-j", str(AT_A_TIME).encode()])
    running = 0
    for job in jobs:
        if running == AT_A_TIME:
            await child_that_worked(user)
            running -= 1
        assert await user.fork(compiler(job)) > 0
        running += 1
    for _ in range(running):
        await child_that_worked(user)
    assert await user.fork(linker(jobs)) > 0
    await child_that_worked(user)
    return 0


async def child_that_worked(user: User) -> None:
    pid, code = await user.wait()
    assert (pid > 0, code) == (True, 0), f"make: {pid} ended with {code}"


def compiler(job: Job) -> Program:
    async def program(user: User) -> int:
        argv = [b"cc1", b"-O2", b"-o", job.object.encode(), job.source.encode()]
        await become(user, "/usr/bin/cc1", argv)
        buffer = await sbrk(user, SOURCE_PAGES)
        for path in (HEADER, job.source):
            await read_file(user, path, buffer, SOURCE_PAGES * PAGE_SIZE)
        left, cycles = job.pages, job.cycles // job.pages
        while left:
            grown = min(left, 32)  # malloc asks for 128 KiB at a time
            heap = await sbrk(user, grown)
            for page in range(grown):
                await user.touch(VirtAddr(heap + page * PAGE_SIZE))
                await user.compute(cycles)
            left -= grown
        await write_file(user, job.object, buffer, OBJECT_PAGES)
        return 0

    return program


def linker(jobs: list[Job]) -> Program:
    """It needs all objects, and nothing else can be done meanwhile."""

    async def program(user: User) -> int:
        await become(user, "/usr/bin/ld", [b"ld", b"-o", b"vmlinux"])
        buffer = await sbrk(user, OBJECT_PAGES)
        await fill(user, buffer, OBJECT_PAGES)
        for job in jobs:
            await read_file(user, job.object, buffer, OBJECT_PAGES * PAGE_SIZE)
            await user.call(sys_unlink(user.k, user.task, job.object))
        await user.compute(user.system.table.cycles(LINKING))
        await write_file(user, "/vmlinux", buffer, OBJECT_PAGES)
        return 0

    return program


KERNBENCH = Benchmark(
    name="kernbench",
    unit="milliseconds",
    scale=f"{JOBS} compilations, make -j{AT_A_TIME}",
    tests=("kernbench",),
    better="lower",
    runs=4,
    spread=True,
    run=kernbench,
)
