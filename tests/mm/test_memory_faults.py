"""Faults: who gets which page at a first touch, from swap, and from a file."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest
from areas import AREA, Area, area
from building import alone, boot, free_frames, settle, thread, use_up_memory
from mm.touched import (
    fault,
    forked,
    in_memory,
    map_again,
    mapped,
    pointer,
    swap_out,
    touched,
)

from kmm.hw.memory import VirtAddr
from kmm.hw.modes import A, D
from kmm.mm.audit import audit
from kmm.mm.boot import interrupt_threads, run_task
from kmm.mm.fault import BUS_ADRERR, SIGBUS, FatalSignal
from kmm.mm.memory import (
    VM_FAULT_MAJOR,
    VM_FAULT_OOM,
    Fault,
    OutOfMemory,
    do_anonymous_page,
    do_linear_fault,
    handle_mm_fault,
)
from kmm.mm.mm_types import (
    MM_ANONPAGES,
    MM_FILEPAGES,
    MM_SWAPENTS,
    PG_dirty,
    PG_swapcache,
    Task,
)
from kmm.mm.pgtable import pte_special, pte_write
from kmm.mm.swap import put_page
from kmm.mm.swapfile import SWAP_HAS_CACHE, swap_count
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import RandomWalk, SourceDpor
from kmm.sim.thread import KThread

# A first touch.


def test_a_first_read_gets_the_zero_page_and_counts_nothing() -> None:
    one = area(boot(), 2)
    assert one.process.load(one.address(0), 4) == bytes(4)
    pte = one.pte(0)
    assert one.page(0) is one.k.zero_page
    assert pte_special(pte)
    assert not pte_write(pte)
    assert (one.k.zero_page.count, one.k.zero_page.mapcount) == (1, -1)
    assert one.process.mm.rss_stat.total() == 0
    assert one.vma.anon_vma is None
    audit(one.k)


def test_all_reads_of_untouched_memory_take_one_frame_together() -> None:
    one = area(boot(), 4)
    one.letter(0)  # takes the page tables
    before = free_frames(one.k)
    assert one.letters() == "\0" * 4
    assert free_frames(one.k) == before


def test_a_write_after_a_read_gets_a_page_of_zeros_of_its_own() -> None:
    one = area(boot(), 2)
    one.letters()
    one.process.store(one.address(0), b"x")
    settle(one.k)
    assert one.process.load(one.address(0), 3) == b"x\0\0"
    page = one.page(0)
    assert page is not one.k.zero_page
    assert (page.count, page.mapcount) == (1, 0)
    assert one.process.mm.rss_stat[MM_ANONPAGES] == 1
    assert one.letter(1) == "\0", "the zero page is as it was"
    assert one.k.zero_page.count == 1
    audit(one.k)


def test_a_fault_without_a_frame_changes_nothing() -> None:
    one = touched("a", frames=24)
    more = area(one.k, 4)
    more.letter(0)
    use_up_memory(one.k)
    for page in (0, 1):  # the zero page would have to be copied, the other made
        with pytest.raises(OutOfMemory):
            more.process.store(more.address(page), b"x")
    assert pte_special(more.pte(0))
    assert more.pte(1) == 0
    assert more.process.mm.rss_stat.total() == 0
    assert more.process.mm.mmap_sem.readers == []


def test_a_fault_over_a_translation_that_is_out_of_date_makes_cpus_forget_it() -> None:
    one = touched()
    other = run_task(one.k, "thread", 50, 1, one.process.mm)
    alone(other.cpu.load(AREA, 1, user=True), one.k, cpu=1)
    assert len(list(other.cpu.tlb)) == 1
    alone(pointer(one).write(one.pte(0) | A | D))
    assert fault(one, write=True) == 0
    assert list(other.cpu.tlb) == []


def test_two_cpus_that_fault_on_one_page_lose_no_write() -> None:
    """Whoever is second gives its frame back, and writes to the first one's."""

    def boot_race() -> Machine:
        one = area(boot(frames=16), 1)
        k = one.k
        second = run_task(k, "thread", 50, 1, one.process.mm)

        async def store(task: Task, where: int, data: bytes) -> None:
            await task.cpu.store(VirtAddr(AREA + where), data, user=True)

        def check() -> None:
            assert one.process.load(AREA, 2) == b"12", "a write was lost"
            settle(k)
            audit(k)

        threads = [
            thread(0, store(one.process.task, 0, b"1")),
            thread(1, store(second, 1, b"2")),
        ]
        return Machine([*threads, *interrupt_threads(k)], check)

    assert search(boot_race, RandomWalk(seed=3), budget=150).failure is None


