"""KSM: why two pages are not merged, and how a merged one is copied and found."""

from __future__ import annotations

import pytest
from areas import Area, area
from building import alone, boot, settle
from mm.mergeable import FRAMES, areas, counters, merged, one_round, scan

from kmm.hw.memory import VirtAddr
from kmm.hw.modes import A
from kmm.mm.audit import audit
from kmm.mm.boot import interrupt_threads
from kmm.mm.errno import EBUSY
from kmm.mm.kernel import Kernel
from kmm.mm.ksm import KSM_RUN_MERGE, run_store
from kmm.mm.ksm_merge import break_ksm, get_ksm_page
from kmm.mm.madvise import MADV_MERGEABLE
from kmm.mm.migrate import remove_migration_ptes, unmap_and_move
from kmm.mm.mm_types import Page, PageKsm, PG_lru, StableNode, Task, VmArea
from kmm.mm.page_alloc import alloc_page, get_page
from kmm.mm.pgtable import pte_write
from kmm.mm.rmap import (
    SWAP_AGAIN,
    SWAP_SUCCESS,
    TTU_IGNORE_ACCESS,
    TTU_MIGRATION,
    page_referenced,
    rmap_walk,
    try_to_unmap,
)
from kmm.mm.swap import put_page
from kmm.mm.swapops import is_migration_entry, is_swap_entry
from kmm.mm.vmscan import isolate_lru_page, move_back_to_lru, shrink_page_list
from kmm.sim.failure import KernelBug
from kmm.sim.machine import Machine
from kmm.sim.strategies import RandomWalk
from kmm.sim.thread import KThread


def node_of(page: Page) -> StableNode:
    assert isinstance(page.mapping, StableNode)
    return page.mapping


# Why a page is not merged.


def test_a_pinned_page_is_not_merged_until_it_is_let_go() -> None:
    one, other = areas("a", "a")
    k, pinned = one.k, one.page(0)
    alone(get_page(pinned))
    scan(k, 3)
    assert one.page(0) is pinned
    assert not PageKsm(pinned)
    assert not PageKsm(other.page(0))
    assert (k.ksm.pages_shared, k.ksm.pages_sharing) == (0, 0)
    assert pte_write(one.pte(0)), "the entry is as it was"
    alone(put_page(k, pinned))
    scan(k, 2)
    assert counters(k) == (1, 1, 0)
    assert one.letter(0) + other.letter(0) == "aa"
    audit(k)


def test_a_page_in_a_pagevec_is_not_merged() -> None:
    """The pagevec's reference might be anybody's."""
    k = boot(frames=FRAMES, cpus=1)
    one = area(k, 2)
    one.advise(MADV_MERGEABLE)
    one.fill_all("aa")
    assert not one.page(0).flags & PG_lru
    for _ in range(2):
        alone(one_round(k), k)
    assert (k.ksm.pages_shared, k.ksm.pages_sharing) == (0, 0)
    settle(k)
    alone(one_round(k), k)
    assert counters(k) == (1, 1, 0)
    settle(k)
    audit(k)


def test_a_locked_page_is_not_merged() -> None:
    one, _ = areas("a", "a")
    page = one.page(0)
    alone(page.locked.lock())
    scan(one.k, 3)
    assert one.page(0) is page
    assert not PageKsm(page)
    alone(page.locked.unlock())
    audit(one.k)


# Writing to a merged page.


def test_a_write_to_a_merged_page_copies_it() -> None:
    one, other = merged("aa", "aa")
    shared = other.page(0)
    assert not pte_write(one.pte(0))
    one.fill(0, "x")
    settle(one.k)
    assert one.letters() == "xa"
    assert other.letters() == "aa"
    assert one.page(0) is not shared
    assert not PageKsm(one.page(0))
    assert (shared.count, shared.mapcount) == (3, 2)
    audit(one.k)


def test_even_the_last_program_that_maps_a_merged_page_copies_it() -> None:
    (one,) = merged("aa")
    shared = one.page(0)
    one.fill(0, "x")
    one.fill(1, "y")
    settle(one.k)
    assert one.page(1) is not shared
    assert shared.count == 0
    assert one.letters() == "xy"
    audit(one.k)


def test_a_written_page_is_forgotten_in_the_next_round_and_can_merge_again() -> None:
    one, other = merged("a", "a")
    one.fill(0, "b")
    settle(one.k)
    assert counters(one.k) == (1, 1, 0), "nobody has looked yet"
    scan(one.k)
    assert counters(one.k) == (1, 0, 0)
    one.fill(0, "a")
    scan(one.k, 2)
    assert counters(one.k) == (1, 1, 0)
    assert one.page(0) is other.page(0)
    audit(one.k)


