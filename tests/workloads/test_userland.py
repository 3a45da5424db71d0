"""Programs on a machine with clocks: what they do, and what `time` says of them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sim.timing import Trace, check_accounts

import kmm
from kmm.designs import find_kernel
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.mm.errno import ECHILD
from kmm.mm.kernel import Config
from kmm.sim.failure import Corruption
from kmm.workloads.cycles import Table, usual_table
from kmm.workloads.userland import Program, System, User, boot

MILLION = 1_000_000


def system(cpus: int = 2, frames: int = 512, slots: int = 0) -> System:
    config = Config(cpus=cpus, frames=frames, swap_slots=slots, min_free_kbytes=None)
    return boot(find_kernel("2.6.36"), config, usual_table(), seed=1)


def run(program: Program, cpus: int = 2, seconds: float = 10) -> tuple[System, User]:
    """Run a program to its end."""
    it = system(cpus)
    user = it.start("test", program)
    it.machine.run_until(it.table.cycles(seconds))
    assert it.machine.failure is None, it.machine.failure
    assert user.entity is not None
    assert user.entity.ended is not None, "it has not come to its end"
    check_accounts(it.machine)
    return it, user


def table() -> Table:
    return usual_table()


# Time.


def test_what_a_program_computes_is_user_time() -> None:
    async def program(user: User) -> int:
        await user.compute(30 * MILLION)
        return 0

    _, user = run(program)
    times = user.times()
    assert times.user == table().seconds(30 * MILLION)
    assert 0 < times.system < 0.001
    assert times.elapsed == pytest.approx(times.user + times.system)
    assert times.percent == pytest.approx(100)


def test_what_a_program_sleeps_is_neither_user_nor_system_time() -> None:
    async def program(user: User) -> int:
        await user.sleep(30 * MILLION)
        return 0

    _, user = run(program)
    times = user.times()
    assert times.elapsed >= table().seconds(30 * MILLION)
    assert times.user == 0
    assert times.percent < 1


def test_a_page_fault_is_system_time() -> None:
    async def program(user: User) -> int:
        area = await user.mmap(16)
        before = user.times()
        for page in range(16):
            await user.touch(VirtAddr(area + page * PAGE_SIZE))
        first = user.times()
        for page in range(16):
            await user.touch(VirtAddr(area + page * PAGE_SIZE))
        again = user.times()
        faults = first.system - before.system
        assert faults >= 16 * table().seconds(table().page_fault.cycles)
        assert again.system == first.system  # there are no faults any more
        assert again.user > first.user
        return 0

    run(program)


def test_a_fault_of_the_kernel_goes_back_to_the_kernel() -> None:
    modes: list[bool] = []

    async def program(user: User) -> int:
        area = await user.mmap(1)

        async def copy_from_user() -> None:
            await user.task.cpu.load(area, 1, user=False)
            assert user.entity is not None
            modes.append(user.entity.in_user)

        await user.call(copy_from_user())
        await user.compute(1)
        assert user.entity is not None
        modes.append(user.entity.in_user)
        return 0

    run(program)
    assert modes == [False, True]


def test_the_time_of_children_is_added_when_they_are_waited_for() -> None:
    async def grandchild(user: User) -> int:
        await user.compute(7 * MILLION)
        return 0

    async def child(user: User) -> int:
        await user.fork(grandchild)
        await user.compute(20 * MILLION)
        await user.wait()
        return 0

    async def program(user: User) -> int:
        await user.fork(child)
        assert user.times().children_user == 0
        await user.compute(MILLION)
        await user.wait()
        return 0

    _, user = run(program)
    times = user.times()
    seconds = table().seconds
    assert times.user == seconds(MILLION)
    assert times.children_user == seconds(27 * MILLION)
    assert times.user_of_all == pytest.approx(seconds(28 * MILLION))
    assert times.system_of_all > times.system > 0
    assert times.percent > 100  # there are two CPUs
    assert times.switches > 2


def test_a_child_that_nobody_waits_for_is_nobody_s_time() -> None:
    async def child(user: User) -> int:
        await user.compute(MILLION)
        return 0

    async def program(user: User) -> int:
        await user.fork(child)
        return 0

    _, user = run(program)
    assert user.times().children_user == 0


# Processes.


def test_children_are_put_on_the_cpu_that_the_fewest_want() -> None:
    children: list[User] = []

    async def child(user: User) -> int:
        children.append(user)
        await user.compute(300 * MILLION)
        return 0

    async def program(user: User) -> int:
        for _ in range(7):
            await user.fork(child)
        return 0

    _, parent = run(program, cpus=4)
    children.sort(key=lambda child: child.task.pid)
    places = [child.task.cpu.number for child in children]
    assert {*places[:3], parent.task.cpu.number} == {0, 1, 2, 3}
    assert max(places.count(n) for n in range(4)) == 2


def test_wait_tells_which_child_has_ended_and_how() -> None:
    waited: dict[int, int] = {}
    pids: list[int] = []

    def child(code: int) -> Program:
        async def program(user: User) -> int:
            await user.compute(MILLION * (10 - code))
            return code

        return program

    async def program(user: User) -> int:
        pids.extend([await user.fork(child(code)) for code in (3, 0, 7)])
        for _ in pids:
            pid, code = await user.wait()
            waited[pid] = code
        assert await user.wait() == (-ECHILD, 0)
        return 0

    run(program)
    assert waited == dict(zip(pids, (3, 0, 7), strict=True))


def test_a_child_that_touches_what_it_does_not_have_is_killed() -> None:
    codes: list[int] = []

    async def child(user: User) -> int:
        await user.touch(VirtAddr(0x1000))
        return 0

    async def program(user: User) -> int:
        await user.fork(child)
        codes.append((await user.wait())[1])
        return 0

    run(program)
    assert codes == [128 + 11]


def test_a_child_has_a_copy_of_what_its_parent_had() -> None:
    async def program(user: User) -> int:
        area = await user.mmap(2)
        await user.memset(area, 2, 5)

        async def child(user: User) -> int:
            await user.expect(area, 5)
            await user.memset(area, 2, 6)
            await user.expect(area, 6)
            return 0

        await user.fork(child)
        assert (await user.wait())[1] == 0
        await user.expect(area, 5)
        return 0

    it, _ = run(program)
    assert it.counts["forks"] == 1


def test_a_program_that_finds_what_it_did_not_write_ends_the_run() -> None:
    async def program(user: User) -> int:
        area = await user.mmap(1)
        await user.memset(area, 1, 5)
        await user.expect(area, 6)
        return 0

    it = system()
    it.start("test", program)
    assert not it.machine.run_until(it.table.cycles(1))
    assert it.machine.failure is not None
    assert it.machine.failure.kind == Corruption("").kind
    assert "0x5 is at" in it.machine.failure.message


def test_execve_gives_another_program_its_stack() -> None:
    async def program(user: User) -> int:
        sp = await user.execve("/bin/echo", [b"echo", b"hello"])
        await user.touch(sp, write=False)
        return 0

    it, _ = run(program)
    assert it.counts["execs"] == 1


# Runs.


PAGES = 400


def swapping() -> System:
    """More memory than there is: pages go out and come in, and children share them."""
    it = system(cpus=2, frames=320, slots=900)

    async def child(user: User) -> int:
        for page in range(0, PAGES, 7):
            await user.touch(VirtAddr(areas[0] + page * PAGE_SIZE))
        return 0

    areas: list[VirtAddr] = []

    async def program(user: User) -> int:
        areas.append(await user.mmap(PAGES))
        for value in range(1, 3):
            await user.memset(areas[0], PAGES, value)
            for _ in range(3):
                await user.fork(child)
            for _ in range(3):
                await user.wait()
            await user.expect(VirtAddr(areas[0] + 60 * PAGE_SIZE), value)
        return 0

    it.start("test", program)
    return it


def test_a_machine_that_swaps_wakes_everybody_and_counts_every_cycle() -> None:
    it = swapping()
    for moment in range(1, 200):
        if not it.machine.run_until(it.table.cycles(moment * 0.1)):
            break
        check_accounts(it.machine)
    assert it.machine.failure is None
    assert it.k.vm_events["pswpin"] > 20
    assert all(e.ended is not None for e in it.machine.entities if not e.thread.daemon)
    assert not it.machine.not_woken()


def digest_of_a_run() -> str:
    it = swapping()
    trace = Trace()
    it.machine.watchers.append(trace)
    it.machine.run_until(it.table.cycles(0.3))
    return hashlib.sha256(repr(trace.steps).encode()).hexdigest()


def test_a_run_is_the_same_whatever_the_order_of_hashes() -> None:
    roots = [str(Path(__file__).parents[1]), str(Path(kmm.__file__).parents[1])]
    digests = set()
    for seed in range(4):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": str(seed),
            "PYTHONPATH": os.pathsep.join(roots),
        }
        command = "from workloads.test_userland import *; print(digest_of_a_run())"
        done = subprocess.run(
            [sys.executable, "-c", command],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        digests.add(done.stdout)
    assert len(digests) == 1
