"""Moving entries: whole, in pieces, and with the old tables gone."""

from __future__ import annotations

import pytest
from building import BASE, Process, alone, boot, process, use_up_memory

from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.mm.audit import audit
from kmm.mm.mremap import move_page_tables
from kmm.mm.pgtable import PMD_SIZE, free_pgd_range
from kmm.mm.swapops import migration_entry


def written(pages: int) -> Process:
    p = process(boot(frames=256), pages)
    for page in range(pages):
        p.write(page, b"page %d" % page)
    return p


def move(p: Process, new: int, pages: int) -> int:
    vma = p.vma
    length = pages * PAGE_SIZE
    return alone(move_page_tables(p.k, vma, BASE, vma, VirtAddr(new), length), p.k)


@pytest.mark.parametrize("shift", [8 * PAGE_SIZE, PMD_SIZE, PMD_SIZE - 2 * PAGE_SIZE])
def test_pages_are_found_at_their_new_addresses_and_only_there(shift: int) -> None:
    p = written(4)
    frames = [p.page(n) for n in range(4)]
    assert move(p, BASE + shift, 4) == 4 * PAGE_SIZE
    p.vma.vm_start, p.vma.vm_end = (
        VirtAddr(BASE + shift),
        VirtAddr(BASE + shift + 4 * PAGE_SIZE),
    )
    assert [p.pte(n) for n in range(4)] == [0] * 4
    offset = shift // PAGE_SIZE
    assert [p.page(offset + n) for n in range(4)] == frames
    assert p.read(offset + 3, 6) == b"page 3"
    audit(p.k)


def test_more_pages_than_one_hold_of_the_lock_moves() -> None:
    p = written(100)
    assert move(p, BASE + PMD_SIZE, 100) == 100 * PAGE_SIZE
    p.vma.vm_end = VirtAddr(BASE + 2 * PMD_SIZE)
    assert p.read(512 + 99, 7) == b"page 99"


def test_a_migration_entry_is_moved_like_any_other() -> None:
    p = written(1)
    pointer = next(
        q for q in p.k.memory.pointers[8].values() if alone(q.read()) == p.pte(0)
    )
    entry = migration_entry(9, write=True)
    alone(pointer.write(entry))
    move(p, BASE + 8 * PAGE_SIZE, 1)
    assert p.pte(0) == 0
    assert p.pte(8) == entry


def test_without_memory_for_a_table_it_says_how_far_it_came() -> None:
    p = process(boot(frames=8), 2)
    p.write(0, b"x")
    use_up_memory(p.k)
    assert move(p, BASE + PMD_SIZE, 2) == 0
    assert p.read(0, 1) == b"x"


def test_a_table_is_freed_only_if_no_neighbour_needs_it() -> None:
    p = written(2)
    tables = p.mm.nr_ptes
    alone(
        move_page_tables(p.k, p.vma, BASE, p.vma, VirtAddr(BASE + PMD_SIZE), 8192), p.k
    )
    end = VirtAddr(BASE + 2 * PAGE_SIZE)
    floor = VirtAddr(BASE + PAGE_SIZE)
    alone(free_pgd_range(p.k, p.mm, BASE, end, floor, 0), p.k)
    assert p.mm.nr_ptes == tables + 1, "something below shares the table"
    alone(free_pgd_range(p.k, p.mm, BASE, end, VirtAddr(0), BASE + PAGE_SIZE), p.k)
    assert p.mm.nr_ptes == tables + 1, "something above shares the table"
    after = BASE + PMD_SIZE
    alone(free_pgd_range(p.k, p.mm, BASE, end, VirtAddr(0), after), p.k)
    assert p.mm.nr_ptes == tables
    audit(p.k)
