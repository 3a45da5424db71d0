"""Copy on write, and fork: who copies, who keeps the page, what a child is given."""

from __future__ import annotations

import pytest
from areas import AREA, Area, area
from building import (
    alone,
    boot,
    functions_of,
    go_until,
    go_while_possible,
    is_free,
    move,
    settle,
    thread,
    to_end,
    use_up_memory,
)
from mm.touched import fault, forked, in_memory, mapped, pointer, swap_out, touched, zap

from kmm.hw.memory import PAGE_SHIFT
from kmm.hw.modes import RW, A, D
from kmm.kernel.fork import copy_process
from kmm.kernel.process import Process, start_process
from kmm.mm.audit import audit, check_always
from kmm.mm.boot import interrupt_threads, run_task
from kmm.mm.memory import VM_FAULT_WRITE, copy_page_range, handle_mm_fault
from kmm.mm.mm_types import (
    MM_ANONPAGES,
    MM_FILEPAGES,
    MM_SWAPENTS,
    PAGE,
    VM_PFNMAP,
    StableNode,
    Task,
)
from kmm.mm.page_alloc import get_page
from kmm.mm.pgtable import pte_pfn, pte_write
from kmm.mm.swapfile import swap_count
from kmm.mm.swapops import migration_entry
from kmm.mm.vmscan import isolate_lru_page
from kmm.sim.access import read_once
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import RandomWalk, SourceDpor

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

        async def write() -> None:
            while not pte_write(one.pte(0)):
                await handle_mm_fault(k, one.process.mm, one.vma, AREA, write=True)

        def check() -> None:
            settle(k)
            assert (one.letter(0), child.letter(0)) == ("a", "a")
            assert one.page(0) is not child.page(0)
            audit(k)

        threads = [thread(0, write()), thread(1, move(k, old)), *interrupt_threads(k)]
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