def test_two_cpus_that_fault_on_one_untouched_page_get_the_same_page() -> None:
    """A proof over all interleavings, from where both have seen an empty entry."""

    def boot_race() -> Machine:
        one = area(boot(frames=12), 2)
        k, mm, vma = one.k, one.process.mm, one.vma
        one.fill(1, "x")
        settle(k)
        ptep = pointer(one)

        async def touch() -> None:
            await do_anonymous_page(k, Fault(mm, vma, AREA, ptep, write=True))

        def check() -> None:
            settle(k)
            assert mm.rss_stat[MM_ANONPAGES] == 2
            audit(k)

        return Machine([thread(0, touch()), thread(1, touch())], check)

    assert search(boot_race, SourceDpor()).verdict == "proved"


def test_a_read_and_a_write_that_fault_together_leave_a_page_or_the_zero_page() -> None:
    left: set[bool] = set()

    def boot_race() -> Machine:
        one = area(boot(frames=12), 2)
        k, mm, vma = one.k, one.process.mm, one.vma
        one.fill(1, "x")
        settle(k)
        ptep = pointer(one)

        async def touch(write: bool) -> None:
            await do_anonymous_page(k, Fault(mm, vma, AREA, ptep, write=write))

        def check() -> None:
            settle(k)
            left.add(pte_special(one.pte(0)))
            audit(k)

        return Machine([thread(0, touch(False)), thread(1, touch(True))], check)

    assert search(boot_race, SourceDpor()).verdict == "proved"
    assert left == {True, False}, "over the zero page, the write would fault again"


# Swap.


def running(index: int, one: Area, body: Coroutine[Any, Any, object]) -> KThread:
    """A thread of a program's own, which may fault."""
    task = one.process.task
    return KThread(task.comm, task.pid, task.cpu.number, body, task=task)


def test_a_page_that_is_still_in_the_swap_cache_is_a_minor_fault() -> None:
    one = touched(swap_slots=8)
    page = one.page(0)
    swap_out(one, keep=True)
    minor = one.process.task.min_flt
    assert one.letter(0) == "a"
    assert one.page(0) is page
    assert (one.process.task.maj_flt, one.process.task.min_flt) == (0, minor + 1)
    assert one.k.vm_events["pswpin"] == 0
    audit(one.k)


def test_a_page_that_has_to_be_read_is_a_major_fault() -> None:
    one = touched(swap_slots=8)
    swap_out(one)
    assert one.letter(0) == "a"
    assert one.process.task.maj_flt == 1
    assert (one.k.vm_events["pgmajfault"], one.k.vm_events["pswpin"]) == (1, 1)
    settle(one.k)
    audit(one.k)


def test_a_page_that_is_back_is_counted_as_such_and_its_entry_gives_the_slot_up() -> (
    None
):
    one = touched("ab", swap_slots=32)
    swap_out(one)
    entry = one.pte(0)
    rss = one.process.mm.rss_stat
    assert (rss[MM_ANONPAGES], rss[MM_SWAPENTS]) == (1, 1)
    assert fault(one, write=False) == VM_FAULT_MAJOR
    assert (rss[MM_ANONPAGES], rss[MM_SWAPENTS]) == (2, 0)
    assert alone(swap_count(one.k, entry)) == 0
    page = one.page(0)
    assert page.flags & PG_swapcache, "it keeps the slot as long as there are many"
    assert not pte_write(one.pte(0))
    settle(one.k)
    audit(one.k)


def test_a_page_that_is_back_gives_its_slot_up_altogether_if_slots_are_few() -> None:
    one = touched("ab", swap_slots=3)
    swap_out(one)
    swap_out(one, 1)
    assert one.letter(0) == "a"
    assert not one.page(0).flags & PG_swapcache
    assert one.page(0).flags & PG_dirty
    assert one.k.swap.inuse_pages == 1


