"""Faults, fork and unmapping: who gets which page, and who counts what."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest
from areas import AREA, Area, area
from building import (
    alone,
    boot,
    free_frames,
    functions_of,
    go_until,
    go_while_possible,
    is_free,
    new_frame,
    settle,
    thread,
    to_end,
    use_up_memory,
)

from kmm.hw.memory import PAGE_SHIFT, PAGE_SIZE, EntryPointer, PhysAddr, VirtAddr
from kmm.hw.modes import RW, A, D
from kmm.kernel.fork import copy_process
from kmm.kernel.process import Process, start_process
from kmm.kernel.syscalls import sys_madvise, sys_mmap, sys_munmap
from kmm.mm.audit import audit, check_always
from kmm.mm.boot import interrupt_threads, run_task
from kmm.mm.fault import BUS_ADRERR, SIGBUS, FatalSignal
from kmm.mm.filemap import new_mapping
from kmm.mm.kernel import Kernel
from kmm.mm.madvise import MADV_DONTNEED
from kmm.mm.memory import (
    VM_FAULT_MAJOR,
    VM_FAULT_OOM,
    VM_FAULT_WRITE,
    OutOfMemory,
    copy_page_range,
    do_anonymous_page,
    do_linear_fault,
    handle_mm_fault,
)
from kmm.mm.migrate import unmap_and_move
from kmm.mm.mm_types import (
    MM_ANONPAGES,
    MM_FILEPAGES,
    MM_SWAPENTS,
    PAGE,
    VM_PFNMAP,
    AddressSpace,
    File,
    Page,
    PG_dirty,
    PG_referenced,
    PG_swapcache,
    StableNode,
    Task,
)
from kmm.mm.mmap import MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE
from kmm.mm.page_alloc import get_page
from kmm.mm.pgtable import (
    find_pte,
    pte_pfn,
    pte_present,
    pte_special,
    pte_write,
)
from kmm.mm.rmap import SWAP_SUCCESS, TTU_IGNORE_ACCESS, TTU_UNMAP, try_to_unmap
from kmm.mm.swap import put_page
from kmm.mm.swap_state import add_to_swap, delete_from_swap_cache, swap_writepage
from kmm.mm.swapfile import swap_count
from kmm.mm.swapops import is_swap_entry, migration_entry
from kmm.mm.vmscan import isolate_lru_page, putback_lru_page
from kmm.sim.access import read_once
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import RandomWalk, SourceDpor
from kmm.sim.thread import KThread


def touched(letters: str = "a", **config: int) -> Area:
    """A program that has filled its pages, which are on the LRU."""
    one = area(boot("2.6.34", **{"frames": 48, **config}), len(letters))
    one.fill_all(letters)
    settle(one.k)
    return one


def forked(letters: str = "a", **config: int) -> tuple[Area, Area]:
    """A program and its child, on CPU 1, which have not touched anything since."""
    one = touched(letters, **config)
    return one, one.fork(cpu=1)


def pointer(one: Area, page: int = 0) -> EntryPointer:
    ptep = alone(find_pte(one.k, one.process.mm, one.address(page)))
    assert ptep is not None
    return ptep


def fault(one: Area, page: int = 0, *, write: bool) -> int:
    """Let the fault handler deal with a page; what it says."""
    mm = one.process.mm
    body = handle_mm_fault(one.k, mm, one.vma, one.address(page), write=write)
    return alone(body, one.k)


def in_memory(k: Kernel, page: Page) -> str:
    """What a page begins with, whoever maps it."""
    return k.memory.read(PhysAddr(page.pfn << PAGE_SHIFT), 1).decode()


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


def running(index: int, one: Area, body: Coroutine[Any, Any, object]) -> KThread:
    """A thread of a program's own, which may fault."""
    task = one.process.task
    return KThread(task.comm, task.pid, task.cpu.number, body, task=task)


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
            await do_anonymous_page(k, mm, vma, AREA, ptep, write=True)

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
            await do_anonymous_page(k, mm, vma, AREA, ptep, write=write)

        def check() -> None:
            settle(k)
            left.add(pte_special(one.pte(0)))
            audit(k)

        return Machine([thread(0, touch(False)), thread(1, touch(True))], check)

    assert search(boot_race, SourceDpor()).verdict == "proved"
    assert left == {True, False}, "over the zero page, the write would fault again"


