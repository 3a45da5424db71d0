"""Runs on machines of their own: how they begin, are dropped, and fail."""

from __future__ import annotations

import gc
import warnings

import pytest
from attrs import evolve
from workloads.comparing import TABLE, conditions

from kmm.designs import find_kernel
from kmm.fs.namei import sys_unlink
from kmm.kernel.files import O_CREAT, O_WRONLY
from kmm.workloads.benchmark import (
    LONGEST,
    Conditions,
    Result,
    RunFailed,
    TakesTooLong,
    compare,
    machine_for,
    run_to_the_end,
)
from kmm.workloads.program import become, opened, read_file, sbrk, write_file
from kmm.workloads.sysbench import SYSBENCH
from kmm.workloads.userland import User

KERNELS = (find_kernel("vanilla"), find_kernel("v6"))


def test_kernels_take_turns_with_the_same_seed() -> None:
    asked: list[tuple[str, str, int]] = []

    def run(test: str, given: Conditions) -> Result:
        asked.append((test, given.spec.name, given.seed))
        return Result({test: 1})

    benchmark = evolve(SYSBENCH, tests=("1", "2"), run=run)
    runs = list(compare(benchmark, KERNELS, TABLE, (4, 5)))
    assert asked == [
        (test, kernel, seed)
        for test in ("1", "2")
        for seed in (4, 5)
        for kernel in ("2.6.34", "v6")
    ]
    assert [(run.test, run.column, run.seed) for run in runs[:3]] == [
        ("1", 0, 4),
        ("1", 1, 4),
        ("1", 0, 5),
    ]


def test_a_file_that_is_written_is_read_again() -> None:
    lengths = []

    async def program(user: User) -> int:
        await become(user, "/bin/cp", [b"cp", b"a", b"b"])
        buffer = await sbrk(user, 1)
        await write_file(user, "/a", buffer, pages=3)
        lengths.append(await read_file(user, "/a", buffer, 1000))
        return 0

    with machine_for(conditions()) as system:
        system.start("cp", program)
        run_to_the_end(system, "cp")
    assert lengths == [3 * 4096]


def test_a_process_that_ends_leaves_none_of_its_files_open() -> None:
    async def program(user: User) -> int:
        await opened(user, "/a", O_CREAT | O_WRONLY)
        return 0

    with machine_for(conditions()) as system:
        system.start("touch", program)
        run_to_the_end(system, "touch")  # which asks that


def test_memory_that_is_left_over_fails_the_run() -> None:
    async def program(user: User) -> int:
        page = user.k.zero_page
        page.count += 1
        user.k.mem_map[100].count += 1
        return 0

    with machine_for(conditions()) as system:
        system.start("leaks", program)
        with pytest.raises(RunFailed, match="leaks: "):
            run_to_the_end(system, "leaks")


def test_a_program_that_does_not_end_is_given_up() -> None:
    async def program(user: User) -> int:
        await user.sleep(TABLE.cycles(2 * LONGEST))
        return 0

    with machine_for(conditions()) as system:
        system.start("sleep", program)
        with pytest.raises(TakesTooLong, match="sleep takes longer"):
            run_to_the_end(system, "sleep")


def test_a_machine_is_dropped_at_any_moment_without_a_complaint() -> None:
    """Also where a system call is on its way into the kernel."""

    async def program(user: User) -> int:
        area = await user.mmap(1)
        while True:
            await user.touch(area)
            await user.call(sys_unlink(user.k, user.task, "/a"))

    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        for moment in range(10_000, 12_000, 5):
            with machine_for(conditions()) as system:
                system.start("rm", program)
                system.machine.run_until(moment)
        gc.collect()
    assert [str(each.message) for each in complaints] == []
