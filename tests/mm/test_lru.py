"""How pages get on the LRU lists, by way of pagevecs, and off them again."""

from __future__ import annotations

from itertools import permutations

import pytest
from building import alone, boot, is_free, lru_pages, settle, thread

from kmm.mm.boot import interrupt_threads
from kmm.mm.gfp import GFP_ATOMIC
from kmm.mm.kernel import Kernel
from kmm.mm.list_head import ListCorruption
from kmm.mm.mm_types import (
    Page,
    PG_active,
    PG_lru,
    PG_referenced,
    PG_swapbacked,
    PG_unevictable,
)
from kmm.mm.mmzone import (
    LRU_ACTIVE_ANON,
    LRU_ACTIVE_FILE,
    LRU_INACTIVE_ANON,
    LRU_INACTIVE_FILE,
    LRU_NAMES,
    LRU_UNEVICTABLE,
    NR_LRU_LISTS,
)
from kmm.mm.page_alloc import alloc_page, get_page
from kmm.mm.swap import (
    del_page_from_lru_list,
    lru_add_drain,
    lru_add_drain_all,
    lru_cache_add_active_anon,
    lru_cache_add_anon,
    lru_cache_add_file,
    lru_cache_add_lru,
    mark_page_accessed,
    page_lru,
    put_page,
)
from kmm.mm.vmscan import isolate_lru_page
from kmm.mm.vmstat import global_page_state
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor

ANON = (LRU_INACTIVE_ANON, LRU_ACTIVE_ANON)


def new_page(k: Kernel, lru: int = LRU_ACTIVE_ANON, cpu: int = 0) -> Page:
    page = alone(alloc_page(k, GFP_ATOMIC), k, cpu)
    assert page is not None
    if lru in ANON:
        page.flags |= PG_swapbacked
    return page


def added(k: Kernel, lru: int = LRU_ACTIVE_ANON, cpu: int = 0) -> Page:
    """A new page that is on its way to a list."""
    page = new_page(k, lru, cpu)
    alone(lru_cache_add_lru(k, page, lru), k, cpu)
    return page


def on_list(k: Kernel, lru: int) -> Page:
    page = added(k, lru)
    settle(k)
    return page


def lru_list(k: Kernel, lru: int) -> list[Page]:
    return list(k.zones[0].lru[lru])


# Joining.


def test_a_page_in_a_pagevec_is_on_no_list_and_has_a_reference_too_many() -> None:
    k = boot()
    page = added(k)
    assert lru_pages(k) == []
    assert not page.flags & PG_lru
    assert page.count == 2
    assert not alone(isolate_lru_page(k, page)), "nobody can take it off"


def test_once_it_is_drained_it_is_on_its_list_with_its_own_reference_only() -> None:
    k = boot()
    page = added(k)
    alone(lru_add_drain(k))
    assert lru_list(k, LRU_ACTIVE_ANON) == [page]
    assert page.flags & PG_lru
    assert page.count == 1
    assert alone(isolate_lru_page(k, page))


def test_the_fourteenth_page_takes_the_others_along() -> None:
    k = boot()
    pages = [added(k) for _ in range(13)]
    assert lru_pages(k) == []
    pages.append(added(k))
    assert lru_list(k, LRU_ACTIVE_ANON) == pages[::-1], "the newest comes first"
    assert {page.count for page in pages} == {1}
    assert added(k) not in lru_pages(k), "the next batch begins"


def test_each_list_has_a_pagevec_of_its_own() -> None:
    k = boot()
    pages = [added(k, lru) for lru in range(2) for _ in range(13)]
    assert lru_pages(k) == []
    last = added(k, LRU_INACTIVE_ANON)
    half = pages[:13]
    assert lru_pages(k) == [last, *half[::-1]]


