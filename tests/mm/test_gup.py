"""The kernel's own look at a program's pages."""

from __future__ import annotations

import pytest
from areas import AREA, Area, area
from building import (
    Process,
    alone,
    boot,
    functions_of,
    go_until,
    go_while_possible,
    move,
    process,
    settle,
    thread,
    to_end,
    use_up_memory,
)

from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.syscalls import sys_mprotect
from kmm.mm.audit import audit
from kmm.mm.boot import interrupt_threads
from kmm.mm.errno import EFAULT
from kmm.mm.gup import get_user_page, make_pages_present
from kmm.mm.mm_types import VM_READ, VM_WRITE, Page
from kmm.mm.mmap import PROT_READ, RLIMIT_STACK
from kmm.mm.pgtable import pte_special
from kmm.mm.swap import put_page
from kmm.mm.vmscan import isolate_lru_page
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import RandomWalk


def got(one: Area, page: int = 0, *, write: bool) -> Page | None:
    mm = one.process.mm
    body = get_user_page(one.k, mm, one.address(page), write=write)
    return one.process.run(body)


def filled(letters: str = "ab", **config: int) -> Area:
    one = area(boot("2.6.34", **{"frames": 32, **config}), len(letters))
    one.fill_all(letters)
    settle(one.k)
    return one


def give_back(one: Area, page: Page | None) -> None:
    assert page is not None
    alone(put_page(one.k, page), one.k)
    settle(one.k)
    audit(one.k)


@pytest.mark.parametrize("write", [True, False])
def test_a_page_that_is_there_comes_with_a_reference_and_without_a_fault(
    write: bool,
) -> None:
    one = filled()
    faults = one.k.vm_events["pgfault"]
    page = got(one, 1, write=write)
    assert page is one.page(1)
    assert page.count == 2
    assert one.k.vm_events["pgfault"] == faults
    give_back(one, page)


def test_untouched_memory_is_faulted_in_as_it_is_to_be_used() -> None:
    one = area(boot(), 2)
    read = got(one, 0, write=False)
    assert read is one.k.zero_page
    assert read.count == 2
    give_back(one, read)
    assert read.count == 1
    written = got(one, 1, write=True)
    assert written is one.page(1)
    assert written is not one.k.zero_page
    give_back(one, written)


def test_the_zero_page_is_not_enough_for_a_write() -> None:
    one = area(boot(), 1)
    one.letter(0)
    page = got(one, write=True)
    assert page is not one.k.zero_page
    assert not pte_special(one.pte(0))
    give_back(one, page)


def test_a_page_that_is_shared_since_a_fork_is_copied_before_it_is_written() -> None:
    one = filled()
    child = one.fork(cpu=1)
    shared = one.page(0)
    assert got(one, write=False) is shared
    alone(put_page(one.k, shared), one.k)
    page = got(one, write=True)
    assert page is one.page(0)
    assert page is not shared
    assert child.page(0) is shared
    give_back(one, page)


def test_nothing_can_be_had_where_no_vma_is() -> None:
    one = filled()
    assert got(one, 2, write=False) is None
    assert got(one, -1, write=False) is None


def test_nothing_can_be_had_that_the_program_may_not_use_so() -> None:
    one = filled()
    length = 2 * PAGE_SIZE

    def allow(prot: int) -> None:
        call = sys_mprotect(one.k, one.process.task, AREA, length, prot)
        assert one.process.run(call) == 0

    allow(PROT_READ)
    assert got(one, write=True) is None
    page = got(one, write=False)
    give_back(one, page)
    allow(0)
    assert got(one, write=False) is None
    assert one.page(0) is page


def grow(p: Process, address: int) -> Page | None:
    body = get_user_page(p.k, p.mm, VirtAddr(address), write=True)
    return alone(body, p.k, cpu=1)


