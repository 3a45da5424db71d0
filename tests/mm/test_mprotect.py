"""mprotect: what a program may do afterwards, and what is in its pages then."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from areas import AREA, Area, area
from attrs import evolve
from building import alone, boot, settle
from mm.touched import mapped, pointer, swap_out

from kmm.designs import find_kernel
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.hw.modes import A, D
from kmm.kernel.process import Process
from kmm.kernel.syscalls import sys_mmap, sys_mprotect
from kmm.mm.audit import audit
from kmm.mm.boot import run_task
from kmm.mm.errno import EACCES, EINVAL, ENOMEM
from kmm.mm.fault import SEGV_ACCERR, SIGSEGV, FatalSignal
from kmm.mm.kernel import Kernel
from kmm.mm.migrate import remove_migration_ptes
from kmm.mm.mm_types import (
    VM_ACCOUNT,
    VM_EXEC,
    VM_MAYREAD,
    VM_MAYWRITE,
    VM_READ,
    VM_WRITE,
    AddressSpace,
    File,
    Page,
)
from kmm.mm.mmap import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_NORESERVE,
    MAP_PRIVATE,
    MAP_SHARED,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
)
from kmm.mm.page_alloc import get_page
from kmm.mm.pgtable import PMD_SIZE, pte_present, pte_write
from kmm.mm.rmap import SWAP_SUCCESS, TTU_IGNORE_ACCESS, TTU_MIGRATION, try_to_unmap
from kmm.mm.swap import put_page
from kmm.mm.swapops import is_swap_entry, migration_entry

NONE = 0
RW = PROT_READ | PROT_WRITE
RX = PROT_READ | PROT_EXEC


def start(letters: str = "abcd", **config: int) -> Area:
    """A program that has filled its pages; "\\0" is one that it has not touched."""
    one = area(boot("2.6.34", **{"frames": 64, **config}), len(letters))
    for page, letter in enumerate(letters):
        if letter != "\0":
            one.fill(page, letter)
    return one


def map_pages(one: Area, page: int, prot: int, flags: int = MAP_PRIVATE) -> None:
    """One page of anonymous memory."""
    where, flags = one.address(page), flags | MAP_ANONYMOUS | MAP_FIXED
    call = sys_mmap(one.k, one.process.task, where, PAGE_SIZE, prot, flags)
    assert one.process.run(call) == where


def protect(one: Area, page: int, pages: int, prot: int) -> int:
    return protect_bytes(one, one.address(page), pages * PAGE_SIZE, prot)


def protect_bytes(one: Area, start: int, length: int, prot: int) -> int:
    call = sys_mprotect(one.k, one.process.task, start, length, prot)
    return one.process.run(call)


def may(process: Process, address: VirtAddr) -> str:
    """What a program may do at an address; writes there what is there."""

    def store() -> None:
        process.store(address, process.load(address, 1))

    def tried(letter: str, access: Callable[[], object]) -> str:
        try:
            access()
        except FatalSignal as fatal:
            found = fatal.signal, fatal.si_code, fatal.address
        else:
            return letter
        assert found == (SIGSEGV, SEGV_ACCERR, address)
        return "-"

    return (
        tried("r", lambda: process.load(address, 1))
        + tried("w", store)
        + tried("x", lambda: process.fetch(address, 1))
    )


def rights(one: Area) -> list[str]:
    return [may(one.process, one.address(page)) for page in range(one.pages)]


# Rights.


@pytest.mark.parametrize("letter", ["a", "\0"])
@pytest.mark.parametrize(
    ("prot", "expected"),
    [
        (NONE, "---"),
        (PROT_READ, "r--"),
        (PROT_WRITE, "rw-"),  # on x86 what can be written can be read
        (PROT_EXEC, "r-x"),  # and so can what can be executed
        (RW, "rw-"),
        (RX, "r-x"),
        (RW | PROT_EXEC, "rwx"),
    ],
)
def test_a_program_may_do_what_it_asked_for_and_what_x86_adds_to_that(
    prot: int, expected: str, letter: str
) -> None:
    one = start(letter)
    assert protect(one, 0, 1, prot) == 0
    assert rights(one) == [expected]
    assert protect(one, 0, 1, RW) == 0
    assert rights(one) == ["rw-"]
    assert one.letters() == letter
    audit(one.k)


def test_only_the_range_changes() -> None:
    one = start("abcd")
    assert protect(one, 1, 2, PROT_READ) == 0
    assert rights(one) == ["rw-", "r--", "r--", "rw-"]
    assert one.letters() == "abcd"
    assert one.process.mm.map_count == 3
    audit(one.k)


def test_several_vmas_change_in_one_call() -> None:
    one = start("abcd")
    assert protect(one, 1, 1, PROT_READ) == 0
    assert protect(one, 2, 1, NONE) == 0
    assert protect(one, 0, 4, RX) == 0
    assert rights(one) == ["r-x"] * 4
    assert one.process.mm.map_count == 1
    assert one.letters() == "abcd"


def test_rights_that_do_not_change_split_nothing() -> None:
    one = start("abcd")
    vma, before = one.vma, evolve(one.vma)
    assert protect(one, 1, 2, RW) == 0
    assert one.process.mm.mmap == [vma]
    assert (vma.vm_start, vma.vm_end) == (before.vm_start, before.vm_end)
    assert vma.vm_flags == before.vm_flags


def test_a_range_goes_over_from_one_page_table_to_the_next() -> None:
    one = start("\0\0")
    where = VirtAddr(AREA + 2 * PMD_SIZE - 2 * PAGE_SIZE)
    one.process.map_anonymous(where, 4)
    for page in range(4):
        one.process.store(VirtAddr(where + page * PAGE_SIZE), b"x")
    assert protect_bytes(one, where + PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ) == 0
    found = [may(one.process, VirtAddr(where + n * PAGE_SIZE)) for n in range(4)]
    assert found == ["rw-", "r--", "r--", "rw-"]


def test_a_range_without_any_page_table_changes_for_later_faults() -> None:
    one = start("\0\0")
    where = VirtAddr(AREA + 2 * PMD_SIZE)
    one.process.map_anonymous(where, 1)
    tables = one.process.mm.nr_ptes
    assert protect_bytes(one, where, PAGE_SIZE, PROT_READ) == 0
    assert one.process.mm.nr_ptes == tables, "mprotect makes no tables"
    assert may(one.process, where) == "r--"


def test_a_cpu_that_knows_the_old_rights_forgets_them() -> None:
    """The one that makes the call, and another that runs in the same memory."""
    one = start("a")
    other = Process(one.k, run_task(one.k, "thread", 50, 1, one.process.mm))
    assert may(one.process, AREA) == may(other, AREA) == "rw-"
    assert protect(one, 0, 1, PROT_READ) == 0
    assert may(one.process, AREA) == may(other, AREA) == "r--"
    assert protect(one, 0, 1, NONE) == 0
    assert may(one.process, AREA) == may(other, AREA) == "---"


# What is refused.


def test_arguments_that_make_no_sense_are_einval() -> None:
    one = start("a")
    assert protect_bytes(one, AREA + 1, PAGE_SIZE, PROT_READ) == -EINVAL
    assert protect_bytes(one, AREA, PAGE_SIZE, 1 << 4) == -EINVAL
    assert rights(one) == ["rw-"]


def test_a_length_is_rounded_up_to_pages_and_none_is_nothing() -> None:
    one = start("abc")
    assert protect_bytes(one, AREA, 0, PROT_READ) == 0
    assert rights(one) == ["rw-"] * 3
    assert protect_bytes(one, AREA, PAGE_SIZE + 1, PROT_READ) == 0
    assert rights(one) == ["r--", "r--", "rw-"]


def test_up_to_a_hole_the_rights_have_changed() -> None:
    one = start("abcde")
    one.unmap(2)
    assert protect(one, 1, 3, PROT_READ) == -ENOMEM
    found = [may(one.process, one.address(page)) for page in (0, 1, 3, 4)]
    assert found == ["rw-", "r--", "rw-", "rw-"]
    audit(one.k)


def test_a_range_that_begins_in_a_hole_changes_nothing() -> None:
    one = start("abcd")
    one.unmap(0)
    assert protect(one, 0, 4, PROT_READ) == -ENOMEM
    assert [may(one.process, one.address(page)) for page in (1, 2, 3)] == ["rw-"] * 3


def test_a_range_that_ends_beyond_the_last_vma_is_enomem() -> None:
    one = start("ab")
    assert protect(one, 1, 2, PROT_READ) == -ENOMEM
    assert rights(one) == ["rw-", "r--"]


@pytest.mark.parametrize(
    ("missing", "prot"), [(VM_MAYWRITE, RW), (VM_MAYREAD, PROT_READ)]
)
def test_a_right_that_a_mapping_can_never_get_is_eacces(
    missing: int, prot: int
) -> None:
    """What comes before it in the range has changed, and stays so."""
    one = start("\0\0\0")
    map_pages(one, 0, NONE)
    map_pages(one, 1, PROT_EXEC)
    refusing = one.process.mm.mmap[1]
    refusing.vm_flags &= ~missing
    assert protect(one, 0, 3, prot) == -EACCES
    first, second, third = one.process.mm.mmap
    access = VM_READ | VM_WRITE | VM_EXEC
    assert first.vm_flags & access == prot
    assert second is refusing
    assert second.vm_flags & access == VM_EXEC
    assert third.vm_flags & access == RW


def map_read_only(one: Area, mapping: AddressSpace, kind: int) -> None:
    """The first page of a file that is open for reading only."""
    file, flags = File("read only", mapping, writable=False), kind | MAP_FIXED
    call = sys_mmap(one.k, one.process.task, AREA, PAGE_SIZE, PROT_READ, flags, file)
    assert one.process.run(call) == AREA


def test_a_file_that_is_open_for_reading_only_is_never_written_to() -> None:
    one, mapping = mapped(shared=True, pages=1, size=1)
    one.fill(0, "a")
    map_read_only(one, mapping, MAP_SHARED)
    assert protect(one, 0, 1, RW) == -EACCES
    assert rights(one) == ["r--"]
    map_read_only(one, mapping, MAP_PRIVATE)
    assert protect(one, 0, 1, RW) == 0
    one.fill(0, "b")
    map_read_only(one, mapping, MAP_SHARED)
    assert one.letter(0) == "a"


# Contents.


@pytest.mark.parametrize("who", ["parent", "child"])
def test_what_is_shared_after_fork_is_still_copied_before_it_is_written(
    who: str,
) -> None:
    parent = start("ab")
    child = parent.fork(cpu=1)
    writes, keeps = (parent, child) if who == "parent" else (child, parent)
    assert protect(writes, 0, 2, PROT_READ) == 0
    assert protect(writes, 0, 2, RW) == 0
    writes.fill(0, "x")
    assert (writes.letters(), keeps.letters()) == ("xb", "ab")
    assert writes.page(0) is not keeps.page(0)
    assert writes.page(1) is keeps.page(1)
    audit(parent.k)


def test_the_zero_page_is_never_written() -> None:
    one = start("\0\0")
    assert one.letters() == "\0\0"
    assert protect(one, 0, 2, PROT_READ) == 0
    assert protect(one, 0, 2, RW) == 0
    one.fill(0, "x")
    assert one.letters() == "x\0"


def test_a_shared_mapping_that_becomes_writable_writes_to_the_file() -> None:
    one, mapping = mapped(shared=True)
    one.fill_all("ab")
    assert protect(one, 0, 2, PROT_READ) == 0
    assert rights(one) == ["r--", "r--"]
    assert protect(one, 1, 1, RW) == 0
    one.fill(1, "x")
    assert one.page(1) is mapping.page_tree[1]
    assert one.letters() == "ax"


def test_dirty_and_accessed_bits_outlive_a_change_of_rights() -> None:
    one = start("a\0")
    one.letter(1)
    alone(pointer(one, 1).write(one.pte(1) & ~A))
    assert protect(one, 0, 2, NONE) == 0
    assert one.pte(0) & (A | D) == A | D
    assert not one.pte(1) & (A | D)
    assert pte_present(one.pte(0))


def test_a_written_page_keeps_its_frame_through_all_rights() -> None:
    one = start("a")
    page = one.page(0)
    for prot in (PROT_READ, NONE, RX, RW):
        assert protect(one, 0, 1, prot) == 0
        assert one.page(0) is page
    one.fill(0, "b")
    assert one.page(0) is page
    audit(one.k)


def test_what_is_in_swap_stays_there_and_comes_back_with_the_new_rights() -> None:
    one = start("ab", swap_slots=8)
    swap_out(one, 0)
    entry = one.pte(0)
    assert is_swap_entry(entry)
    assert protect(one, 0, 2, PROT_READ) == 0
    assert one.pte(0) == entry
    assert rights(one) == ["r--", "r--"]
    assert one.letters() == "ab"
    audit(one.k)


async def set_out(k: Kernel, page: Page) -> None:
    """Let a page be in the middle of a migration."""
    await get_page(page)
    async with page.locked:
        flags = TTU_MIGRATION | TTU_IGNORE_ACCESS
        assert await try_to_unmap(k, page, flags) == SWAP_SUCCESS


async def arrive(k: Kernel, page: Page) -> None:
    """It could not be moved, and stays where it was."""
    async with page.locked:
        await remove_migration_ptes(k, page, page)
    await put_page(k, page)


@pytest.mark.parametrize("prot", [NONE, PROT_READ, RW | PROT_EXEC])
def test_a_page_that_is_on_its_way_arrives_read_only_whatever_is_asked_for(
    prot: int,
) -> None:
    """Its entry becomes one for reading, even where the rights are raised."""
    one = start("a")
    settle(one.k)
    page = one.page(0)
    alone(set_out(one.k, page), one.k)
    assert one.pte(0) == migration_entry(page.pfn, write=True)
    assert protect(one, 0, 1, prot) == 0
    assert one.pte(0) == migration_entry(page.pfn, write=False)
    alone(arrive(one.k, page), one.k)
    assert not pte_write(one.pte(0))
    assert protect(one, 0, 1, RW) == 0
    one.fill(0, "b")
    assert one.letters() == "b"
    assert one.page(0) is page
    audit(one.k)


# The promise of memory.


def accounted(one: Area) -> list[bool]:
    return [bool(vma.vm_flags & VM_ACCOUNT) for vma in one.process.mm.mmap]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (MAP_PRIVATE, [True]),
        (MAP_PRIVATE | MAP_NORESERVE, [False]),
        (MAP_SHARED, [False]),
    ],
)
def test_private_memory_is_promised_when_it_can_be_written(
    flags: int, expected: list[bool]
) -> None:
    one = start("\0")
    map_pages(one, 0, PROT_READ, flags)
    assert accounted(one) == [False]
    assert protect(one, 0, 1, RX) == 0
    assert accounted(one) == [False]
    assert protect(one, 0, 1, RW) == 0
    assert accounted(one) == expected


@pytest.mark.parametrize(
    ("rules", "letter", "kept"),
    [
        ("2.6.34", "\0", True),
        ("2.6.34", "a", True),
        ("6.x", "\0", False),
        ("6.x", "a", True),
    ],
)
def test_whether_a_promise_outlives_the_right_to_write(
    rules: str, letter: str, kept: bool
) -> None:
    spec = find_kernel("2.6.34").with_answer("call-rules", rules)
    one = area(boot(spec, frames=64), 1)
    if letter != "\0":
        one.fill(0, letter)
    assert protect(one, 0, 1, PROT_READ) == 0
    assert accounted(one) == [kept]
    assert protect(one, 0, 1, RW) == 0
    assert accounted(one) == [True]
