"""From a page to its mappings: the lists, the arithmetic, and the walks."""

from __future__ import annotations

import pytest
from attrs import evolve
from building import Process, alone, boot, process

from kmm.hw.memory import PAGE_SHIFT, VirtAddr
from kmm.hw.modes import RW
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Page, PG_dirty, VmArea
from kmm.mm.page_alloc import get_page
from kmm.mm.pgtable import find_pte
from kmm.mm.rmap import (
    SWAP_AGAIN,
    SWAP_SUCCESS,
    TTU_IGNORE_ACCESS,
    TTU_MIGRATION,
    anon_vma_chain_link,
    anon_vma_clone,
    anon_vma_prepare,
    linear_page_index,
    page_add_anon_rmap,
    page_lock_anon_vma,
    page_unlock_anon_vma,
    rmap_walk,
    try_to_unmap,
    unlink_anon_vmas,
    vma_address,
)
from kmm.mm.slab import new_object
from kmm.mm.swapops import migration_entry
from kmm.sim.failure import KernelBug

MIGRATION = TTU_MIGRATION | TTU_IGNORE_ACCESS


def touched(pages: int = 4) -> Process:
    """A process whose first page has been written."""
    p = process(boot(), pages)
    p.write(0, b"x")
    return p


def copy_of(vma: VmArea, name: str) -> VmArea:
    copy = evolve(vma, name=name, anon_vma_chain=[])
    alone(anon_vma_clone(copy, vma))
    return copy


def test_a_vma_gets_one_anon_vma_however_often_it_is_prepared() -> None:
    p = process(boot())
    alone(anon_vma_prepare(p.k, p.vma))
    first = p.vma.anon_vma
    alone(anon_vma_prepare(p.k, p.vma))
    assert p.vma.anon_vma is first
    assert first is not None
    assert [avc.vma for avc in first.head] == [p.vma]


def test_a_newcomer_goes_to_the_tail_of_the_anon_vma_and_the_head_of_its_own() -> None:
    p = touched()
    oldest = p.vma.anon_vma
    assert oldest is not None
    newest = new_object(p.k.anon_vma_cachep)
    copy = copy_of(p.vma, "copy")
    alone(anon_vma_chain_link(copy, newest))
    assert [avc.vma.name for avc in oldest.head] == [p.vma.name, "copy"]
    assert [avc.anon_vma for avc in copy.anon_vma_chain] == [newest, oldest]


def test_a_clone_keeps_the_order_newest_first() -> None:
    p = touched()
    alone(anon_vma_chain_link(p.vma, new_object(p.k.anon_vma_cachep)))
    copy = copy_of(p.vma, "copy")
    ours = [avc.anon_vma for avc in p.vma.anon_vma_chain]
    assert [avc.anon_vma for avc in copy.anon_vma_chain] == ours


def test_an_unlinked_vma_is_on_no_list() -> None:
    p = touched()
    copy = copy_of(p.vma, "copy")
    alone(unlink_anon_vmas(copy))
    assert p.vma.anon_vma is not None
    assert copy.anon_vma_chain == []
    assert [avc.vma for avc in p.vma.anon_vma.head] == [p.vma]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (10, 14, 11),  # as it was
        (4, 14, 5),  # start lowered, pgoff kept: the address follows at once
        (4, 8, 5),
        (12, 14, 13),
        (4, 5, None),  # outside
    ],
)
def test_an_address_follows_from_the_bounds_alone(
    start: int, end: int, expected: int | None
) -> None:
    p = touched()
    page = p.page(0)
    page.index = 11
    p.vma.vm_start = VirtAddr(start << PAGE_SHIFT)
    p.vma.vm_end = VirtAddr(end << PAGE_SHIFT)
    p.vma.vm_pgoff = 10
    address = alone(vma_address(page, p.vma))
    assert address == (None if expected is None else expected << PAGE_SHIFT)


def test_a_page_is_where_its_index_says() -> None:
    p = touched()
    p.write(2, b"y")
    assert p.page(2).index == linear_page_index(p.vma, p.address(2))
    assert alone(vma_address(p.page(2), p.vma)) == p.address(2)


def test_an_unmapped_page_has_no_anon_vma_to_lock() -> None:
    p = touched()
    page = p.page(0)

    async def lock_and_unlock() -> object:
        anon_vma = await page_lock_anon_vma(p.k, page)
        if anon_vma is not None:
            await page_unlock_anon_vma(p.k, anon_vma)
        return anon_vma

    assert alone(lock_and_unlock()) is p.vma.anon_vma
    page.mapcount = -1
    assert alone(lock_and_unlock()) is None
    assert p.k.rcu.sections == []


def test_the_first_mapping_ties_a_page_to_the_oldest_anon_vma() -> None:
    p = touched()
    oldest = p.vma.anon_vma
    newest = new_object(p.k.anon_vma_cachep)
    alone(anon_vma_chain_link(p.vma, newest))
    p.vma.anon_vma = newest
    page = p.k.mem_map[31]
    alone(page.locked.lock())
    alone(page_add_anon_rmap(page, p.vma, p.address(3)))
    assert page.mapping is oldest
    assert page.index == linear_page_index(p.vma, p.address(3))


def test_unmapping_for_migration_leaves_entries_and_no_mapping() -> None:
    p = touched()
    page = p.page(0)
    alone(get_page(page))  # as isolation does
    alone(page.locked.lock())
    assert alone(try_to_unmap(p.k, page, MIGRATION), p.k) == SWAP_SUCCESS
    assert p.pte(0) == migration_entry(page.pfn, write=True)
    assert (page.mapcount, page.count) == (-1, 1)
    assert page.flags & PG_dirty, "what was dirty in the entry is noted on the page"


def test_a_read_only_mapping_becomes_a_read_entry() -> None:
    p = touched()
    page = p.page(0)
    pointer = alone(find_pte(p.k, p.mm, p.address(0)))
    assert pointer is not None
    alone(pointer.write(p.pte(0) & ~RW))
    alone(get_page(page))
    alone(page.locked.lock())
    alone(try_to_unmap(p.k, page, MIGRATION), p.k)
    assert p.pte(0) == migration_entry(page.pfn, write=False)


def test_a_page_must_be_locked_to_be_unmapped_or_walked() -> None:
    p = touched()

    async def nothing(k: Kernel, page: Page, vma: VmArea, address: VirtAddr) -> int:
        return SWAP_AGAIN

    with pytest.raises(KernelBug, match=r"mm/rmap\.c:1303"):
        alone(try_to_unmap(p.k, p.page(0), TTU_MIGRATION), p.k)
    with pytest.raises(KernelBug, match=r"mm/rmap\.c:1412"):
        alone(rmap_walk(p.k, p.page(0), nothing))


def test_a_walk_visits_every_vma_in_list_order_until_told_to_stop() -> None:
    p = touched()
    copy_of(p.vma, "second")
    copy_of(p.vma, "third")
    page = p.page(0)
    alone(page.locked.lock())
    visited: list[str] = []

    async def visit(k: Kernel, page: Page, vma: VmArea, address: VirtAddr) -> int:
        assert address == p.address(0)
        visited.append(vma.name)
        return SWAP_AGAIN if vma.name != "second" else SWAP_SUCCESS

    alone(rmap_walk(p.k, page, visit))
    assert visited == [p.vma.name, "second"]
