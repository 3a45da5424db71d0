"""System calls: what they return, above all when they refuse."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest
from areas import AREA
from building import boot, settle, use_up_memory

from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.process import Process, start_process
from kmm.kernel.syscalls import (
    sys_brk,
    sys_exit,
    sys_fork,
    sys_madvise,
    sys_mlock,
    sys_mmap,
    sys_mprotect,
    sys_mremap,
    sys_munlock,
    sys_munmap,
    sys_wait,
)
from kmm.mm.audit import audit
from kmm.mm.errno import EACCES, EAGAIN, EBADF, ECHILD, EFAULT, EINVAL, ENOMEM
from kmm.mm.fault import FatalSignal
from kmm.mm.filemap import new_mapping
from kmm.mm.madvise import MADV_DONTNEED, MADV_MERGEABLE, MADV_NORMAL, MADV_RANDOM
from kmm.mm.mm_types import VM_LOCKED, VM_RAND_READ, File, Task
from kmm.mm.mmap import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_LOCKED,
    MAP_POPULATE,
    MAP_PRIVATE,
    MAP_SHARED,
    MMAP_BASE,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    TASK_SIZE,
)
from kmm.mm.mremap import MREMAP_FIXED, MREMAP_MAYMOVE

ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS
READ_WRITE = PROT_READ | PROT_WRITE
HEAP = VirtAddr(0x1000_0000)

Arguments = tuple[int, ...]


class Program:
    """A process with three pages at AREA, of which the middle one may be missing."""

    def __init__(self, *, hole: bool = False) -> None:
        self.k = boot(frames=64)
        self.process: Process = start_process(self.k, "program")
        self.task: Task = self.process.task
        self.mm = self.process.mm
        self.mm.start_brk = self.mm.brk = HEAP
        flags = ANONYMOUS | MAP_FIXED
        assert self.mmap(AREA, 3 * PAGE_SIZE, READ_WRITE, flags) == AREA
        if hole:
            assert self.munmap(AREA + PAGE_SIZE, PAGE_SIZE) == 0

    def run(self, body: Coroutine[Any, Any, int]) -> int:
        """Make one call; whatever it says, no lock may be left held."""
        result = self.process.run(body)
        assert (self.mm.mmap_sem.writer, self.mm.mmap_sem.readers) == (None, [])
        return result

    def mmap(
        self,
        address: int,
        length: int,
        prot: int,
        flags: int,
        file: File | None = None,
        offset: int = 0,
    ) -> int:
        body = sys_mmap(self.k, self.task, address, length, prot, flags, file, offset)
        return self.run(body)

    def munmap(self, address: int, length: int) -> int:
        return self.run(sys_munmap(self.k, self.task, address, length))

    def mprotect(self, address: int, length: int, prot: int) -> int:
        return self.run(sys_mprotect(self.k, self.task, address, length, prot))

    def madvise(self, address: int, length: int, behaviour: int) -> int:
        return self.run(sys_madvise(self.k, self.task, address, length, behaviour))

    def mlock(self, address: int, length: int) -> int:
        return self.run(sys_mlock(self.k, self.task, address, length))

    def munlock(self, address: int, length: int) -> int:
        return self.run(sys_munlock(self.k, self.task, address, length))

    def brk(self, brk: int) -> int:
        return self.run(sys_brk(self.k, self.task, brk))

    def mremap(self, *arguments: int) -> int:
        return self.run(sys_mremap(self.k, self.task, *arguments))

    def areas(self) -> list[tuple[int, int, int]]:
        return [(vma.vm_start, vma.vm_end, vma.vm_flags) for vma in self.mm.mmap]

    def file(self, *, writable: bool = True) -> File:
        mapping = new_mapping(self.k, "file")
        mapping.size = PAGE_SIZE
        return File("file", mapping, writable)

    def faults(self) -> int:
        return self.task.min_flt


# mmap.


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((0, 0, READ_WRITE, ANONYMOUS), EINVAL),
        ((0, PAGE_SIZE, READ_WRITE, MAP_ANONYMOUS), EINVAL),
        ((0, PAGE_SIZE, READ_WRITE, MAP_PRIVATE), EBADF),
        ((AREA + 1, PAGE_SIZE, READ_WRITE, ANONYMOUS | MAP_FIXED), EINVAL),
        ((TASK_SIZE, PAGE_SIZE, READ_WRITE, ANONYMOUS | MAP_FIXED), ENOMEM),
        ((0, TASK_SIZE + PAGE_SIZE, READ_WRITE, ANONYMOUS), ENOMEM),
    ],
)
def test_mmap_refuses_what_makes_no_sense(arguments: Arguments, error: int) -> None:
    p = Program()
    before = p.areas()
    address, length, prot, flags = arguments
    assert p.mmap(address, length, prot, flags) == -error
    assert p.areas() == before


def test_mmap_refuses_an_offset_within_a_page() -> None:
    p = Program()
    file = p.file()
    result = p.mmap(0, PAGE_SIZE, PROT_READ, MAP_PRIVATE, file, PAGE_SIZE // 2)
    assert result == -EINVAL


def test_a_file_that_may_only_be_read_cannot_be_mapped_to_be_written() -> None:
    p = Program()
    file = p.file(writable=False)
    assert p.mmap(0, PAGE_SIZE, READ_WRITE, MAP_SHARED, file) == -EACCES
    assert p.mmap(0, PAGE_SIZE, PROT_READ, MAP_SHARED, file) > 0
    assert p.mmap(0, PAGE_SIZE, READ_WRITE, MAP_PRIVATE, file) > 0


def test_mmap_goes_down_from_its_base_and_takes_whole_pages() -> None:
    p = Program()
    assert p.munmap(AREA, 3 * PAGE_SIZE) == 0
    assert p.mmap(0, 1, READ_WRITE, ANONYMOUS) == MMAP_BASE - PAGE_SIZE
    assert p.mmap(0, PAGE_SIZE + 1, READ_WRITE, ANONYMOUS) == MMAP_BASE - 3 * PAGE_SIZE


def test_mmap_over_what_is_there_replaces_it() -> None:
    p = Program()
    p.process.store(VirtAddr(AREA + PAGE_SIZE), b"x")
    flags = ANONYMOUS | MAP_FIXED
    assert p.mmap(AREA + PAGE_SIZE, PAGE_SIZE, READ_WRITE, flags) == AREA + PAGE_SIZE
    assert p.process.load(VirtAddr(AREA + PAGE_SIZE), 1) == b"\0"
    settle(p.k)
    audit(p.k)


@pytest.mark.parametrize("flag", [MAP_POPULATE, MAP_LOCKED])
def test_memory_that_is_wanted_at_once_is_there_without_a_fault(flag: int) -> None:
    p = Program()
    where = p.mmap(0, 2 * PAGE_SIZE, READ_WRITE, ANONYMOUS | flag)
    before = p.faults()
    p.process.store(VirtAddr(where), b"x")
    p.process.store(VirtAddr(where + PAGE_SIZE), b"x")
    assert p.faults() == before
    assert p.mm.locked_vm == (2 if flag == MAP_LOCKED else 0)


# munmap.


@pytest.mark.parametrize(
    "arguments",
    [(AREA + 1, PAGE_SIZE), (AREA, 0), (TASK_SIZE, PAGE_SIZE), (AREA, TASK_SIZE)],
)
def test_munmap_refuses_what_makes_no_sense(arguments: Arguments) -> None:
    p = Program()
    before = p.areas()
    assert p.munmap(*arguments) == -EINVAL
    assert p.areas() == before


def test_munmap_of_nothing_is_fine() -> None:
    p = Program(hole=True)
    assert p.munmap(AREA + PAGE_SIZE, PAGE_SIZE) == 0
    assert p.munmap(AREA, 3 * PAGE_SIZE) == 0
    assert (p.areas(), p.mm.total_vm) == ([], 0)


def test_what_has_been_unmapped_cannot_be_used() -> None:
    p = Program()
    p.process.store(AREA, b"x")
    assert p.munmap(AREA, 1) == 0
    with pytest.raises(FatalSignal):
        p.process.load(AREA, 1)
    settle(p.k)
    audit(p.k)


# mprotect.


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ((AREA, PAGE_SIZE, 0x10), -EINVAL),
        ((AREA + 1, PAGE_SIZE, PROT_READ), -EINVAL),
        ((AREA, 0, PROT_READ), 0),
        ((AREA - PAGE_SIZE, PAGE_SIZE, PROT_READ), -ENOMEM),
        ((AREA + 3 * PAGE_SIZE, PAGE_SIZE, PROT_READ), -ENOMEM),
    ],
)
def test_mprotect_refuses_what_makes_no_sense(
    arguments: tuple[int, int, int], result: int
) -> None:
    p = Program()
    before = p.areas()
    assert p.mprotect(*arguments) == result
    assert p.areas() == before


def test_mprotect_changes_what_comes_before_a_hole() -> None:
    p = Program(hole=True)
    assert p.mprotect(AREA, 3 * PAGE_SIZE, PROT_READ) == -ENOMEM
    with pytest.raises(FatalSignal):
        p.process.store(AREA, b"x")
    p.process.store(VirtAddr(AREA + 2 * PAGE_SIZE), b"x")


def test_mprotect_gives_no_right_that_the_file_does_not() -> None:
    p = Program()
    where = p.mmap(0, PAGE_SIZE, PROT_READ, MAP_SHARED, p.file(writable=False))
    assert p.mprotect(where, PAGE_SIZE, READ_WRITE) == -EACCES
    assert p.mprotect(where, PAGE_SIZE, PROT_READ | PROT_EXEC) == 0


def test_a_right_that_was_taken_and_given_back_is_there_again() -> None:
    p = Program()
    p.process.store(AREA, b"x")
    for prot in (0, READ_WRITE):
        assert p.mprotect(AREA, PAGE_SIZE, prot) == 0
    assert len(p.areas()) == 1
    p.process.store(AREA, b"y")
    assert p.process.load(AREA, 1) == b"y"


# madvise.


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ((AREA, PAGE_SIZE, 99), -EINVAL),
        ((AREA + 1, PAGE_SIZE, MADV_NORMAL), -EINVAL),
        ((AREA, 0, MADV_NORMAL), 0),
        ((AREA + 3 * PAGE_SIZE, PAGE_SIZE, MADV_NORMAL), -ENOMEM),
        ((AREA - PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED), -ENOMEM),
    ],
)
def test_madvise_refuses_what_makes_no_sense(
    arguments: tuple[int, int, int], result: int
) -> None:
    assert Program().madvise(*arguments) == result


def test_madvise_goes_on_after_a_hole_and_tells_of_it() -> None:
    p = Program(hole=True)
    assert p.madvise(AREA, 3 * PAGE_SIZE, MADV_RANDOM) == -ENOMEM
    assert all(flags & VM_RAND_READ for _, _, flags in p.areas())


def test_memory_that_is_locked_cannot_be_given_up() -> None:
    p = Program()
    assert p.mlock(AREA, PAGE_SIZE) == 0
    p.process.store(AREA, b"x")
    assert p.madvise(AREA, PAGE_SIZE, MADV_DONTNEED) == -EINVAL
    assert p.process.load(AREA, 1) == b"x"


def test_giving_pages_up_leaves_the_areas_alone_but_merging_may_cut_them() -> None:
    p = Program()
    assert p.madvise(AREA, PAGE_SIZE, MADV_DONTNEED) == 0
    assert len(p.areas()) == 1
    assert p.madvise(AREA, PAGE_SIZE, MADV_MERGEABLE) == 0
    assert len(p.areas()) == 2


# mlock.


def test_mlock_brings_pages_and_counts_them_and_munlock_only_counts() -> None:
    p = Program()
    assert p.mlock(AREA + 1, PAGE_SIZE) == 0, "rounded out to two pages"
    assert p.mm.locked_vm == 2
    before = p.faults()
    p.process.store(VirtAddr(AREA + PAGE_SIZE), b"x")
    assert p.faults() == before
    assert p.munlock(AREA, 3 * PAGE_SIZE) == 0
    assert p.mm.locked_vm == 0
    assert len(p.areas()) == 1
    assert p.process.load(VirtAddr(AREA + PAGE_SIZE), 1) == b"x"


@pytest.mark.parametrize("start", [AREA - PAGE_SIZE, AREA + 3 * PAGE_SIZE])
def test_nothing_cannot_be_locked(start: int) -> None:
    p = Program()
    assert p.mlock(start, PAGE_SIZE) == -ENOMEM
    assert p.munlock(start, PAGE_SIZE) == -ENOMEM
    assert p.mlock(AREA, 0) == 0
    assert p.mm.locked_vm == 0


def test_mlock_locks_what_comes_before_a_hole() -> None:
    p = Program(hole=True)
    assert p.mlock(AREA, 3 * PAGE_SIZE) == -ENOMEM
    assert [bool(flags & VM_LOCKED) for _, _, flags in p.areas()] == [True, False]


def test_mlock_without_memory_for_the_pages_says_so() -> None:
    p = Program()
    use_up_memory(p.k)
    assert p.mlock(AREA, PAGE_SIZE) == -EAGAIN


# brk.


def test_the_heap_ends_where_the_program_says_and_starts_where_it_started() -> None:
    p = Program()
    assert p.brk(0) == HEAP
    assert p.brk(HEAP + 10) == HEAP + 10
    p.process.store(HEAP, b"x")
    assert p.brk(HEAP + 2 * PAGE_SIZE) == HEAP + 2 * PAGE_SIZE
    p.process.store(VirtAddr(HEAP + PAGE_SIZE), b"y")
    assert p.brk(HEAP + PAGE_SIZE) == HEAP + PAGE_SIZE
    with pytest.raises(FatalSignal):
        p.process.load(VirtAddr(HEAP + PAGE_SIZE), 1)
    assert p.process.load(HEAP, 1) == b"x"
    assert p.brk(HEAP - 1) == HEAP + PAGE_SIZE


def test_the_heap_cannot_grow_into_something_else() -> None:
    p = Program()
    above = HEAP + 4 * PAGE_SIZE
    assert p.mmap(above, PAGE_SIZE, READ_WRITE, ANONYMOUS | MAP_FIXED) == above
    assert p.brk(HEAP + 5 * PAGE_SIZE) == HEAP
    assert p.brk(HEAP + 4 * PAGE_SIZE) == HEAP, "a page stays free in between"
    assert p.brk(HEAP + 3 * PAGE_SIZE) == HEAP + 3 * PAGE_SIZE


# mremap.


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((AREA, PAGE_SIZE, PAGE_SIZE, 4), EINVAL),
        ((AREA + 1, PAGE_SIZE, PAGE_SIZE, 0), EINVAL),
        ((AREA, PAGE_SIZE, 0, 0), EINVAL),
        ((AREA, PAGE_SIZE, PAGE_SIZE, MREMAP_FIXED, HEAP), EINVAL),
        ((HEAP, PAGE_SIZE, 2 * PAGE_SIZE, MREMAP_MAYMOVE), EFAULT),
        ((AREA, 4 * PAGE_SIZE, 5 * PAGE_SIZE, MREMAP_MAYMOVE), EFAULT),
        ((AREA, PAGE_SIZE, 2 * PAGE_SIZE, 0), ENOMEM),
    ],
)
def test_mremap_refuses_what_makes_no_sense(arguments: Arguments, error: int) -> None:
    p = Program()
    before = p.areas()
    assert p.mremap(*arguments) == -error
    assert p.areas() == before


def test_mremap_lets_an_area_grow_shrink_and_move_with_its_contents() -> None:
    p = Program()
    p.process.store(AREA, b"x")
    assert p.mremap(AREA, 3 * PAGE_SIZE, 4 * PAGE_SIZE, 0) == AREA
    assert p.mremap(AREA, 4 * PAGE_SIZE, PAGE_SIZE, 0) == AREA
    both = MREMAP_MAYMOVE | MREMAP_FIXED
    assert p.mremap(AREA, PAGE_SIZE, PAGE_SIZE, both, HEAP) == HEAP
    assert p.process.load(HEAP, 1) == b"x"
    with pytest.raises(FatalSignal):
        p.process.load(AREA, 1)
    settle(p.k)
    audit(p.k)


# Processes.


def test_fork_exit_and_wait() -> None:
    p = Program()
    p.process.store(AREA, b"x")
    child = p.process.run(sys_fork(p.k, p.task))
    assert isinstance(child, Task)
    Process(p.k, child).run(sys_exit(p.k, child, 9))
    assert p.process.run(sys_wait(p.k, p.task)) == (child.pid, 9)
    assert p.process.run(sys_wait(p.k, p.task)) == (-ECHILD, 0)


def test_a_fork_without_memory_is_refused() -> None:
    p = Program()
    p.process.store(AREA, b"x")
    use_up_memory(p.k)
    assert p.process.run(sys_fork(p.k, p.task)) == -ENOMEM


def test_a_kernel_thread_makes_no_system_calls() -> None:
    p = Program()
    p.process.exit()
    with pytest.raises(AssertionError, match="no system calls"):
        p.process.run(sys_munmap(p.k, p.task, AREA, PAGE_SIZE))
