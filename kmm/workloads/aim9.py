"""AIM9: seven things that a kernel does, each again and again by one process.

A test makes its loops until so much time is over, and its figure is operations per
second: loops, times the operations of each, over the time that they took.  AIM9 gives
each a minute; here it is milliseconds of virtual time, and loops are as much shorter.

A process begins with some memory of its own, how much is by chance from the seed:
"these tests can be so sensitive to starting conditions", says the letter.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import nan

from attrs import define, field, frozen

from ..fs.namei import sys_link, sys_unlink
from ..fs.open import sys_creat
from ..kernel.entry import system_call
from ..kernel.files import sys_close
from ..kernel.signal import SIGUSR1, SigAction, sys_kill, sys_rt_sigaction
from ..mm.kernel import Kernel
from ..mm.mm_types import Task
from ..sim.clock import enter_kernel, return_to_user
from .benchmark import (
    Benchmark,
    Conditions,
    Result,
    counted,
    machine_for,
    per_operation,
    run_to_the_end,
)
from .program import become, fill, sbrk
from .userland import User

DURATION = 0.001  # seconds, of each test
MOST_LOOPS = 5_000  # where costs are such that nothing takes long
LEAST_DATA, MOST_DATA = 16, 48  # pages of the program's own
FILE = "/file"

Loop = Callable[[User], Awaitable[None]]


@frozen
class Test:
    """One row."""

    operations: int  # of each loop
    loop: Loop


# What a loop does.


async def creat_clo(user: User) -> None:
    """Make a file, which is there from the second time on, and close it."""
    for _ in range(10):
        fd = await user.call(sys_creat(user.k, user.task, FILE))
        await user.call(sys_close(user.k, user.task, fd))


async def page_test(user: User) -> None:
    """Grow the heap page by page, writing to each; then give all of them back."""
    for _ in range(17):
        await user.touch(await sbrk(user, +1))
    await sbrk(user, -17)


async def brk_test(user: User) -> None:
    """The same, and nobody writes there."""
    for _ in range(17):
        await sbrk(user, +1)
    await sbrk(user, -17)


async def signal_test(user: User) -> None:
    """Send oneself a signal, and handle it."""
    k, task = user.k, user.task
    for _ in range(10):
        await user.call(
            system_call(k, task, lambda: sys_kill(k, task, task.pid, SIGUSR1))
        )


async def exec_test(user: User) -> None:
    """Have a child become another program, which ends."""
    for _ in range(5):
        await child(user, becomes_true)


async def fork_test(user: User) -> None:
    """Have a child, which ends."""
    await child(user, ends)


async def link_test(user: User) -> None:
    """Give a file another name, and take that away."""
    k, task = user.k, user.task
    for _ in range(7):
        assert await user.call(sys_link(k, task, FILE, "/another")) == 0
        assert await user.call(sys_unlink(k, task, "/another")) == 0


async def child(user: User, program: Callable[[User], Awaitable[int]]) -> None:
    assert await user.fork(program) > 0
    pid, code = await user.wait()
    assert (pid > 0, code) == (True, 0), f"aim9: {pid} ended with {code}"


async def becomes_true(user: User) -> int:
    await become(user, "/bin/true", [b"true"])
    return 0


async def ends(user: User) -> int:
    return 0


TESTS = {
    "creat-clo": Test(10, creat_clo),
    "page_test": Test(17, page_test),
    "brk_test": Test(17, brk_test),
    "signal_test": Test(10, signal_test),
    "exec_test": Test(5, exec_test),
    "fork_test": Test(1, fork_test),
    "link_test": Test(7, link_test),
}


# The process that makes them.


@define
class Tally:
    """What the process says at its end."""

    operations: int = 0
    cycles: int = 0
    counts: dict[str, float] = field(factory=dict)


def aim9(test: str, conditions: Conditions, duration: float = DURATION) -> Result:
    """One test, by one process, with nobody else on the machine."""
    tally = Tally()
    with machine_for(conditions) as system:
        cycles = system.table.cycles(duration)
        system.start("aim9", lambda user: singleuser(user, TESTS[test], cycles, tally))
        run_to_the_end(system, test)
        seconds = system.table.seconds(tally.cycles)
    rate = tally.operations / seconds if seconds else nan
    return Result({test: rate}, tally.counts)


async def singleuser(user: User, test: Test, cycles: int, tally: Tally) -> int:
    await become(user, "/usr/bin/singleuser", [b"singleuser"])
    await prepare(user)
    await test.loop(user)  # what is made but once, a table for the heap say, is there
    system, loops = user.system, 0
    began, before = system.now, counted(system)
    while system.now - began < cycles and loops < MOST_LOOPS:
        await test.loop(user)
        loops += 1
    tally.cycles = system.now - began
    tally.operations = loops * test.operations
    tally.counts = per_operation(before, counted(system), tally.operations)
    return 0


async def prepare(user: User) -> None:
    """Some memory, a file, and a handler of signals."""
    spread = MOST_DATA - LEAST_DATA
    data = LEAST_DATA + int(spread * user.chance.random())
    await fill(user, await sbrk(user, data), data)
    k, task = user.k, user.task
    action = SigAction(handler(user))
    await user.call(sys_rt_sigaction(k, task, SIGUSR1, action))
    await creat_clo(user)


def handler(user: User) -> Callable[[Kernel, Task, int], Awaitable[None]]:
    async def count(k: Kernel, task: Task, sig: int) -> None:
        """In the program; then rt_sigreturn, a system call."""
        await return_to_user(0)
        user.system.count("signals")
        await enter_kernel(user.system.table.system_call.cycles)

    return count


AIM9 = Benchmark(
    name="aim9",
    unit="operations a second",
    scale=f"{DURATION * 1000:.0f} ms for each test",
    tests=tuple(TESTS),
    better="higher",
    runs=1,
    spread=False,
    run=aim9,
)
