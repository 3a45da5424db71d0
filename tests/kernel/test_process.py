"""Processes that run programs: each has its own memory, whoever else has the CPU."""

from __future__ import annotations

import pytest
from areas import AREA, Area, area
from building import boot, free_frames, settle, to_end, use_up_memory

from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.process import (
    Program,
    fork_and_run,
    start_process,
    thread_of,
)
from kmm.kernel.syscalls import sys_mmap, sys_wait
from kmm.mm.audit import audit, check_always
from kmm.mm.boot import interrupt_threads
from kmm.mm.errno import ENOMEM
from kmm.mm.fault import SIGSEGV, FatalSignal
from kmm.mm.filemap import new_mapping
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import File, Task
from kmm.mm.mmap import MAP_FIXED, MAP_PRIVATE, PROT_READ
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import RandomWalk, RoundRobin, SourceDpor
from kmm.sim.thread import KThread

NOWHERE = VirtAddr(0x1000)


def filled(letters: str = "ab", **config: int) -> Area:
    one = area(boot("2.6.34", **{"frames": 64, **config}), len(letters))
    one.fill_all(letters)
    settle(one.k)
    return one


def run(one: Area, program: Program) -> Machine:
    """Run a program, and what it starts, in turn to the end."""
    k = one.k
    machine = Machine(
        [thread_of(k, one.process.task, program), *interrupt_threads(k)],
        always=lambda: check_always(k),
    )
    machine.is_checked = True
    strategy = RoundRobin()
    strategy.next_run()
    assert machine.run(strategy)
    assert machine.failure is None
    machine.close()
    return machine


async def returns_7(k: Kernel, task: Task) -> int:
    return 7


# Driven from outside.


def test_memory_that_is_mapped_again_is_empty() -> None:
    one = filled()
    one.process.map_anonymous(one.address(1), 2)
    assert one.letters() == "a\0"
    one.process.store(one.address(2), b"c")
    assert len(one.process.mm.mmap) == 1, "neighbours of one kind are merged"
    settle(one.k)
    audit(one.k)


def test_a_place_where_nothing_can_be_mapped_is_refused() -> None:
    one = filled()
    with pytest.raises(AssertionError, match="nothing can be mapped"):
        one.process.map_anonymous(VirtAddr(AREA + 1), 1)


def test_a_new_process_has_an_empty_address_space_and_the_cpu() -> None:
    k = boot()
    process = start_process(k, "init", cpu=1)
    assert process.mm.mmap == []
    assert k.running[1] is process.task
    assert k.tasks == {process.task.pid: process.task}
    assert k.cpus[1].cr3 == process.mm.pgd


def test_processes_have_different_pids() -> None:
    k = boot()
    first, second = start_process(k, "a"), start_process(k, "b")
    third = first.fork()
    assert [first.task.pid, second.task.pid, third.task.pid] == [1, 2, 3]


def test_two_processes_on_one_cpu_see_only_their_own_memory() -> None:
    k = boot()
    one, other = area(k, 2), area(k, 2)
    for letters in ("ab", "cd"):
        one.fill_all(letters)
        other.fill_all(letters.upper())
        assert one.letters() == letters
        assert other.letters() == letters.upper()
        assert other.process.task.cpu is one.process.task.cpu
    settle(k)
    audit(k)


def test_whoever_touches_memory_has_the_cpu_from_then_on() -> None:
    k = boot()
    one, other = area(k, 1), area(k, 1)
    cpu = one.process.task.cpu
    for who in (one, other, one):
        who.letter(0)
        assert k.running[0] is who.process.task
        assert cpu.cr3 == who.process.mm.pgd
    assert one.process.mm.cpu_vm_mask == 1
    assert other.process.mm.cpu_vm_mask == 0


def test_a_process_that_has_the_cpu_already_keeps_what_the_cpu_remembers() -> None:
    one = filled()
    hits = one.process.task.cpu.tlb.counters.hits
    one.letter(0)
    assert one.process.task.cpu.tlb.counters.hits == hits + 1


def test_code_is_fetched_from_where_it_may_be() -> None:
    k = boot()
    process = start_process(k, "code")
    mapping = new_mapping(k, "file")
    mapping.size = PAGE_SIZE
    for place, prot in ((AREA, PROT_READ | 0x4), (AREA + PAGE_SIZE, PROT_READ)):
        flags = MAP_FIXED | MAP_PRIVATE
        file = File("code", mapping)
        call = sys_mmap(k, process.task, place, PAGE_SIZE, prot, flags, file)
        assert process.run(call) == place
    assert process.fetch(AREA, 2) == b"\0\0"
    process.load(VirtAddr(AREA + PAGE_SIZE), 2)
    with pytest.raises(FatalSignal):
        process.fetch(VirtAddr(AREA + PAGE_SIZE), 2)


def test_a_process_that_has_ended_has_no_memory_to_ask_for() -> None:
    one = filled()
    one.process.exit(5)
    assert one.process.task.exit_code == 5
    with pytest.raises(AssertionError, match="has ended"):
        _ = one.process.mm


# Running programs.


def test_a_program_ends_its_process_with_its_code() -> None:
    one = filled()
    run(one, returns_7)
    assert one.process.task.exit_code == 7
    assert one.process.task.mm is None


def test_a_program_may_end_by_a_signal_and_leaves_nothing() -> None:
    one = filled()
    before = free_frames(one.k)

    async def touches_nothing(k: Kernel, task: Task) -> int:
        await task.cpu.store(NOWHERE, b"x", user=True)
        raise AssertionError("it must not come here")

    run(one, touches_nothing)
    assert one.process.task.exit_code == 128 + SIGSEGV == 139
    settle(one.k)
    assert free_frames(one.k) > before
    audit(one.k)