@pytest.mark.parametrize("lru", range(NR_LRU_LISTS))
def test_a_page_is_on_the_list_that_its_flags_say_and_is_counted_there(
    lru: int,
) -> None:
    k = boot()
    page = on_list(k, lru)
    assert page_lru(page) == lru
    counts = [global_page_state(k, f"nr_{name}") for name in LRU_NAMES]
    assert counts == [int(number == lru) for number in range(NR_LRU_LISTS)]
    alone(put_page(k, page), k)
    assert not any(global_page_state(k, f"nr_{name}") for name in LRU_NAMES)


def test_new_pages_are_active_and_those_swapped_in_must_show_that_they_are_used() -> (
    None
):
    k = boot()
    new, swapped_in = new_page(k), new_page(k)
    of_file = new_page(k, LRU_INACTIVE_FILE)
    alone(lru_cache_add_active_anon(k, new), k)
    alone(lru_cache_add_anon(k, swapped_in), k)
    alone(lru_cache_add_file(k, of_file), k)
    settle(k)
    assert lru_list(k, LRU_ACTIVE_ANON) == [new]
    assert lru_list(k, LRU_INACTIVE_ANON) == [swapped_in]
    assert lru_list(k, LRU_INACTIVE_FILE) == [of_file]


def test_a_page_joins_the_list_of_its_own_zone() -> None:
    k = boot(frames=64, nodes=2)
    pages = [added(k, cpu=cpu) for cpu in (0, 1)]
    assert [page.zone for page in pages] == k.zones
    # Both wait at the same CPU.
    other = new_page(k, cpu=1)
    alone(lru_cache_add_active_anon(k, other), k, cpu=0)
    settle(k)
    assert [set(zone.lru[LRU_ACTIVE_ANON]) for zone in k.zones] == [
        {pages[0]},
        {pages[1], other},
    ]


# Draining.


def test_a_cpu_drains_its_own_pagevecs_only() -> None:
    k = boot(cpus=3)
    pages = [added(k, cpu=cpu) for cpu in range(3)]
    alone(lru_add_drain(k), k, cpu=1)
    assert lru_pages(k) == [pages[1]]


@pytest.mark.parametrize("cpu", range(3))
def test_draining_all_empties_the_pagevecs_of_every_cpu(cpu: int) -> None:
    k = boot(cpus=3)
    pages = [added(k, cpu=where) for where in range(3)]
    alone(lru_add_drain_all(k), k, cpu)
    assert set(lru_pages(k)) == set(pages)
    assert {page.count for page in pages} == {1}


def test_draining_all_drains_what_was_added_before_whoever_else_adds() -> None:
    """Over all interleavings with a CPU that adds one more."""
    seen = set()

    def boot_race() -> Machine:
        k = boot(frames=8)
        early, late = added(k, cpu=1), new_page(k)

        async def add() -> None:
            await lru_cache_add_active_anon(k, late)

        def check() -> None:
            assert early in lru_pages(k)
            seen.add(late in lru_pages(k))
            assert late.count == (1 if late in lru_pages(k) else 2)

        threads = [thread(0, lru_add_drain_all(k)), thread(1, add())]
        return Machine([*threads, *interrupt_threads(k)], check)

    assert search(boot_race, SourceDpor()).verdict == "proved"
    assert seen == {False, True}


# Being used.


def accessed(k: Kernel, page: Page) -> tuple[bool, bool]:
    """One more use; whether the page is active, and referenced, after it."""
    alone(mark_page_accessed(k, page), k)
    return bool(page.flags & PG_active), bool(page.flags & PG_referenced)


@pytest.mark.parametrize(
    ("inactive", "active"),
    [(LRU_INACTIVE_ANON, LRU_ACTIVE_ANON), (LRU_INACTIVE_FILE, LRU_ACTIVE_FILE)],
)
def test_a_page_that_is_used_twice_becomes_active(inactive: int, active: int) -> None:
    k = boot()
    page = on_list(k, inactive)
    assert accessed(k, page) == (False, True)
    assert accessed(k, page) == (True, False)
    assert lru_list(k, active) == [page]
    assert lru_list(k, inactive) == []
    assert accessed(k, page) == (True, True)
    assert accessed(k, page) == (True, True)


