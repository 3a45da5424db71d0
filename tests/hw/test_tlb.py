"""What a TLB keeps, and where: by page size, in sets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmm.hw.memory import PhysAddr, VirtAddr
from kmm.hw.paging import Translation
from kmm.hw.tlb import Geometry, Tlb, TlbSize


def found(page: int, shift: int = 12, *, is_global: bool = False) -> Translation:
    return Translation(
        VirtAddr(page << shift), shift, PhysAddr(page << shift), 7, False, is_global
    )


def small(entries: int, ways: int) -> Tlb:
    return Tlb(TlbSize(small=Geometry(entries, ways)))


def pages(tlb: Tlb) -> list[int]:
    return sorted(known.page >> known.shift for known in tlb)


@pytest.mark.parametrize("shift", [12, 21, 22, 30])
def test_a_page_is_found_by_any_address_in_it_and_by_no_other(shift: int) -> None:
    tlb = Tlb()
    known = found(5, shift)
    tlb.remember(known)
    for offset in (0, 1, (1 << shift) - 1):
        assert tlb.find(VirtAddr((5 << shift) + offset)) is known
    assert tlb.find(VirtAddr((5 << shift) - 1)) is None
    assert tlb.find(VirtAddr(6 << shift)) is None


def test_a_new_translation_takes_the_place_of_the_old_one() -> None:
    tlb = Tlb()
    tlb.remember(found(5))
    newer = found(5)
    tlb.remember(newer)
    assert list(tlb) == [newer]


def test_a_large_page_takes_the_place_of_a_small_one_at_its_start() -> None:
    tlb = Tlb()
    tlb.remember(found(512))
    tlb.remember(found(1, 21))
    assert [known.shift for known in tlb] == [21]


def test_a_full_set_drops_what_came_into_it_first() -> None:
    tlb = small(entries=8, ways=2)
    for page in (0, 4, 1, 8):
        tlb.remember(found(page))
    assert pages(tlb) == [1, 4, 8], "0, 4 and 8 share a set of two"
    assert tlb.counters.evictions == 1


def test_other_sets_have_room_of_their_own() -> None:
    tlb = small(entries=8, ways=2)
    for page in range(8):
        tlb.remember(found(page))
    assert pages(tlb) == list(range(8))
    assert tlb.counters.evictions == 0


def test_a_direct_mapped_tlb_keeps_one_page_a_set() -> None:
    tlb = small(entries=4, ways=1)
    for page in (0, 4, 0):
        tlb.remember(found(page))
    assert pages(tlb) == [0]
    assert tlb.counters.evictions == 2


def test_large_pages_do_not_take_room_from_small_ones() -> None:
    tlb = small(entries=2, ways=2)
    for page in range(2):
        tlb.remember(found(page))
    tlb.remember(found(9, 21))
    assert len(tlb) == 3


def test_forgetting_drops_one_page_of_any_size_global_or_not() -> None:
    tlb = Tlb()
    tlb.remember(found(7, is_global=True))
    tlb.remember(found(3, 21))
    tlb.forget(VirtAddr(7 << 12))
    tlb.forget(VirtAddr((3 << 21) + 12345))
    tlb.forget(VirtAddr(99 << 30))
    assert len(tlb) == 0
    assert tlb.counters.dropped == 2


def test_all_is_forgotten_but_what_is_global_may_be_kept() -> None:
    tlb = Tlb()
    tlb.remember(found(1))
    tlb.remember(found(2, is_global=True))
    tlb.remember(found(3, 21, is_global=True))
    tlb.forget_all(keep_global=True)
    assert pages(tlb) == [2, 3]
    tlb.forget_all(keep_global=False)
    assert len(tlb) == 0
    assert tlb.counters.dropped == 3


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 63)), st.sampled_from([1, 2, 4]))
def test_no_set_ever_holds_more_than_its_ways(touched: list[int], ways: int) -> None:
    tlb = small(entries=8, ways=ways)
    sets = 8 // ways
    for page in touched:
        tlb.remember(found(page))
        kept = pages(tlb)
        assert page in kept
        for number in range(sets):
            assert sum(p % sets == number for p in kept) <= ways
