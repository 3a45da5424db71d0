"""What 2.6.34 does where later kernels do otherwise, and what those do."""

from __future__ import annotations

import pytest
from building import boot

from kmm.designs import find_kernel
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.process import Process, start_process
from kmm.kernel.syscalls import sys_mmap, sys_mprotect, sys_mremap, sys_munmap
from kmm.mm.audit import audit
from kmm.mm.errno import EFAULT, EINVAL
from kmm.mm.mmap import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_GROWSDOWN,
    MAP_PRIVATE,
    PROT_READ,
    PROT_WRITE,
)
from kmm.mm.mremap import MREMAP_FIXED, MREMAP_MAYMOVE

ARENA = VirtAddr(0x7F00_0000_0000)
RW = PROT_READ | PROT_WRITE
TO_FIXED = MREMAP_FIXED | MREMAP_MAYMOVE
RULES = ["2.6.34", "6.x"]


def start(rules: str) -> Process:
    spec = find_kernel("2.6.34").with_answer("call-rules", rules)
    return start_process(boot(spec, frames=128, cpus=1), "program")


def at(page: int) -> VirtAddr:
    return VirtAddr(ARENA + page * PAGE_SIZE)


def map_pages(
    p: Process, page: int, pages: int, prot: int = RW, flags: int = 0
) -> None:
    flags |= MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    call = sys_mmap(p.k, p.task, at(page), pages * PAGE_SIZE, prot, flags)
    assert p.run(call) == at(page)


def unmap(p: Process, page: int, pages: int) -> None:
    assert p.run(sys_munmap(p.k, p.task, at(page), pages * PAGE_SIZE)) == 0


def protect(p: Process, page: int, pages: int, prot: int) -> None:
    assert p.run(sys_mprotect(p.k, p.task, at(page), pages * PAGE_SIZE, prot)) == 0


def remap(p: Process, page: int, old: int, new: int, flags: int, to: int = 0) -> int:
    call = sys_mremap(
        p.k,
        p.task,
        at(page),
        old * PAGE_SIZE,
        new * PAGE_SIZE,
        flags,
        at(to),
    )
    return p.run(call)


def arena(p: Process) -> list[tuple[int, int]]:
    """The VMAs: first page, and the page after the last."""
    audit(p.k)
    return [
        ((vma.vm_start - ARENA) // PAGE_SIZE, (vma.vm_end - ARENA) // PAGE_SIZE)
        for vma in p.mm.mmap
    ]


@pytest.mark.parametrize("rules", RULES)
def test_a_move_over_several_vmas_fails_with_the_destination_unmapped(
    rules: str,
) -> None:
    p = start(rules)
    map_pages(p, 0, 2)
    map_pages(p, 2, 2, PROT_READ)
    map_pages(p, 10, 4)
    assert remap(p, 0, 4, 4, TO_FIXED, to=10) == -EFAULT
    assert arena(p) == [(0, 2), (2, 4)]


@pytest.mark.parametrize(
    ("rules", "left"), [("2.6.34", [(0, 2)]), ("6.x", [(0, 2), (10, 14)])]
)
def test_whether_a_move_of_nothing_unmaps_its_destination(
    rules: str, left: list[tuple[int, int]]
) -> None:
    p = start(rules)
    map_pages(p, 0, 2)
    map_pages(p, 10, 4)
    assert remap(p, 4, 4, 4, TO_FIXED, to=10) == -EFAULT
    assert arena(p) == left


def test_a_move_onto_itself_of_nothing_is_refused_for_the_overlap() -> None:
    assert remap(start("2.6.34"), 4, 4, 4, TO_FIXED, to=6) == -EINVAL


@pytest.mark.parametrize(("rules", "result"), [("2.6.34", at(4)), ("6.x", -EFAULT)])
def test_whether_a_resize_to_the_same_size_asks_what_is_there(
    rules: str, result: int
) -> None:
    assert remap(start(rules), 4, 2, 2, 0) == result


@pytest.mark.parametrize(
    ("rules", "expected"), [("2.6.34", [(0, 4), (4, 8)]), ("6.x", [(0, 8)])]
)
def test_whether_a_mapping_that_grows_joins_the_neighbour_that_it_reaches(
    rules: str, expected: list[tuple[int, int]]
) -> None:
    p = start(rules)
    map_pages(p, 0, 8)
    unmap(p, 2, 2)
    assert remap(p, 0, 2, 4, 0) == at(0)
    assert arena(p) == expected


@pytest.mark.parametrize("written", [0, 2])
def test_an_untouched_mapping_merges_with_a_written_neighbour(written: int) -> None:
    p = start("2.6.34")
    map_pages(p, 0, 2, RW if written == 0 else PROT_READ)
    map_pages(p, 2, 2, RW if written == 2 else PROT_READ)
    p.store(at(written), b"x")
    protect(p, 0, 4, RW)
    assert arena(p) == [(0, 4)]
    assert p.load(at(written), 1) == b"x"


def test_a_gap_between_two_that_cannot_merge_joins_the_left_one() -> None:
    p = start("2.6.34")
    map_pages(p, 0, 2)
    map_pages(p, 4, 2)
    p.store(at(0), b"l")
    p.store(at(4), b"r")
    map_pages(p, 2, 2)
    assert arena(p) == [(0, 4), (4, 6)]


@pytest.mark.parametrize(
    ("rules", "expected"), [("2.6.34", [(0, 2), (2, 4)]), ("6.x", [(0, 4)])]
)
def test_whether_a_promise_of_memory_is_taken_back(
    rules: str, expected: list[tuple[int, int]]
) -> None:
    """One was never writable; the other was, and was never written."""
    p = start(rules)
    map_pages(p, 0, 2, PROT_READ)
    map_pages(p, 2, 2, RW)
    protect(p, 2, 2, PROT_READ)
    assert arena(p) == expected


def test_a_stack_may_grow_until_it_touches_what_is_below() -> None:
    p = start("2.6.34")
    map_pages(p, 0, 2)
    map_pages(p, 8, 2, flags=MAP_GROWSDOWN)
    p.store(at(2), b"x")
    assert arena(p) == [(0, 2), (2, 10)]