def test_a_page_that_waits_in_a_pagevec_is_not_made_active() -> None:
    k = boot()
    page = added(k, LRU_INACTIVE_ANON)
    for _ in range(3):
        assert accessed(k, page) == (False, True)
    settle(k)
    assert accessed(k, page) == (True, False)


def test_a_page_that_cannot_be_reclaimed_stays_where_it_is() -> None:
    k = boot()
    page = on_list(k, LRU_UNEVICTABLE)
    for _ in range(2):
        assert accessed(k, page) == (False, True)
    assert lru_list(k, LRU_UNEVICTABLE) == [page]


# Leaving.


@pytest.mark.parametrize("lru", range(NR_LRU_LISTS))
def test_the_last_reference_takes_a_page_off_its_list(lru: int) -> None:
    k = boot()
    page = on_list(k, lru)
    alone(get_page(page))
    alone(put_page(k, page), k)
    assert lru_pages(k) == [page]
    alone(put_page(k, page), k)
    assert lru_pages(k) == []
    assert is_free(page)
    assert not page.flags & (PG_lru | PG_active | PG_unevictable)


def test_a_page_that_only_a_pagevec_knows_is_free_once_that_is_drained() -> None:
    k = boot()
    page = added(k)
    alone(put_page(k, page), k)
    assert not is_free(page)
    settle(k)
    assert is_free(page)
    assert lru_pages(k) == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_page_leaves_from_anywhere_in_its_list(order: tuple[int, ...]) -> None:
    k = boot()
    pages = [on_list(k, LRU_ACTIVE_ANON) for _ in range(3)]
    left = pages[::-1]
    for number in order:
        alone(put_page(k, pages[number]), k)
        left.remove(pages[number])
        assert lru_list(k, LRU_ACTIVE_ANON) == left


def test_who_isolates_a_free_page_fails_in_the_kernels_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`get_page` where `get_page_unless_zero` must be: the page may be free by then."""

    async def get_page_always(page: Page) -> bool:
        await get_page(page)
        return True

    monkeypatch.setattr("kmm.mm.vmscan.get_page_unless_zero", get_page_always)

    def boot_race() -> Machine:
        k = boot(frames=8)
        page = on_list(k, LRU_ACTIVE_ANON)
        bodies = put_page(k, page), isolate_lru_page(k, page)
        return Machine([thread(n, body) for n, body in enumerate(bodies)])

    found = search(boot_race, SourceDpor(), stop_at_failure=False)
    assert found.failure is not None
    assert found.failure.message == "kernel BUG at mm/swap.c:VM_BUG_ON!"


def test_who_takes_a_page_off_its_list_twice_fails_in_the_kernels_words() -> None:
    k = boot(frames=8)
    page = on_list(k, LRU_ACTIVE_ANON)
    del_page_from_lru_list(page.zone, page)
    with pytest.raises(ListCorruption, match="list_del corruption") as caught:
        del_page_from_lru_list(page.zone, page)
    assert caught.value.details == (f"{page.name} is not on the list",)


def test_a_page_is_freed_or_isolated_but_never_both() -> None:
    """Over all interleavings of the last put_page with an isolation."""
    seen = set()

    def boot_race() -> Machine:
        k = boot(frames=8)
        page = on_list(k, LRU_ACTIVE_ANON)
        isolated: list[bool] = []

        async def isolate() -> None:
            isolated.append(await isolate_lru_page(k, page))

        def check() -> None:
            seen.add(isolated[0])
            assert is_free(page) != isolated[0]
            assert page.count == isolated[0]
            assert lru_pages(k) == []

        return Machine([thread(0, put_page(k, page)), thread(1, isolate())], check)

    assert search(boot_race, SourceDpor()).verdict == "proved"
    assert seen == {False, True}