# Copy on write.


def test_the_first_who_writes_copies_and_the_last_keeps_the_frame() -> None:
    one, child = forked()
    page = one.page(0)
    assert (child.page(0), page.count, page.mapcount) == (page, 2, 1)
    child.fill(0, "b")
    settle(one.k)
    assert child.page(0) is not page
    assert (one.page(0), page.count, page.mapcount) == (page, 1, 0)
    one.fill(0, "c")
    assert one.page(0) is page
    assert (one.letter(0), child.letter(0)) == ("c", "b")
    assert pte_write(one.pte(0))
    assert pte_write(child.pte(0))
    audit(one.k)


def test_a_page_belongs_to_its_last_users_own_anon_vma_once_it_writes() -> None:
    one, child = forked()
    page = child.page(0)
    assert page.mapping is one.vma.anon_vma
    one.fill(0, "b")
    child.fill(0, "c")
    assert child.page(0) is page
    assert page.mapping is child.vma.anon_vma
    assert one.page(0).mapping is one.vma.anon_vma


def test_a_page_is_kept_by_its_mappings_whatever_references_there_are() -> None:
    one, child = forked()
    page = one.page(0)
    child.process.exit()
    settle(one.k)
    alone(get_page(page))
    one.fill(0, "b")
    assert one.page(0) is page
    assert page.count == 2


def test_a_page_of_ksm_is_copied_although_nobody_else_maps_it() -> None:
    one = touched()
    page = one.page(0)
    page.mapping = StableNode("node", page.pfn)
    alone(get_page(page))
    alone(pointer(one).write(one.pte(0) & ~RW))
    assert fault(one, write=True) == VM_FAULT_WRITE
    assert one.page(0) is not page
    assert in_memory(one.k, page) == "a"
    assert (page.count, page.mapcount) == (1, -1)


def test_a_copy_is_on_its_way_in_this_order() -> None:
    """Empty the entry and flush, add the new mapping, set the entry, remove the old.

    The child has the old page in its TLB all the while.  As long as that may be so,
    the old page must count as mapped, lest its other user write to it.
    """
    one, child = forked()
    k, old, ptep = one.k, one.page(0), pointer(child)
    assert child.letter(0) == "a"
    before = {page.pfn for page in k.mem_map.in_order() if page.mapcount >= 0}
    seen: list[tuple[str, bool, bool, int]] = []

    def look() -> None:
        check_always(k)
        now = pte_pfn(ptep.value) if ptep.value else None
        added = any(
            page.mapcount >= 0 and page.pfn not in before
            for page in k.mem_map.in_order()
        )
        state = (
            "empty" if now is None else "old" if now == old.pfn else "new",
            any(found.frame >> PAGE_SHIFT == old.pfn for found in child_cpu.tlb),
            added,
            old.mapcount + 1,
        )
        if not seen or seen[-1] != state:
            seen.append(state)

    child_cpu = child.process.task.cpu
    copy = handle_mm_fault(k, child.process.mm, child.vma, AREA, write=True)
    machine = Machine([thread(0, copy), *interrupt_threads(k)], always=look)
    machine.is_checked = True
    to_end(machine, 0)
    assert machine.failure is None
    assert seen == [
        ("old", True, False, 2),
        ("empty", True, False, 2),
        ("empty", False, False, 2),
        ("empty", False, True, 2),
        ("new", False, True, 2),
        ("new", False, True, 1),
    ]


def test_no_cpu_knows_a_page_any_more_when_its_mapping_is_taken_off() -> None:
    """A thread on another CPU of the child's reads while the child copies."""

    def boot_race() -> Machine:
        one, child = forked(cpus=3, frames=32)
        k, old = one.k, one.page(0)
        other = run_task(k, "thread", 50, 2, child.process.mm)
        child.letter(0)
        alone(other.cpu.load(AREA, 1, user=True), k, cpu=2)

        def look() -> None:
            if old.mapcount == 0:
                for cpu in k.cpus[1:]:
                    known = {found.frame >> PAGE_SHIFT for found in cpu.tlb}
                    assert old.pfn not in known, "the parent may write to it now"

        async def write() -> None:
            mm, vma = child.process.mm, child.vma
            await handle_mm_fault(k, mm, vma, AREA, write=True)

        async def read() -> None:
            await other.cpu.load(AREA, 1, user=True)

        threads = [thread(1, write()), thread(2, read())]
        made = Machine([*threads, *interrupt_threads(k)], always=look)
        made.is_checked = True
        return made

    assert search(boot_race, RandomWalk(seed=1), budget=60).failure is None


