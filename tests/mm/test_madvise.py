"""madvise: pages that are given up, and flags that say how a range is used."""

from __future__ import annotations

import pytest
from areas import AREA, Area, area
from building import (
    boot,
    free_frames,
    go_until,
    go_while_possible,
    settle,
    thread,
    to_end,
)
from mm.touched import map_again, mapped, swap_out

from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.syscalls import sys_madvise, sys_mlock
from kmm.mm.audit import audit
from kmm.mm.boot import interrupt_threads
from kmm.mm.errno import EINVAL, ENOMEM
from kmm.mm.fault import SEGV_MAPERR, FatalSignal
from kmm.mm.madvise import (
    MADV_DOFORK,
    MADV_DONTFORK,
    MADV_DONTNEED,
    MADV_MERGEABLE,
    MADV_NORMAL,
    MADV_RANDOM,
    MADV_SEQUENTIAL,
    MADV_UNMERGEABLE,
)
from kmm.mm.mm_types import (
    MM_ANONPAGES,
    MM_SWAPENTS,
    VM_DONTCOPY,
    VM_IO,
    VM_MERGEABLE,
    VM_PFNMAP,
    VM_RAND_READ,
    VM_SEQ_READ,
)
from kmm.mm.pgtable import PMD_SIZE
from kmm.mm.vma import vma_pages
from kmm.sim.machine import Machine
from kmm.sim.trap import UNSHARE

ADVICE = VM_RAND_READ | VM_SEQ_READ | VM_DONTCOPY | VM_MERGEABLE


def start(letters: str = "abcd", **config: int) -> Area:
    """A program that has filled its pages."""
    one = area(boot("2.6.34", **{"frames": 64, **config}), len(letters))
    one.fill_all(letters)
    settle(one.k)
    return one


def advise(one: Area, page: int, pages: int, behaviour: int) -> int:
    return advise_bytes(one, one.address(page), pages * PAGE_SIZE, behaviour)


def advise_bytes(one: Area, start: int, length: int, behaviour: int) -> int:
    call = sys_madvise(one.k, one.process.task, start, length, behaviour)
    result = one.process.run(call)
    settle(one.k)
    return result


def advised(one: Area) -> list[tuple[int, int]]:
    """Of each VMA: how many pages, and what has been said of them."""
    return [(vma_pages(v), v.vm_flags & ADVICE) for v in one.process.mm.mmap]


# Pages that are not needed.


def test_pages_that_are_not_needed_are_free_and_read_as_zeros() -> None:
    one = start("abcd")
    before = free_frames(one.k)
    assert advise(one, 1, 2, MADV_DONTNEED) == 0
    assert free_frames(one.k) == before + 2
    assert one.process.mm.rss_stat[MM_ANONPAGES] == 2
    assert one.process.mm.map_count == 1
    assert one.letters() == "a\0\0d"
    one.fill(1, "x")
    assert one.letters() == "ax\0d"
    audit(one.k)


def test_a_cpu_forgets_pages_that_are_not_needed() -> None:
    one = start("a")
    assert [found.page for found in one.process.task.cpu.tlb] == [AREA]
    assert advise(one, 0, 1, MADV_DONTNEED) == 0
    assert list(one.process.task.cpu.tlb) == []


def test_who_has_the_same_pages_after_fork_keeps_them() -> None:
    one = start("ab")
    child = one.fork(cpu=1)
    pages = [one.page(0), one.page(1)]
    assert advise(child, 0, 2, MADV_DONTNEED) == 0
    assert child.letters() == "\0\0"
    assert one.letters() == "ab"
    assert [(page.count, page.mapcount) for page in pages] == [(1, 0)] * 2
    audit(one.k)


def test_a_shared_file_mapping_has_its_contents_again() -> None:
    one, mapping = mapped(shared=True)
    one.fill_all("ab")
    assert advise(one, 0, 2, MADV_DONTNEED) == 0
    assert [page.mapcount for page in mapping.page_tree.values()] == [-1, -1]
    assert one.letters() == "ab"
    audit(one.k)


def test_a_private_file_mapping_has_the_file_s_contents_again() -> None:
    writer, mapping = mapped(shared=True)
    writer.fill_all("ab")
    one = map_again(writer.k, mapping, shared=False, cpu=1)
    one.fill(0, "x")
    assert one.letters() == "xb"
    assert advise(one, 0, 2, MADV_DONTNEED) == 0
    assert one.letters() == "ab"
    audit(one.k)