def test_a_stack_grows_for_the_kernel_as_for_the_program() -> None:
    p = process(boot())
    page = grow(p, p.address(-2))
    assert page is not None
    assert p.vma.vm_start == p.address(-2)
    limit = p.vma.vm_end - RLIMIT_STACK
    assert grow(p, limit - PAGE_SIZE) is None
    assert p.vma.vm_start == p.address(-2)


def test_what_is_no_stack_does_not_grow_for_the_kernel() -> None:
    p = process(boot(), flags=VM_READ | VM_WRITE)
    assert grow(p, p.address(-1)) is None


def test_without_a_frame_nothing_is_had() -> None:
    one = area(boot(), 1)
    use_up_memory(one.k)
    assert got(one, write=True) is None
    assert got(one, write=False) is None, "there is none for the tables either"


def pin_against_move() -> tuple[Machine, Area, list[Page]]:
    """Somebody gets at a page for a write while it is being moved."""
    one = filled("a")
    k, old, mm = one.k, one.page(0), one.process.mm
    alone(isolate_lru_page(k, old))
    pinned: list[Page] = []

    async def pin() -> None:
        page = await get_user_page(k, mm, AREA, write=True)
        assert page is not None
        pinned.append(page)

    def check() -> None:
        assert pinned == [one.page(0)]
        assert one.letter(0) == "a"
        give_back(one, pinned[0])

    threads = [thread(0, pin()), thread(1, move(k, old)), *interrupt_threads(k)]
    return Machine(threads, check), one, pinned


def test_a_page_that_is_pinned_before_it_is_moved_stays() -> None:
    machine, one, pinned = pin_against_move()
    old = one.page(0)
    to_end(machine, 0)
    to_end(machine, 1)
    assert pinned == [one.page(0)] == [old]


def test_who_pins_a_page_that_is_being_moved_waits_for_the_new_one() -> None:
    machine, one, pinned = pin_against_move()
    old = one.page(0)
    go_until(machine, 1, lambda t, _: "migrate_page_copy" in functions_of(t))
    go_while_possible(machine, 0)
    assert "migration_entry_wait" in functions_of(machine.threads[0])
    to_end(machine, 1)
    to_end(machine, 0)
    assert pinned == [one.page(0)] != [old]


def test_who_pins_a_page_has_what_the_program_has() -> None:
    result = search(lambda: pin_against_move()[0], RandomWalk(seed=1), budget=100)
    assert result.failure is None


# Whole ranges, as for mlock.


def present(one: Area, first: int, pages: int) -> int:
    start, end = one.address(first), one.address(first + pages)
    result = one.process.run(make_pages_present(one.k, one.process.mm, start, end))
    settle(one.k)
    audit(one.k)
    return result


def test_a_range_is_present_afterwards_with_pages_of_its_own() -> None:
    one = area(boot(), 3)
    assert present(one, 0, 2) == 0
    faults = one.k.vm_events["pgfault"]
    one.fill(0, "a")
    one.fill(1, "b")
    assert one.k.vm_events["pgfault"] == faults
    assert one.pte(2) == 0, "it is not in the range"
    assert (one.page(0).count, one.page(1).count) == (1, 1)


def test_a_range_with_a_hole_is_present_up_to_it() -> None:
    one = area(boot(), 3)
    one.unmap(1)
    assert present(one, 0, 3) == -EFAULT
    assert one.pte(0) != 0
    assert one.pte(2) == 0


def test_a_range_that_may_not_be_touched_is_not_made_present() -> None:
    one = area(boot(), 1)
    call = sys_mprotect(one.k, one.process.task, AREA, PAGE_SIZE, 0)
    assert one.process.run(call) == 0
    assert present(one, 0, 1) == -EFAULT
    assert one.pte(0) == 0


def test_a_range_that_may_only_be_read_gets_the_zero_page() -> None:
    one = area(boot(), 1)
    call = sys_mprotect(one.k, one.process.task, AREA, PAGE_SIZE, PROT_READ)
    assert one.process.run(call) == 0
    assert present(one, 0, 1) == 0
    assert one.page(0) is one.k.zero_page