def test_parent_and_child_that_write_together_each_keep_what_they_wrote() -> None:
    """Over all interleavings one of the two copies, or both do, and nothing is lost."""
    copies: set[int] = set()

    def boot_race() -> Machine:
        one, child = forked(frames=32)
        k, old = one.k, one.page(0)

        async def write(who: Area) -> None:
            await handle_mm_fault(k, who.process.mm, who.vma, AREA, write=True)

        def check() -> None:
            settle(k)
            assert one.page(0) is not child.page(0)
            made = [who.page(0) for who in (one, child) if who.page(0) is not old]
            assert all(in_memory(k, page) == "a" for page in made)
            assert is_free(old) == (len(made) == 2)
            copies.add(len(made))
            audit(k)

        return Machine(
            [thread(0, write(one)), thread(1, write(child)), *interrupt_threads(k)],
            check,
        )

    assert search(boot_race, SourceDpor(), budget=150).failure is None
    assert search(boot_race, RandomWalk(seed=5), budget=100).failure is None
    assert copies == {1, 2}


def test_who_wants_to_write_waits_for_the_page_lock_without_the_page_tables() -> None:
    one = touched()
    k, page, mm = one.k, one.page(0), one.process.mm
    alone(pointer(one).write(one.pte(0) & ~RW))

    async def hold() -> None:
        async with page.locked:
            await read_once(page, PAGE.count)

    writer = thread(0, handle_mm_fault(k, mm, one.vma, AREA, write=True))
    machine = Machine([writer, thread(1, hold()), *interrupt_threads(k)])
    machine.step(machine.threads[1])
    go_while_possible(machine, 0)
    assert "do_wp_page" in functions_of(writer)
    assert mm.page_table_lock.owner is None
    assert page.count == 2, "it has a reference, lest the page go meanwhile"
    to_end(machine, 1)
    to_end(machine, 0)
    assert machine.failure is None
    assert one.page(0) is page
    assert page.count == 1


@pytest.mark.parametrize("swapped", [False, True])
def test_who_waited_for_the_page_lock_looks_at_the_entry_again(swapped: bool) -> None:
    """The page is given up meanwhile, so there is nothing to be done."""
    one = touched(swap_slots=8)
    k, page, mm = one.k, one.page(0), one.process.mm
    if swapped:
        swap_out(one, keep=True)
    else:
        alone(pointer(one).write(one.pte(0) & ~RW))
    alone(page.locked.lock())
    machine = Machine([thread(0, handle_mm_fault(k, mm, one.vma, AREA, write=True))])
    go_while_possible(machine, 0)
    assert repr(machine.threads[0].pending) == f"acquire {page.locked.name}"
    alone(zap(one, 0), k)
    alone(page.locked.unlock())
    to_end(machine, 0)
    assert machine.failure is None
    assert one.pte(0) == 0
    assert mm.rss_stat.total() == 0
    settle(k)
    audit(k)


def test_a_write_to_a_page_that_is_being_moved_finds_it_wherever_it_is() -> None:
    """Whoever waited for the page lock looks at the entry again."""

    def boot_race() -> Machine:
        one, child = forked(frames=32)
        k, old = one.k, one.page(0)
        alone(isolate_lru_page(k, old))

        async def move() -> None:
            pages = [old]
            await unmap_and_move(k, old, pages, new_frame, force=True, offlining=False)
            for page in pages:  # it could not be moved
                await putback_lru_page(k, page)

        async def write() -> None:
            while not pte_write(one.pte(0)):
                await handle_mm_fault(k, one.process.mm, one.vma, AREA, write=True)

        def check() -> None:
            settle(k)
            assert (one.letter(0), child.letter(0)) == ("a", "a")
            assert one.page(0) is not child.page(0)
            audit(k)

        threads = [thread(0, write()), thread(1, move()), *interrupt_threads(k)]
        return Machine(threads, check)

    assert search(boot_race, RandomWalk(seed=2), budget=100).failure is None