def test_a_program_beyond_the_end_of_its_file_ends_with_sigbus() -> None:
    one = filled()
    mapping = new_mapping(one.k, "empty")

    async def reads(k: Kernel, task: Task) -> int:
        file = File("empty", mapping)
        where = await sys_mmap(k, task, 0, PAGE_SIZE, PROT_READ, MAP_PRIVATE, file)
        await task.cpu.load(VirtAddr(where), 1, user=True)
        return 0

    run(one, reads)
    assert one.process.task.exit_code == 128 + 7


def test_a_program_that_finds_no_memory_is_killed() -> None:
    one = area(boot(), 2)
    one.letter(0)
    use_up_memory(one.k)

    async def writes(k: Kernel, task: Task) -> int:
        await task.cpu.store(AREA, b"x", user=True)
        return 0

    machine = Machine([thread_of(one.k, one.process.task, writes)])
    to_end(machine, 0)
    assert machine.failure is None
    assert one.process.task.exit_code == 128 + 9


@pytest.mark.parametrize("cpu", [None, 1])
def test_a_parent_waits_for_the_child_that_it_runs(cpu: int | None) -> None:
    one = filled()
    got: list[object] = []

    async def child(k: Kernel, task: Task) -> int:
        await task.cpu.store(AREA, b"c", user=True)
        got.append(await task.cpu.load(AREA, 2, user=True))
        return 3

    async def parent(k: Kernel, task: Task) -> int:
        pid = await fork_and_run(k, task, child, cpu)
        assert await sys_wait(k, task) == (pid, 3)
        got.append(await task.cpu.load(AREA, 2, user=True))
        return 0

    machine = run(one, parent)
    assert got == [b"ca", b"aa"]
    assert one.process.task.exit_code == 0
    assert len([t for t in machine.threads if not t.daemon]) == 2
    settle(one.k)
    audit(one.k)


def test_a_child_may_have_children() -> None:
    one = filled()

    async def generation(k: Kernel, task: Task, left: int) -> int:
        if not left:
            return 1

        async def next_one(k: Kernel, task: Task) -> int:
            return await generation(k, task, left - 1)

        pid = await fork_and_run(k, task, next_one, 1)
        assert pid > 0
        _, code = await sys_wait(k, task)
        return code + 1

    async def first(k: Kernel, task: Task) -> int:
        return await generation(k, task, 3)

    run(one, first)
    assert one.process.task.exit_code == 4
    assert list(one.k.tasks.values()) == [one.process.task]


def test_the_end_of_a_child_by_a_signal_is_nobody_elses() -> None:
    one = filled()

    async def child(k: Kernel, task: Task) -> int:
        await task.cpu.load(NOWHERE, 1, user=True)
        return 0

    async def parent(k: Kernel, task: Task) -> int:
        await fork_and_run(k, task, child, 1)
        _, code = await sys_wait(k, task)
        return code

    run(one, parent)
    assert one.process.task.exit_code == 139


def test_a_fork_without_memory_runs_nothing() -> None:
    one = filled()
    use_up_memory(one.k)

    async def parent(k: Kernel, task: Task) -> int:
        return -await fork_and_run(k, task, returns_7)

    machine = Machine([thread_of(one.k, one.process.task, parent)])
    to_end(machine, 0)
    assert one.process.task.exit_code == ENOMEM
    assert len(machine.threads) == 1


def test_two_programs_on_two_cpus_see_only_their_own_memory() -> None:
    """Parent and child write to the same pages, and read them again."""

    def boot_race() -> Machine:
        one = filled("a", frames=32)
        k = one.k
        codes: list[int] = []

        async def write(task: Task, data: bytes) -> int:
            await task.cpu.store(AREA, data, user=True)
            return int(await task.cpu.load(AREA, 2, user=True) != data + b"a")

        async def child(k: Kernel, task: Task) -> int:
            return await write(task, b"c")

        async def parent(k: Kernel, task: Task) -> int:
            await fork_and_run(k, task, child, 1)
            codes.append(await write(task, b"p"))
            codes.append((await sys_wait(k, task))[1])
            return 0

        def check() -> None:
            assert codes == [0, 0]
            settle(k)
            audit(k)

        threads = [thread_of(k, one.process.task, parent), *interrupt_threads(k)]
        return Machine(threads, check)

    assert search(boot_race, RandomWalk(seed=1), budget=60).failure is None


def test_two_programs_that_share_a_cpu_see_only_their_own_memory() -> None:
    """The CPU may go from one to the other before any access."""

    def boot_race() -> Machine:
        k = boot(frames=32, cpus=1)
        areas = [area(k, 1), area(k, 1)]
        for one, letter in zip(areas, "ab", strict=True):
            one.fill(0, letter)
        settle(k)
        found: list[tuple[bytes, bytes]] = []

        async def work(task: Task, letter: bytes) -> None:
            for _ in range(2):
                await task.cpu.store(AREA, letter, user=True)
                found.append((letter, await task.cpu.load(AREA, 1, user=True)))

        def check() -> None:
            assert len(found) == 4
            assert all(written == read for written, read in found)

        tasks = [one.process.task for one in areas]
        threads = [
            KThread(task.comm, task.pid, 0, work(task, letter), task=task)
            for task, letter in zip(tasks, (b"x", b"y"), strict=True)
        ]
        return Machine(threads, check)

    assert search(boot_race, RandomWalk(seed=2), budget=60).failure is None
    assert search(boot_race, SourceDpor(), budget=60).failure is None