@pytest.mark.parametrize("writer", [0, 1])
def test_a_write_while_pages_are_being_merged_is_seen_by_the_writer_alone(
    writer: int,
) -> None:
    merges = set()
    for seed in range(60):
        made = areas("a", "a", cpus=2)
        k, one = made[0].k, made[writer]
        task = one.process.task
        scan(k)

        async def write(
            task: Task = task, address: VirtAddr = one.address(0), reads: int = seed
        ) -> None:
            for _ in range(reads):  # comes later each time
                await task.cpu.load(address, 1, user=True)
            await task.cpu.store(address, b"x", user=True)

        threads = [
            KThread("writer", 100, 0, write(), task=task),
            KThread("ksmd", 101, 1, one_round(k)),
        ]
        machine = Machine([*threads, *interrupt_threads(k)])
        assert machine.run(RandomWalk(seed))
        assert machine.failure is None
        merges.add(k.ksm.pages_shared)
        letters = [each.letter(0) for each in made]
        assert letters[writer] + letters[1 - writer] == "xa"
        settle(k)
        audit(k)
    assert merges == {0, 1}, "in some runs the write comes first, in some too late"


# Stale nodes.


def test_a_node_whose_page_is_mapped_gives_it_with_a_reference() -> None:
    one, _ = merged("a", "a")
    page = one.page(0)
    assert alone(get_ksm_page(one.k, node_of(page))) is page
    assert page.count == 3
    alone(put_page(one.k, page))
    audit(one.k)


def test_a_node_is_stale_when_the_last_mapping_has_gone() -> None:
    one, other = merged("a", "a")
    k = one.k
    node = node_of(one.page(0))
    one.unmap(0)
    other.unmap(0)
    assert k.ksm.stable_tree == [node], "the tree does not know yet"
    assert alone(get_ksm_page(k, node)) is None
    assert k.ksm.stable_tree == []
    assert node.hlist == []
    assert counters(k) == (0, 0, 0)
    audit(k)


def test_a_node_is_stale_although_its_frame_is_in_use_again() -> None:
    one, other = merged("a", "a")
    k = one.k
    page = one.page(0)
    node = node_of(page)
    one.unmap(0)
    other.unmap(0)
    third = area(k, 8)
    third.fill_all("aaaaaaaa")
    settle(k)
    assert page.pfn in third.pfns(), "frames that were freed last are taken first"
    assert alone(get_ksm_page(k, node)) is None
    assert page.count == 1
    audit(k)


def test_rounds_go_on_after_a_stale_node_was_met() -> None:
    one, other, third = merged("a", "a", "b")
    one.unmap(0)
    other.unmap(0)
    late = area(one.k, 1)
    late.advise(MADV_MERGEABLE)
    late.fill(0, "b")
    settle(one.k)
    scan(one.k, 4)
    assert counters(one.k) == (1, 1, 0)
    assert late.page(0) is third.page(0)
    audit(one.k)


# The reverse map of a merged page.


def with_fork() -> tuple[Area, Area, Area]:
    """Two places of one process that were merged, and the child that shares them."""
    (one,) = merged("ab")
    one.fill(1, "a")
    scan(one.k, 2)
    assert one.page(0) is one.page(1)
    third = area(one.k, 1)
    third.fill(0, "a")
    third.advise(MADV_MERGEABLE)
    settle(one.k)
    scan(one.k, 2)
    return one, third, one.fork()


def test_a_walk_finds_every_place_first_those_that_ksm_knows_then_their_forks() -> None:
    one, third, child = with_fork()
    page = one.page(0)
    assert (page.mapcount + 1, len(node_of(page).hlist)) == (5, 3)
    visited = []

    async def visit(k: Kernel, page: Page, vma: VmArea, address: VirtAddr) -> int:
        visited.append((vma.mm, address))
        return SWAP_AGAIN

    alone(page.locked.lock())
    alone(rmap_walk(one.k, page, visit))
    alone(page.locked.unlock())
    mine, yours, theirs = (a.process.mm for a in (one, child, third))
    first, second = one.address(0), one.address(1)
    assert set(visited[:3]) == {(mine, first), (mine, second), (theirs, first)}
    assert set(visited[3:]) == {(yours, first), (yours, second)}
    audit(one.k)