# Fork.


def test_a_child_gets_no_tables_for_what_a_fault_can_bring_back() -> None:
    one = area(boot(), 4)
    one.letters()
    child = one.fork()
    assert one.vma.anon_vma is None
    assert child.process.mm.nr_ptes == 0
    assert child.pte(0) == 0
    assert child.letters() == "\0" * 4
    audit(one.k)


def test_a_fork_makes_entries_read_only_in_both_and_the_childs_old() -> None:
    one = touched()
    before = one.pte(0)
    assert before & (RW | A | D) == RW | A | D
    child = one.fork()
    assert one.pte(0) == before & ~RW
    assert child.pte(0) == before & ~(RW | A)
    audit(one.k)


def test_the_parent_faults_on_its_next_write_though_it_had_written_before() -> None:
    one = touched()
    assert len(list(one.process.task.cpu.tlb)) == 1
    child = one.fork()
    assert list(one.process.task.cpu.tlb) == []
    one.fill(0, "b")
    assert (one.letter(0), child.letter(0)) == ("b", "a")


def test_a_page_that_both_may_write_stays_so_and_is_clean_and_old_in_the_child() -> (
    None
):
    one, _ = mapped(shared=True)
    one.process.store(AREA, b"x")
    one.vma.vm_flags |= VM_PFNMAP  # else it would be left to faults
    child = one.process.fork()
    other = Area(child, one.pages)
    assert one.pte(0) & (RW | A | D) == RW | A | D
    assert other.pte(0) & (RW | A | D) == RW
    assert child.mm.rss_stat[MM_FILEPAGES] == 1


def test_the_zero_page_is_not_counted_for_a_child_either() -> None:
    one = touched("ab")
    alone(zap(one, 1))
    one.letter(1)
    child = one.fork()
    assert child.pte(1) == one.pte(1) & ~A
    assert one.k.zero_page.count == 1
    assert child.process.mm.rss_stat[MM_ANONPAGES] == 1
    audit(one.k)


@pytest.mark.parametrize("write", [True, False])
def test_a_migration_entry_becomes_one_for_reading_in_both(write: bool) -> None:
    one = touched()
    page = one.page(0)
    alone(page.locked.lock())
    alone(pointer(one).write(migration_entry(page.pfn, write=write)))
    child = one.fork()
    expected = migration_entry(page.pfn, write=False)
    assert (one.pte(0), child.pte(0)) == (expected, expected)
    assert (page.count, page.mapcount) == (1, 0), "it is no mapping"
    assert child.process.mm.rss_stat.total() == 0


def test_a_swap_entry_is_counted_for_the_child() -> None:
    one = touched(swap_slots=8)
    swap_out(one)
    child = one.fork()
    assert one.pte(0) == child.pte(0)
    assert alone(swap_count(one.k, one.pte(0))) == 2
    assert child.process.mm.rss_stat[MM_SWAPENTS] == 1
    assert (one.letter(0), child.letter(0)) == ("a", "a")
    assert one.page(0) is child.page(0), "they share it as before"
    settle(one.k)
    audit(one.k)


def test_a_fork_without_memory_for_a_table_says_so() -> None:
    one = touched()
    k = one.k
    child = start_process(k, "child", 1)
    use_up_memory(k)
    body = copy_page_range(k, child.mm, one.process.mm, one.vma)
    assert alone(body, k) < 0
    assert child.mm.nr_ptes == 0


def fork_and_write() -> tuple[Machine, Area, list[Area]]:
    """A program forks on one CPU while a thread of it writes on another."""
    one = touched(frames=32)
    k = one.k
    writer = run_task(k, "thread", 50, 1, one.process.mm)
    alone(writer.cpu.store(AREA, b"a", user=True), k, cpu=1)
    children: list[Area] = []

    async def fork() -> None:
        made = await copy_process(k, one.process.task)
        assert isinstance(made, Task)
        children.append(Area(Process(k, made), 1))

    def check() -> None:
        assert one.letter(0) == "b"
        settle(k)
        audit(k)

    threads = [thread(0, fork()), thread(1, writer.cpu.store(AREA, b"b", user=True))]
    return Machine([*threads, *interrupt_threads(k)], check), one, children


