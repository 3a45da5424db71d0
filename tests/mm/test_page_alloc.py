"""Frames: taken once, referenced, and free again with the last reference."""

from __future__ import annotations

import pytest
from building import alone, boot, free_frames, is_free, lru_pages, settle, thread

from kmm.hw.memory import PAGE_SIZE, PhysAddr
from kmm.mm.boot import RESERVED_FRAMES
from kmm.mm.gfp import GFP_ATOMIC, GFP_KERNEL
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Page, PG_swapbacked
from kmm.mm.page_alloc import (
    alloc_page,
    alloc_zeroed_page,
    get_page,
    get_page_unless_zero,
)
from kmm.mm.swap import lru_cache_add_active, put_page
from kmm.sim.failure import Leak
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor


def taken(k: Kernel) -> Page:
    page = alone(alloc_page(k, GFP_KERNEL))
    assert page is not None
    return page


def test_the_lowest_free_frame_of_a_small_machine_goes_first() -> None:
    k = boot(frames=4)
    pages = [alone(alloc_page(k, GFP_ATOMIC)) for _ in range(3)]
    assert [page.pfn if page else None for page in pages] == [2, 3, None]


def test_the_kernels_own_frames_are_never_handed_out() -> None:
    k = boot(frames=4)
    assert free_frames(k) == 4 - RESERVED_FRAMES
    assert k.zero_page.pfn < RESERVED_FRAMES


def test_a_frame_is_free_again_with_its_last_reference() -> None:
    k = boot(frames=4)
    page = taken(k)
    alone(get_page(page))
    alone(put_page(k, page))
    assert not is_free(page)
    alone(put_page(k, page))
    assert is_free(page)


def test_a_page_that_is_freed_leaves_the_lru() -> None:
    k = boot(frames=4)
    page = taken(k)
    page.flags |= PG_swapbacked
    alone(lru_cache_add_active(k, page))
    settle(k)
    alone(put_page(k, page))
    assert lru_pages(k) == []
    assert is_free(page)


def test_a_free_page_gives_no_reference() -> None:
    page = boot().mem_map[5]
    assert not alone(get_page_unless_zero(page))
    assert page.count == 0


def test_a_zeroed_frame_holds_nothing_of_its_last_user() -> None:
    k = boot(frames=4)
    page = taken(k)
    k.memory.write(PhysAddr(page.pfn * PAGE_SIZE), b"secret")
    alone(put_page(k, page))
    again = alone(alloc_zeroed_page(k))
    assert again is page
    assert k.memory.read(PhysAddr(page.pfn * PAGE_SIZE), 6) == bytes(6)


def test_a_page_that_is_freed_while_mapped_is_a_bad_page() -> None:
    k = boot(frames=4)
    page = taken(k)
    page.mapcount = 0
    with pytest.raises(Leak, match="Bad page state"):
        alone(put_page(k, page))


def test_two_cpus_never_get_the_same_frame() -> None:
    def boot_race() -> Machine:
        k = boot(frames=4)
        got: list[Page | None] = []

        async def take() -> None:
            got.append(await alloc_page(k, GFP_KERNEL))

        def check() -> None:
            if got[0] is got[1]:
                raise Leak("one frame for two")

        return Machine([thread(0, take()), thread(1, take())], check)

    assert search(boot_race, SourceDpor()).verdict == "proved"
