"""KSM: what ksmd goes round, what it counts, and what it forgets."""

from __future__ import annotations

import pytest
from areas import area
from building import alone, boot, free_frames, settle
from mm.mergeable import FRAMES, areas, counters, merged, scan

from kmm.hw.memory import PAGE_SIZE
from kmm.kernel.process import start_process
from kmm.mm.audit import audit
from kmm.mm.errno import EINVAL
from kmm.mm.fault import FatalSignal
from kmm.mm.ksm import KSM_RUN_MERGE, KSM_RUN_UNMERGE, ksm_do_scan, run_store
from kmm.mm.madvise import MADV_MERGEABLE, MADV_UNMERGEABLE
from kmm.mm.mm_types import VM_MERGEABLE, PageKsm
from kmm.mm.pgtable import pte_present

# The counters of LTP's ksm01.


@pytest.mark.parametrize("pages", [2, 3, 8])
@pytest.mark.parametrize("processes", [3, 5])
def test_counters_follow_what_several_programs_write(
    pages: int, processes: int
) -> None:
    """c, a, a; then c, b, a; then all d; then all d but one page."""
    total = pages * processes
    rest = processes - 2
    made = areas("c" * pages, *["a" * pages] * (processes - 1))
    k = made[0].k
    scan(k, 3)
    assert counters(k) == (2, total - 2, 0)

    made[1].fill_all("b" * pages)
    scan(k, 3)
    assert counters(k) == (3, total - 3, 0)

    for one in made:
        one.fill_all("d" * pages)
    scan(k, 3)
    assert counters(k) == (1, total - 1, 0)

    made[1].fill(pages - 1, "e")
    scan(k, 3)
    assert counters(k) == (1, total - 2, 1)
    assert [one.letters() for one in made] == [
        "d" * pages,
        "d" * (pages - 1) + "e",
        *["d" * pages] * rest,
    ]
    audit(k)

    assert alone(run_store(k, KSM_RUN_UNMERGE), k) == 0
    settle(k)
    assert counters(k) == (0, 0, 0)
    assert made[1].letters() == "d" * (pages - 1) + "e"
    audit(k)


def test_run_takes_nothing_but_0_1_and_2() -> None:
    (one,) = merged("aa")
    assert alone(run_store(one.k, 3), one.k) == -EINVAL
    assert counters(one.k) == (1, 1, 0)
    audit(one.k)


def test_rounds_are_counted_until_all_is_unmerged() -> None:
    (one,) = areas("ab")
    scan(one.k, 3)
    assert one.k.ksm.scan.seqnr == 3
    alone(run_store(one.k, KSM_RUN_UNMERGE), one.k)
    assert one.k.ksm.scan.seqnr == 0
    audit(one.k)


# When a page is merged.


def test_pages_are_merged_in_the_second_round_in_which_they_were_quiet() -> None:
    one, other = areas("a", "a")
    scan(one.k)
    assert counters(one.k) == (0, 0, 0)
    assert one.page(0) is not other.page(0)
    scan(one.k)
    assert counters(one.k) == (1, 1, 0)
    assert one.page(0) is other.page(0)
    assert PageKsm(one.page(0))
    assert (one.page(0).count, one.page(0).mapcount) == (2, 1)
    audit(one.k)


def test_a_page_that_changes_from_round_to_round_is_left_alone() -> None:
    one, other = areas("a", "a")
    for letter in "bcde":
        scan(one.k)
        one.fill(0, letter)
        other.fill(0, letter)
    scan(one.k)
    assert counters(one.k) == (0, 0, 0)
    assert one.k.ksm.pages_volatile == 2
    scan(one.k)
    assert counters(one.k) == (1, 1, 0)
    audit(one.k)


def test_a_newcomer_is_merged_at_once_with_a_page_that_is_merged_already() -> None:
    one, _, late = areas("a", "a", "b")
    scan(one.k, 2)
    late.fill(0, "a")
    scan(one.k)
    assert counters(one.k) == (1, 2, 0)
    audit(one.k)


def test_pages_are_scanned_as_many_at_a_time_as_is_asked_for() -> None:
    (one,) = areas("aaaa")
    k = one.k
    for found in range(1, 5):
        alone(ksm_do_scan(k, 1), k)
        assert k.ksm.rmap_items == found
    assert k.ksm.scan.seqnr == 0
    alone(ksm_do_scan(k, 1), k)
    assert k.ksm.scan.seqnr == 1
    audit(k)


def test_memory_that_is_advised_between_two_rounds_is_in_the_next() -> None:
    (one,) = areas("a")
    scan(one.k)
    late = area(one.k, 1)
    late.advise(MADV_MERGEABLE)
    late.fill(0, "a")
    settle(one.k)
    scan(one.k)
    assert one.k.ksm.rmap_items == 2
    scan(one.k)
    assert counters(one.k) == (1, 1, 0)
    audit(one.k)