def test_another_cpu_may_write_to_what_the_child_has_until_the_fork_flushes() -> None:
    machine, one, children = fork_and_write()
    forker = machine.threads[0]
    go_until(machine, 0, lambda t, _: "flush_tlb_mm" in functions_of(t))
    assert not pte_write(one.pte(0))
    to_end(machine, 1)
    to_end(machine, 0)
    assert (machine.failure, forker.pending) == (None, None)
    assert (one.letter(0), children[0].letter(0)) == ("b", "b")


def test_what_is_written_on_another_cpu_after_the_fork_is_not_the_childs() -> None:
    machine, one, children = fork_and_write()
    to_end(machine, 0)
    to_end(machine, 1)
    assert machine.failure is None
    assert (one.letter(0), children[0].letter(0)) == ("b", "a")


def test_a_write_during_a_fork_is_never_lost() -> None:
    result = search(lambda: fork_and_write()[0], RandomWalk(seed=4), budget=100)
    assert result.failure is None


# Unmapping.


async def zap(one: Area, page: int, pages: int = 1) -> None:
    call = sys_madvise(
        one.k,
        one.process.task,
        one.address(page),
        pages * PAGE_SIZE,
        MADV_DONTNEED,
    )
    assert await call == 0


def test_what_is_given_up_is_zeros_at_the_next_touch() -> None:
    one = touched("ab")
    page = one.page(0)
    alone(zap(one, 0), one.k)
    assert one.pte(0) == 0
    assert is_free(page)
    assert one.process.mm.rss_stat[MM_ANONPAGES] == 1
    assert one.letters() == "\0b"
    audit(one.k)


def test_the_zero_page_is_given_up_without_being_counted() -> None:
    one = touched("ab")
    alone(zap(one, 0), one.k)
    one.letter(0)
    alone(zap(one, 0), one.k)
    assert one.pte(0) == 0
    assert one.k.zero_page.count == 1
    assert list(one.process.task.cpu.tlb) == [], "but CPUs must forget it"
    audit(one.k)


def test_a_swap_entry_that_is_given_up_gives_its_slot_back() -> None:
    one = touched(swap_slots=8)
    swap_out(one)
    alone(zap(one, 0), one.k)
    assert one.pte(0) == 0
    assert one.k.swap.inuse_pages == 0
    assert one.process.mm.rss_stat[MM_SWAPENTS] == 0
    audit(one.k)


def test_a_migration_entry_is_given_up_and_nothing_is_counted() -> None:
    one = touched()
    page = one.page(0)
    alone(page.locked.lock())
    alone(pointer(one).write(migration_entry(page.pfn, write=True)))
    alone(zap(one, 0), one.k)
    assert one.pte(0) == 0
    assert (page.count, page.mapcount) == (1, 0)
    assert one.process.mm.rss_stat[MM_ANONPAGES] == 1


def test_a_page_is_given_back_only_when_no_cpu_remembers_it() -> None:
    one = touched(cpus=2)
    k, page, ptep = one.k, one.page(0), pointer(one)
    other = run_task(k, "thread", 50, 1, one.process.mm)
    alone(other.cpu.load(AREA, 1, user=True), k, cpu=1)
    seen: list[tuple[bool, int, int]] = []

    def look() -> None:
        knowing = sum(
            any(found.frame >> PAGE_SHIFT == page.pfn for found in cpu.tlb)
            for cpu in k.cpus
        )
        state = (pte_present(ptep.value), knowing, page.count)
        if not seen or seen[-1] != state:
            seen.append(state)

    machine = Machine([thread(0, zap(one, 0)), *interrupt_threads(k)], always=look)
    machine.is_checked = True
    to_end(machine, 0)
    assert seen == [
        (True, 2, 1),
        (False, 2, 1),
        (False, 1, 1),
        (False, 0, 1),
        (False, 0, 0),
    ]


