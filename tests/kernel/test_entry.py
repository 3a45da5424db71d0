"""System calls on their way back: handlers are run, and what they changed is undone."""

from __future__ import annotations

from functools import partial

import pytest
from areas import AREA
from building import thread
from users import NOWHERE, PAGES, User, proof, user

from kmm.fs.pipe import sys_pipe
from kmm.fs.read_write import sys_read, sys_write
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.entry import FRAME_SIZE, REDZONE, system_call
from kmm.kernel.process import run_program
from kmm.kernel.signal import (
    SA_NODEFER,
    SA_RESTART,
    SIGCHLD,
    SIGPIPE,
    SIGSEGV,
    SIGTERM,
    SIGUSR1,
    SIGUSR2,
    Disposition,
    Handler,
    SigAction,
    mask_of,
    sys_kill,
    sys_rt_sigaction,
)
from kmm.kernel.syscalls import sys_munmap
from kmm.mm.errno import EINTR
from kmm.mm.fault import FatalSignal
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Task
from kmm.scenarios.watching import Watch
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor

STACK = VirtAddr(AREA + PAGES * PAGE_SIZE)
NESTED = 2 * (REDZONE + FRAME_SIZE + 24)  # bytes, and room to align


def catch(u: User, sig: int, handler: Handler, flags: int = 0, mask: int = 0) -> None:
    action = SigAction(handler, flags, mask)
    before = u.run(sys_rt_sigaction(u.k, u.task, sig, action))
    assert isinstance(before, SigAction)
    assert isinstance(before.sa_handler, Disposition)


def kill(u: User, *signals: int) -> int:
    """Send signals to oneself, all but the last without the way back."""
    for sig in signals[:-1]:
        assert u.run(sys_kill(u.k, u.task, u.task.pid, sig)) == 0
    last = signals[-1]
    return u.run(
        system_call(u.k, u.task, lambda: sys_kill(u.k, u.task, u.task.pid, last))
    )


def test_a_handler_runs_before_the_call_returns_and_leaves_all_as_it_was() -> None:
    u = user()
    seen: list[tuple[int, int]] = []

    async def handler(k: Kernel, task: Task, sig: int) -> None:
        assert STACK - REDZONE - FRAME_SIZE - 24 <= task.sp < STACK - REDZONE
        assert task.sp % 16 == 8, "as a function finds it"
        seen.append((sig, task.sighand.blocked))

    catch(u, SIGUSR1, handler, mask=mask_of(SIGTERM))
    assert kill(u, SIGUSR1) == 0
    assert seen == [(SIGUSR1, mask_of(SIGUSR1, SIGTERM))]
    assert u.task.sp == STACK
    assert (u.task.sighand.blocked, u.task.sighand.pending) == (0, 0)
    assert not u.task.sighand.sigpending
    u.audit()


def test_signal_after_signal_is_handled() -> None:
    u = user()
    seen: list[int] = []

    async def handler(k: Kernel, task: Task, sig: int) -> None:
        seen.append(sig)

    catch(u, SIGUSR1, handler)
    for _ in range(100):
        assert kill(u, SIGUSR1) == 0
    assert seen == [SIGUSR1] * 100
    assert u.task.sp == STACK