@pytest.mark.parametrize("keep", [True, False])
def test_a_write_to_a_swapped_page_gets_it_to_itself(keep: bool) -> None:
    one = touched(swap_slots=32)
    swap_out(one, keep=keep)
    one.process.store(one.address(0), b"b")
    settle(one.k)
    page = one.page(0)
    assert one.process.load(AREA, 2) == b"ba"
    assert (page.count, page.mapcount) == (1, 0)
    assert not page.flags & PG_swapcache
    assert one.k.swap.inuse_pages == 0
    assert pte_write(one.pte(0))
    audit(one.k)


@pytest.mark.parametrize("keep", [True, False])
def test_a_write_to_a_swapped_page_that_another_has_too_is_a_copy(keep: bool) -> None:
    one, child = forked(swap_slots=32)
    swap_out(one, keep=keep)
    entry = one.pte(0)
    assert entry == child.pte(0)
    child.process.store(AREA, b"b")
    assert child.process.load(AREA, 2) == b"ba"
    assert one.pte(0) == entry
    assert alone(swap_count(one.k, entry)) == 1
    assert one.letter(0) == "a"
    assert one.page(0) is not child.page(0)
    settle(one.k)
    audit(one.k)


def test_a_swapped_page_for_which_there_is_no_frame_stays_where_it_is() -> None:
    one = touched(swap_slots=8)
    swap_out(one)
    entry = one.pte(0)
    taken = use_up_memory(one.k)
    assert fault(one, write=True) == VM_FAULT_OOM
    assert one.pte(0) == entry
    for page in taken:
        alone(put_page(one.k, page), one.k)
    assert one.letter(0) == "a"
    settle(one.k)
    audit(one.k)


def test_a_page_of_very_many_processes_goes_out_and_comes_back_to_all() -> None:
    one = touched(frames=1024, swap_slots=32)
    swap_out(one)
    entry = one.pte(0)
    family = [one, *(one.fork() for _ in range(100))]
    assert alone(swap_count(one.k, entry)) == 101
    assert [who.letter(0) for who in family] == ["a"] * 101
    assert alone(swap_count(one.k, entry)) == 0
    settle(one.k)
    audit(one.k)


def test_two_cpus_that_swap_one_page_in_get_one_page() -> None:
    def boot_race() -> Machine:
        one, child = forked(frames=32, swap_slots=32)
        k = one.k
        swap_out(one, keep=True)

        async def touch(who: Area) -> None:
            await handle_mm_fault(k, who.process.mm, who.vma, AREA, write=False)

        def check() -> None:
            assert one.page(0) is child.page(0)
            assert k.swap.swap_map == {1: SWAP_HAS_CACHE}
            audit(k)

        return Machine([thread(0, touch(one)), thread(1, touch(child))], check)

    assert search(boot_race, SourceDpor(), budget=300).failure is None


def test_two_who_write_to_a_swapped_page_together_each_get_their_own() -> None:
    def boot_race() -> Machine:
        one, child = forked(frames=32, swap_slots=32)
        k = one.k
        swap_out(one, keep=True)

        async def write(who: Area, letter: bytes) -> None:
            await who.process.task.cpu.store(AREA, letter, user=True)

        def check() -> None:
            assert (one.letter(0), child.letter(0)) == ("b", "c")
            settle(k)
            audit(k)

        threads = [
            running(0, one, write(one, b"b")),
            running(1, child, write(child, b"c")),
        ]
        return Machine([*threads, *interrupt_threads(k)], check)

    assert search(boot_race, RandomWalk(seed=7), budget=100).failure is None


# Files.


def test_two_programs_have_the_same_page_of_a_file_and_see_each_others_writes() -> None:
    one, mapping = mapped(shared=True)
    other = map_again(one.k, mapping, shared=True, cpu=1)
    one.fill(0, "a")
    assert other.letter(0) == "a"
    page = one.page(0)
    assert page is other.page(0)
    assert page is mapping.page_tree[0]
    assert page.mapcount == 1
    settle(one.k)
    assert page.count == 3, "two entries, and the file"
    assert one.process.mm.rss_stat == {MM_FILEPAGES: 1}
    assert page.flags & PG_dirty
    audit(one.k)


def test_a_first_write_to_a_private_page_copies_at_once_and_leaves_the_file() -> None:
    one, mapping = mapped(shared=False)
    one.fill(0, "a")
    page = mapping.page_tree[0]
    assert one.page(0) is not page
    assert in_memory(one.k, page) == "\0"
    assert page.mapcount == -1
    assert one.process.mm.rss_stat[MM_ANONPAGES] == 1
    assert one.process.task.min_flt == 1
    settle(one.k)
    audit(one.k)