def test_what_is_in_swap_is_given_up_as_well() -> None:
    one = start("ab", swap_slots=8)
    swap_out(one, 0)
    mm, used = one.process.mm, len(one.k.swap.swap_map)
    assert mm.rss_stat[MM_SWAPENTS] == 1
    assert advise(one, 0, 1, MADV_DONTNEED) == 0
    assert (mm.rss_stat[MM_SWAPENTS], one.pte(0)) == (0, 0)
    assert len(one.k.swap.swap_map) == used - 1
    assert one.letters() == "\0b"
    audit(one.k)


def test_pages_of_several_tables_and_vmas_are_given_up_in_one_call() -> None:
    one = start("ab")
    assert advise(one, 1, 1, MADV_RANDOM) == 0
    where = VirtAddr(AREA + PMD_SIZE - PAGE_SIZE)
    one.process.map_anonymous(where, 2)
    for place in (where, VirtAddr(where + PAGE_SIZE)):
        one.process.store(place, b"x")
    length = PMD_SIZE + PAGE_SIZE
    assert advise_bytes(one, AREA, length, MADV_DONTNEED) == -ENOMEM
    assert one.letters() == "\0\0"
    assert one.process.load(VirtAddr(where + PAGE_SIZE - 1), 2) == b"\0\0"
    assert one.process.mm.rss_stat[MM_ANONPAGES] == 0
    audit(one.k)


@pytest.mark.parametrize("how", ["locked", "of a device"])
def test_what_cannot_be_given_up_is_einval_and_ends_the_call(how: str) -> None:
    one = start("abc")
    if how == "locked":
        where = one.address(1)
        call = sys_mlock(one.k, one.process.task, where, PAGE_SIZE)
        assert one.process.run(call) == 0
    else:
        assert advise(one, 1, 1, MADV_RANDOM) == 0
        one.process.mm.mmap[1].vm_flags |= VM_PFNMAP
    assert advise(one, 0, 3, MADV_DONTNEED) == -EINVAL
    assert one.letter(0) == "\0"
    assert one.letter(2) == "c"
    assert one.pte(1)


# Flags.


@pytest.mark.parametrize(
    ("behaviour", "flags"),
    [
        (MADV_RANDOM, VM_RAND_READ),
        (MADV_SEQUENTIAL, VM_SEQ_READ),
        (MADV_DONTFORK, VM_DONTCOPY),
        (MADV_MERGEABLE, VM_MERGEABLE),
    ],
)
def test_advice_splits_a_mapping_and_what_takes_it_back_merges_it_again(
    behaviour: int, flags: int
) -> None:
    one = start("abcd")
    assert advise(one, 1, 2, behaviour) == 0
    assert advised(one) == [(1, 0), (2, flags), (1, 0)]
    assert advise(one, 1, 2, behaviour) == 0
    assert advised(one) == [(1, 0), (2, flags), (1, 0)]
    assert one.letters() == "abcd"
    back = {MADV_DONTFORK: MADV_DOFORK, MADV_MERGEABLE: MADV_UNMERGEABLE}
    assert advise(one, 0, 4, back.get(behaviour, MADV_NORMAL)) == 0
    assert advised(one) == [(4, 0)]
    assert one.letters() == "abcd"
    audit(one.k)


def test_reading_at_random_and_in_sequence_exclude_each_other() -> None:
    one = start("abcd")
    assert advise(one, 0, 3, MADV_RANDOM) == 0
    assert advise(one, 1, 3, MADV_SEQUENTIAL) == 0
    assert advised(one) == [(1, VM_RAND_READ), (3, VM_SEQ_READ)]
    assert advise(one, 1, 1, MADV_RANDOM) == 0
    assert advised(one) == [(2, VM_RAND_READ), (2, VM_SEQ_READ)]