def test_an_unlocked_merged_page_must_not_be_walked() -> None:
    one, _ = merged("a", "a")
    with pytest.raises(KernelBug):
        alone(try_to_unmap(one.k, one.page(0), TTU_MIGRATION), one.k)


def test_unmapping_finds_the_forks_and_all_can_be_mapped_again() -> None:
    one, third, child = with_fork()
    k, page = one.k, one.page(0)
    flags = TTU_MIGRATION | TTU_IGNORE_ACCESS
    alone(get_page(page))
    alone(page.locked.lock())
    assert alone(try_to_unmap(k, page, flags), k) == SWAP_SUCCESS
    assert (page.count, page.mapcount) == (1, -1)
    for each, number in ((one, 0), (one, 1), (child, 0), (child, 1), (third, 0)):
        assert is_migration_entry(each.pte(number))
    alone(remove_migration_ptes(k, page, page), k)
    alone(page.locked.unlock())
    alone(put_page(k, page))
    assert (page.count, page.mapcount) == (5, 4)
    assert one.letters() + child.letters() + third.letters() == "aaaaa"
    assert not pte_write(child.pte(0))
    audit(k)


def test_a_use_by_a_fork_counts_as_a_use_of_the_merged_page() -> None:
    one, _, child = with_fork()
    k, page = one.k, one.page(0)
    alone(page_referenced(k, page, is_locked=False), k)
    assert alone(page_referenced(k, page, is_locked=False), k)[0] == 0
    assert not child.pte(1) & A
    child.letter(1)
    assert alone(page_referenced(k, page, is_locked=False), k)[0] == 1
    assert not child.pte(1) & A, "looking makes it old again"
    audit(k)


def test_a_merged_page_does_not_migrate_while_its_memory_stays() -> None:
    one, _ = merged("a", "a")
    k, page = one.k, one.page(0)
    assert alone(isolate_lru_page(k, page))

    async def elsewhere(k: Kernel, page: Page) -> Page | None:
        return await alloc_page(k, 0)

    move = unmap_and_move(k, page, [page], elsewhere, force=True, offlining=False)
    assert alone(move, k) == -EBUSY
    settle(k)
    assert one.page(0) is page
    audit(k)


def test_a_merged_page_can_be_swapped_out_and_everybody_gets_it_back() -> None:
    one, other = merged("a", "a", swap_slots=8)
    k, page = one.k, one.page(0)
    for _ in range(2):  # at first it looks as if it were in use
        assert alone(isolate_lru_page(k, page))
        survivors = alone(shrink_page_list(k, [page]), k)
        alone(move_back_to_lru(k, page.zone, survivors, file=False, rotated=0), k)
    assert survivors == []
    assert is_swap_entry(one.pte(0))
    assert one.pte(0) == other.pte(0)
    assert one.letter(0) + other.letter(0) == "aa"
    settle(k)
    audit(k)
    other.fill(0, "b")
    settle(k)
    assert one.letter(0) + other.letter(0) == "ab"
    scan(k, 3)
    audit(k)


def test_a_merged_page_that_is_in_memory_still_is_everybodys_again() -> None:
    one, other = merged("a", "a", swap_slots=8)
    k, page = one.k, one.page(0)
    alone(get_page(page))  # so that it cannot be freed
    for _ in range(2):
        assert alone(isolate_lru_page(k, page))
        survivors = alone(shrink_page_list(k, [page]), k)
        alone(move_back_to_lru(k, page.zone, survivors, file=False, rotated=0), k)
    assert is_swap_entry(one.pte(0))
    assert one.letter(0) + other.letter(0) == "aa"
    assert PageKsm(page)
    assert one.page(0) is page
    assert other.page(0) is page
    alone(put_page(k, page), k)
    settle(k)
    audit(k)


# Taking merging back.


def test_breaking_one_place_leaves_the_others_merged() -> None:
    (one,) = merged("aaa")
    k = one.k
    assert alone(break_ksm(k, one.vma, one.address(1)), k) == 0
    settle(k)
    assert [PageKsm(one.page(n)) for n in range(3)] == [True, False, True]
    assert one.letters() == "aaa"
    audit(k)


def test_breaking_what_is_not_there_or_not_merged_changes_nothing() -> None:
    (one,) = areas("a")
    k, page = one.k, one.page(0)
    assert alone(break_ksm(k, one.vma, one.address(0)), k) == 0
    assert one.page(0) is page
    one.process.run(run_store(k, KSM_RUN_MERGE))
    assert one.page(0) is page
    audit(k)