def test_a_private_page_is_the_files_until_it_is_written() -> None:
    one, mapping = mapped(shared=False)
    writer = map_again(one.k, mapping, shared=True, cpu=1)
    writer.fill(0, "w")
    assert one.letter(0) == "w"
    assert one.page(0) is writer.page(0)
    writer.fill(0, "x")
    assert one.letter(0) == "x"
    one.process.store(AREA, b"o")
    assert one.page(0) is not writer.page(0)
    assert one.process.load(AREA, 2) == b"ox"
    assert writer.letter(0) == "x"
    rss = one.process.mm.rss_stat
    assert (rss[MM_FILEPAGES], rss[MM_ANONPAGES]) == (0, 1)
    settle(one.k)
    audit(one.k)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("write", [True, False])
def test_a_page_beyond_the_end_of_its_file_is_sigbus(shared: bool, write: bool) -> None:
    one, _ = mapped(shared=shared, pages=3, size=2)
    cpu, where = one.process.task.cpu, one.address(2)
    store, load = cpu.store(where, b"x", user=True), cpu.load(where, 1, user=True)
    touch, other = (store, load) if write else (load, store)
    other.close()
    with pytest.raises(FatalSignal) as error:
        one.process.run(touch)
    assert (error.value.signal, error.value.si_code) == (SIGBUS, BUS_ADRERR)
    assert one.process.mm.mmap_sem.readers == []
    assert one.pte(2) == 0
    audit(one.k)


@pytest.mark.parametrize("left", [0, 1])
def test_a_private_write_without_a_frame_for_the_page_or_its_copy_changes_nothing(
    left: int,
) -> None:
    one, mapping = mapped(shared=False)
    one.letter(1)
    settle(one.k)
    taken = use_up_memory(one.k)
    for page in taken[:left]:
        alone(put_page(one.k, page), one.k)
    assert fault(one, write=True) == VM_FAULT_OOM
    assert one.pte(0) == 0
    assert len(mapping.page_tree) == 1 + left
    assert not any(page.locked_now for page in mapping.page_tree.values())
    for page in taken[left:]:
        alone(put_page(one.k, page), one.k)
    settle(one.k)
    audit(one.k)


def test_a_child_shares_what_its_parent_shares() -> None:
    one, _ = mapped(shared=True)
    child = one.fork(cpu=1)
    assert child.pte(0) == 0, "a fault brings it"
    child.fill(0, "c")
    assert one.letter(0) == "c"
    assert one.page(0) is child.page(0)
    settle(one.k)
    audit(one.k)


def test_two_cpus_that_fault_on_one_page_of_a_file_get_one_page() -> None:
    def boot_race() -> Machine:
        one, mapping = mapped(shared=True)
        k = one.k
        one.letter(1)  # takes the tables
        other = map_again(k, mapping, shared=True, cpu=1)
        other.letter(1)
        settle(k)

        async def touch(who: Area) -> None:
            await handle_mm_fault(k, who.process.mm, who.vma, AREA, write=True)

        def check() -> None:
            assert one.page(0) is other.page(0)
            settle(k)
            audit(k)

        return Machine([thread(0, touch(one)), thread(1, touch(other))], check)

    assert search(boot_race, SourceDpor(), budget=300).failure is None
    assert search(boot_race, RandomWalk(seed=8), budget=100).failure is None


@pytest.mark.parametrize("shared", [True, False])
def test_two_threads_of_a_program_that_fault_on_one_page_of_a_file_get_one_page(
    shared: bool,
) -> None:
    """From where both have seen an empty entry: whoever is second gives it all back."""

    def boot_race() -> Machine:
        one, _ = mapped(shared=shared)
        k, mm, vma = one.k, one.process.mm, one.vma
        one.fill(1, "x")
        settle(k)
        ptep = pointer(one)

        async def touch() -> None:
            await do_linear_fault(k, Fault(mm, vma, AREA, ptep, write=True))

        def check() -> None:
            assert mm.rss_stat[MM_FILEPAGES if shared else MM_ANONPAGES] == 2
            settle(k)
            audit(k)

        return Machine([thread(0, touch()), thread(1, touch())], check)

    assert search(boot_race, SourceDpor(), budget=100).failure is None