def test_another_cpu_may_write_to_what_is_being_given_up_but_to_nothing_later() -> None:
    """After each step: no CPU remembers a free frame.  (`check_always`)"""

    def boot_race() -> Machine:
        one = touched(frames=32)
        k = one.k
        other = run_task(k, "thread", 50, 1, one.process.mm)
        alone(other.cpu.store(AREA, b"x", user=True), k, cpu=1)

        def check() -> None:
            assert one.letter(0) in "\0y"
            settle(k)
            audit(k)

        threads = [
            thread(0, zap(one, 0)),
            thread(1, other.cpu.store(AREA, b"y", user=True)),
        ]
        threads[1].task = other
        made = Machine(
            [*threads, *interrupt_threads(k)], check, always=lambda: check_always(k)
        )
        made.is_checked = True
        return made

    assert search(boot_race, RandomWalk(seed=6), budget=60).failure is None


def test_a_files_page_is_told_that_it_was_written_and_used() -> None:
    one, mapping = mapped(shared=True)
    one.process.store(AREA, b"x")
    page = mapping.page_tree[0]
    page.flags &= ~(PG_dirty | PG_referenced)
    alone(sys_munmap(one.k, one.process.task, AREA, PAGE_SIZE), one.k)
    assert page.flags & PG_dirty
    assert page.flags & PG_referenced
    assert (page.count, page.mapcount) == (1, -1)
    assert one.process.mm.rss_stat[MM_FILEPAGES] == 0


# Swap.


def swap_out(one: Area, page: int = 0, *, keep: bool = False) -> None:
    """Write a page to swap; `keep` it in the swap cache, or not."""
    settle(one.k)
    alone(push_out(one.k, one.page(page), keep=keep), one.k)
    assert is_swap_entry(one.pte(page))


async def push_out(k: Kernel, page: Page, *, keep: bool) -> None:
    await get_page(page)
    await page.locked.lock()
    assert await add_to_swap(k, page)
    flags = TTU_UNMAP | TTU_IGNORE_ACCESS
    assert await try_to_unmap(k, page, flags) == SWAP_SUCCESS
    await swap_writepage(k, page)
    if not keep:
        async with page.locked:
            await delete_from_swap_cache(k, page)
    await put_page(k, page)


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


def test_two_cpus_that_swap_one_page_in_get_one_page() -> None:
    def boot_race() -> Machine:
        one, child = forked(frames=32, swap_slots=32)
        k = one.k
        swap_out(one, keep=True)

        async def touch(who: Area) -> None:
            await handle_mm_fault(k, who.process.mm, who.vma, AREA, write=False)

        def check() -> None:
            assert one.page(0) is child.page(0)
            assert k.swap.swap_map == {1: 0x40}
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


def mapped(*, shared: bool, pages: int = 2, size: int = 2) -> tuple[Area, AddressSpace]:
    """A program that maps a file of `size` pages."""
    k = boot(frames=48)
    mapping = new_mapping(k, "file")
    mapping.size = size * PAGE_SIZE
    return map_again(k, mapping, shared=shared, pages=pages), mapping


def map_again(
    k: Kernel, mapping: AddressSpace, *, shared: bool, pages: int = 2, cpu: int = 0
) -> Area:
    """Another program, which maps the same file."""
    made = start_process(k, "reader", cpu)
    flags = MAP_FIXED | (MAP_SHARED if shared else MAP_PRIVATE)
    prot = PROT_READ | PROT_WRITE
    length = pages * PAGE_SIZE
    call = sys_mmap(k, made.task, AREA, length, prot, flags, File("file", mapping))
    assert made.run(call) == AREA
    return Area(made, pages)


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
    assert not any(page.is_locked for page in mapping.page_tree.values())
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
            await do_linear_fault(k, mm, vma, AREA, ptep, write=True)

        def check() -> None:
            assert mm.rss_stat[MM_FILEPAGES if shared else MM_ANONPAGES] == 2
            settle(k)
            audit(k)

        return Machine([thread(0, touch()), thread(1, touch())], check)

    assert search(boot_race, SourceDpor(), budget=100).failure is None
