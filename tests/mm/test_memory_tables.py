"""Emptying page tables: what goes with an entry, and when nobody knows it any more."""

from __future__ import annotations

from areas import AREA
from building import alone, is_free, settle, thread, to_end
from mm.touched import mapped, pointer, swap_out, touched, zap

from kmm.hw.memory import PAGE_SHIFT, PAGE_SIZE
from kmm.kernel.syscalls import sys_munmap
from kmm.mm.audit import audit, check_always
from kmm.mm.boot import interrupt_threads, run_task
from kmm.mm.mm_types import (
    MM_ANONPAGES,
    MM_FILEPAGES,
    MM_SWAPENTS,
    PG_dirty,
    PG_referenced,
)
from kmm.mm.pgtable import pte_present
from kmm.mm.swapops import migration_entry
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import RandomWalk


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