def test_memory_that_is_advised_during_a_round_is_left_to_the_next() -> None:
    one, _ = areas("a", "a")
    k = one.k
    alone(ksm_do_scan(k, 1), k)
    late = area(k, 1)
    late.advise(MADV_MERGEABLE)
    late.fill(0, "a")
    settle(k)
    scan(k)  # the rest of this round
    assert k.ksm.rmap_items == 2
    scan(k)
    assert k.ksm.rmap_items == 3
    audit(k)


def test_nothing_is_merged_that_was_not_advised() -> None:
    one, _ = areas("a", "a")
    third = area(one.k, 1)
    third.fill(0, "a")
    settle(one.k)
    scan(one.k, 3)
    assert counters(one.k) == (1, 1, 0)
    assert not PageKsm(third.page(0))
    audit(one.k)


def test_merging_gives_frames_back() -> None:
    made = areas("aaaa", "aaaa")
    before = free_frames(made[0].k)
    scan(made[0].k, 2)
    assert free_frames(made[0].k) == before + 7
    audit(made[0].k)


# Forks, and the ends of processes.


def test_a_childs_memory_may_be_merged_as_its_parents() -> None:
    (one,) = areas("ab")
    child = one.fork()
    child.fill_all("aa")
    one.fill_all("aa")
    settle(one.k)
    scan(one.k, 3)
    assert counters(one.k) == (1, 3, 0)
    assert child.vma.vm_flags & VM_MERGEABLE
    audit(one.k)


@pytest.mark.parametrize("rounds", [0, 1, 2, 3])
def test_the_end_of_a_process_leaves_nothing_behind(rounds: int) -> None:
    k = boot(frames=FRAMES, cpus=1)
    rest = start_process(k, "rest")  # who has the CPU afterwards
    rest_free = free_frames(k)
    one, other = area(k, 3), area(k, 3)
    for each in (one, other):
        each.advise(MADV_MERGEABLE)
        each.fill_all("aab")
    settle(k)
    scan(k, rounds)
    one.process.exit()
    settle(k)
    assert other.letters() == "aab"
    audit(k)
    scan(k, 3)
    assert other.letters() == "aab"
    # A page that was merged once stays KSM's, though only one place is left.
    assert counters(k) == ((1, 1, 1) if rounds < 2 else (2, 1, 0))
    other.process.exit()
    settle(k)
    assert k.ksm.rmap_items == 0
    assert k.ksm.mm_slots == []
    assert counters(k) == (0, 0, 0)
    audit(k)
    with pytest.raises(FatalSignal):  # it has no memory; but it has the CPU now
        rest.load(one.address(0), 1)
    settle(k)
    assert free_frames(k) == rest_free
    audit(k)


def test_a_process_can_end_in_the_middle_of_a_round() -> None:
    one, other, third = areas("aa", "aa", "aa")
    k = one.k
    scan(k)
    for each in (one, third):
        alone(ksm_do_scan(k, 1), k)
        each.process.exit()
    scan(k, 3)
    assert counters(k) == (1, 1, 0)
    assert other.letters() == "aa"
    assert k.ksm.rmap_items == 2
    audit(k)


# Taking merging back.


def test_memory_that_is_not_mergeable_any_more_has_its_own_pages_again() -> None:
    one, other = merged("aa", "aa")
    k = one.k
    assert one.advise(MADV_UNMERGEABLE) == 0
    settle(k)
    assert one.page(0) is not one.page(1)
    assert not PageKsm(one.page(0))
    assert not PageKsm(one.page(1))
    assert PageKsm(other.page(0))
    assert not one.vma.vm_flags & VM_MERGEABLE
    assert one.letters() + other.letters() == "aaaa"
    scan(k, 3)
    assert counters(k) == (1, 1, 0)
    audit(k)


def test_unmerging_all_keeps_the_address_spaces_and_merges_again_if_told_to() -> None:
    one, other = merged("aa", "aa")
    k = one.k
    assert alone(run_store(k, KSM_RUN_UNMERGE), k) == 0
    settle(k)
    pages = {each.page(n) for each in (one, other) for n in range(2)}
    assert len(pages) == 4
    assert all(pte_present(one.pte(n)) for n in range(2))
    assert len(k.ksm.mm_slots) == 2
    assert k.ksm.rmap_items == 0
    audit(k)
    assert alone(run_store(k, KSM_RUN_MERGE), k) == 0
    scan(k, 2)
    assert counters(k) == (1, 3, 0)
    audit(k)


def test_memory_that_is_unmapped_is_forgotten_in_the_next_round() -> None:
    (one,) = merged("aaab")
    assert counters(one.k) == (1, 2, 1)
    one.unmap(1, 3)
    scan(one.k)
    assert one.k.ksm.rmap_items == 1
    assert counters(one.k) == (1, 0, 0)
    assert one.process.load(one.address(0), PAGE_SIZE) == b"a" * PAGE_SIZE
    audit(one.k)