def test_of_two_signals_the_later_ones_handler_runs_on_top_of_the_other() -> None:
    u = user()
    seen: list[tuple[int, bool]] = []

    async def handler(k: Kernel, task: Task, sig: int) -> None:
        seen.append((sig, task.sp >= STACK - NESTED // 2))

    catch(u, SIGUSR1, handler)
    catch(u, SIGUSR2, handler)
    kill(u, SIGUSR2, SIGUSR1)
    assert seen == [(SIGUSR2, False), (SIGUSR1, True)]
    assert u.task.sp == STACK


@pytest.mark.parametrize("nodefer", [False, True])
def test_a_signal_within_its_handler_waits_unless_it_need_not(nodefer: bool) -> None:
    u = user()
    depth: list[int] = []
    deepest: list[int] = []

    async def handler(k: Kernel, task: Task, sig: int) -> None:
        depth.append(sig)
        deepest.append(len(depth))
        if len(deepest) < 3:
            await system_call(k, task, lambda: sys_kill(k, task, task.pid, sig))
        depth.pop()

    catch(u, SIGUSR1, handler, SA_NODEFER if nodefer else 0)
    kill(u, SIGUSR1)
    assert deepest == ([1, 2, 3] if nodefer else [1, 1, 1])
    assert u.task.sp == STACK


def test_without_a_handler_the_process_ends() -> None:
    u = user()
    with pytest.raises(FatalSignal, match="killed by signal 15") as end:
        kill(u, SIGTERM)
    assert end.value.signal == SIGTERM
    assert kill(u, SIGCHLD) == 0


def test_a_program_ends_with_the_number_of_its_signal() -> None:
    u = user()

    async def program(k: Kernel, task: Task) -> int:
        await system_call(k, task, lambda: sys_kill(k, task, task.pid, SIGTERM))
        raise AssertionError("it must not come here")

    u.run(run_program(u.k, u.task, program))
    assert u.task.exit_code == 128 + SIGTERM
    u.audit()


@pytest.mark.parametrize("sp", [0, NOWHERE, AREA + 8])
def test_without_room_on_the_stack_the_process_ends(sp: int) -> None:
    u = user()

    async def handler(k: Kernel, task: Task, sig: int) -> None:
        raise AssertionError("it must not come here")

    catch(u, SIGUSR1, handler)
    u.task.sp = VirtAddr(sp)
    with pytest.raises(FatalSignal) as end:
        kill(u, SIGUSR1)
    assert end.value.signal == SIGSEGV


def test_a_handler_that_unmaps_the_stack_does_not_come_back() -> None:
    u = user()

    async def handler(k: Kernel, task: Task, sig: int) -> None:
        await sys_munmap(k, task, AREA, PAGES * PAGE_SIZE)

    catch(u, SIGUSR1, handler)
    with pytest.raises(FatalSignal) as end:
        kill(u, SIGUSR1)
    assert end.value.signal == SIGSEGV


def test_a_write_that_nobody_reads_ends_the_process_or_runs_its_handler() -> None:
    u = user()
    reading, writing = u.pipe()
    u.close(reading)
    u.process.store(AREA, b"x")

    def write() -> int:
        return u.run(
            system_call(u.k, u.task, lambda: sys_write(u.k, u.task, writing, AREA, 1))
        )

    with pytest.raises(FatalSignal) as end:
        write()
    assert end.value.signal == SIGPIPE
    seen: list[int] = []

    async def handler(k: Kernel, task: Task, sig: int) -> None:
        seen.append(sig)

    catch(u, SIGPIPE, handler)
    assert write() < 0
    assert seen == [SIGPIPE]


# Calls that are cut short.


def interrupted(flags: int) -> tuple[Machine, list[object]]:
    """A reader of an empty pipe, and who sends it a signal; what the reader saw.

    Its handler writes a byte to the pipe, so a read that begins again gets that.
    """
    u = user(cpus=2)
    other = user(u.k, cpu=1)
    seen: list[object] = []
    u.process.store(AREA, b"x")
    fds = u.run(sys_pipe(u.k, u.task))
    assert isinstance(fds, tuple)
    reading, writing = fds

    async def handler(k: Kernel, task: Task, sig: int) -> None:
        seen.append(sig)
        await sys_write(k, task, writing, AREA, 1)

    async def reader() -> None:
        read = partial(sys_read, u.k, u.task, reading, AREA, 1)
        seen.append(await system_call(u.k, u.task, read))

    catch(u, SIGUSR1, handler, flags)
    u.audit()
    killer = sys_kill(u.k, other.task, u.task.pid, SIGUSR1)
    threads = [thread(0, reader()), thread(1, killer)]
    for made, who in zip(threads, (u, other), strict=True):
        made.task = who.task
    return Machine(threads, u.audit), seen


@pytest.mark.parametrize(("flags", "result"), [(0, -EINTR), (SA_RESTART, 1)])
def test_a_read_that_a_signal_cuts_short_says_so_or_begins_again(
    flags: int, result: int
) -> None:
    """Over all interleavings of the read and the signal."""

    def boot_race() -> Machine:
        machine, seen = interrupted(flags)
        audit_counts = machine.check

        def check() -> None:
            assert seen == [SIGUSR1, result]
            audit_counts()

        machine.check = check
        return machine

    assert proof(boot_race).verdict == "proved"


def test_signals_race_with_nothing() -> None:
    watch = Watch.new()
    with watch.over(lambda: interrupted(SA_RESTART)[0]) as boot:
        result = search(boot, SourceDpor(), budget=60)
    assert result.failure is None
    assert watch.reports == ()