def test_one_piece_of_advice_leaves_the_others_alone() -> None:
    one = start("a")
    for behaviour in (MADV_RANDOM, MADV_DONTFORK, MADV_MERGEABLE):
        assert advise(one, 0, 1, behaviour) == 0
    assert advised(one) == [(1, VM_RAND_READ | VM_DONTCOPY | VM_MERGEABLE)]
    assert advise(one, 0, 1, MADV_NORMAL) == 0
    assert advised(one) == [(1, VM_DONTCOPY | VM_MERGEABLE)]
    assert advise(one, 0, 1, MADV_DOFORK) == 0
    assert advised(one) == [(1, VM_MERGEABLE)]


def test_a_child_has_nothing_where_its_parent_said_so() -> None:
    one = start("abc")
    assert advise(one, 1, 1, MADV_DONTFORK) == 0
    child = one.fork(cpu=1)
    assert (child.letter(0), child.letter(2)) == ("a", "c")
    with pytest.raises(FatalSignal) as caught:
        child.letter(1)
    assert caught.value.si_code == SEGV_MAPERR
    one.fill(1, "x")
    assert one.letters() == "axc"
    assert advise(one, 1, 1, MADV_DOFORK) == 0
    assert one.fork(cpu=1).letters() == "axc"
    audit(one.k)


def test_memory_of_a_device_never_gets_into_children() -> None:
    one = start("a")
    one.vma.vm_flags |= VM_IO | VM_DONTCOPY
    assert advise(one, 0, 1, MADV_DOFORK) == -EINVAL
    assert one.vma.vm_flags & VM_DONTCOPY


def test_shared_memory_is_never_merged_whatever_is_said_of_it() -> None:
    one, _ = mapped(shared=True)
    assert advise(one, 0, 2, MADV_MERGEABLE) == 0
    assert advised(one) == [(2, 0)]
    assert not one.process.mm.merge_any


# What is refused.


def test_arguments_that_make_no_sense_are_einval() -> None:
    one = start("ab")
    for behaviour in (-1, 5, 8, 14, 1000):
        assert advise(one, 0, 2, behaviour) == -EINVAL
    assert advise_bytes(one, AREA + 1, PAGE_SIZE, MADV_DONTNEED) == -EINVAL
    assert one.letters() == "ab"


def test_a_length_is_rounded_up_to_pages_and_none_is_nothing() -> None:
    one = start("abc")
    assert advise_bytes(one, AREA, 0, MADV_DONTNEED) == 0
    assert one.letters() == "abc"
    assert advise_bytes(one, AREA, PAGE_SIZE + 1, MADV_DONTNEED) == 0
    assert one.letters() == "\0\0c"


@pytest.mark.parametrize("behaviour", [MADV_DONTNEED, MADV_RANDOM])
@pytest.mark.parametrize("hole", [0, 2, 4])
def test_holes_are_passed_over_and_told_in_the_end(behaviour: int, hole: int) -> None:
    one = start("abcde")
    one.unmap(hole)
    left = [page for page in range(5) if page != hole]
    assert advise(one, 0, 5, behaviour) == -ENOMEM
    if behaviour == MADV_DONTNEED:
        assert [one.letter(page) for page in left] == ["\0"] * 4
    else:
        assert {flags for _, flags in advised(one)} == {VM_RAND_READ}
    audit(one.k)


# Locks.


@pytest.mark.parametrize(
    ("behaviour", "passes"),
    [
        (MADV_DONTNEED, True),
        (MADV_NORMAL, False),
        (MADV_SEQUENTIAL, False),
        (MADV_DONTFORK, False),
        (MADV_MERGEABLE, False),
    ],
)
def test_only_advice_that_changes_no_vma_is_given_beside_readers(
    behaviour: int, passes: bool
) -> None:
    """Somebody holds mmap_sem for reading, as a page fault does."""
    one = start("a")
    mm = one.process.mm

    async def read() -> None:
        async with mm.mmap_sem.for_read:
            pass

    call = sys_madvise(one.k, one.process.task, AREA, PAGE_SIZE, behaviour)
    threads = [thread(0, read()), thread(1, call), *interrupt_threads(one.k)]
    threads[1].cpu = 0  # where the program runs, so that nobody is interrupted
    machine = Machine(threads)
    go_until(machine, 0, lambda _, op: op.kind is UNSHARE)
    go_while_possible(machine, 1)
    assert (machine.threads[1].pending is None) == passes
    to_end(machine, 0)
    to_end(machine, 1)
    assert machine.failure is None
    settle(one.k)
    audit(one.k)
