"""Page frames: which zone gives them, who gets them, and when they are free again."""

from __future__ import annotations

import pytest
from building import alone, boot, free_frames, is_free, lru_pages, settle, thread
from mm.frames import MIB, MOVABLE_ATOMIC, blocks, give, grouped, take_all, taken

from kmm.hw.memory import PAGE_SIZE, PhysAddr
from kmm.mm.boot import RESERVED_FRAMES
from kmm.mm.gfp import (
    GFP_ATOMIC,
    GFP_DMA,
    GFP_DMA32,
    GFP_IS_RECLAIMABLE,
    GFP_KERNEL,
    GFP_THISNODE,
    GFP_ZERO,
)
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Page, PG_swapbacked
from kmm.mm.page_alloc import (
    ALLOC_HARDER,
    ALLOC_HIGH,
    alloc_page,
    alloc_zeroed_page,
    compaction_deferred,
    defer_compaction,
    drain_all_pages,
    drain_pages,
    free_pages,
    get_page,
    get_page_unless_zero,
    zone_watermark_ok,
    zonelist,
)
from kmm.mm.swap import lru_cache_add_active_anon, put_page
from kmm.sim.failure import Leak
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor

# Taking a page.


def test_the_lowest_free_frame_of_a_small_machine_goes_first() -> None:
    k = boot(frames=4)
    pages = [alone(alloc_page(k, GFP_ATOMIC)) for _ in range(3)]
    assert [page.pfn if page else None for page in pages] == [2, 3, None]


def test_the_kernels_own_frames_are_never_handed_out() -> None:
    k = boot(frames=4)
    assert free_frames(k) == 4 - RESERVED_FRAMES
    assert k.zero_page.pfn < RESERVED_FRAMES


def test_a_zeroed_frame_holds_nothing_of_its_last_user() -> None:
    k = boot(frames=4)
    page = taken(k, GFP_KERNEL)
    k.memory.write(PhysAddr(page.pfn * PAGE_SIZE), b"secret")
    alone(put_page(k, page))
    again = alone(alloc_zeroed_page(k))
    assert again is page
    assert k.memory.read(PhysAddr(page.pfn * PAGE_SIZE), 6) == bytes(6)


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


# The lists of each CPU.


def test_a_cpu_takes_a_batch_and_hands_it_out_in_the_order_in_which_it_was_taken() -> (
    None
):
    k = boot(frames=64 * MIB)
    zone = k.zones[-1]
    pcp = zone.pageset[0]
    first = taken(k, MOVABLE_ATOMIC)
    assert (pcp.batch, pcp.count) == (3, 2)
    others = [taken(k, MOVABLE_ATOMIC) for _ in range(2)]
    assert [page.pfn - first.pfn for page in others] == [1, 2]
    assert pcp.count == 0


def test_the_page_that_was_freed_last_is_handed_out_first_on_the_same_cpu() -> None:
    k = boot(frames=64 * MIB)
    pages = [taken(k, MOVABLE_ATOMIC) for _ in range(2)]
    for page in pages:
        alone(free_pages(k, page, 0), k)
    other = taken(k, MOVABLE_ATOMIC, cpu=1)
    assert other not in pages, "another CPU does not know of it"
    assert taken(k, MOVABLE_ATOMIC) is pages[1]


def test_a_cpu_that_has_too_many_pages_gives_back_a_batch_the_oldest_first() -> None:
    k = boot(frames=64 * MIB)
    pcp = k.zones[-1].pageset[0]
    pages = [taken(k, MOVABLE_ATOMIC) for _ in range(18)]
    assert pcp.count == 0
    for page in pages[:17]:
        alone(free_pages(k, page, 0), k)
    assert pcp.count == pcp.high - 1
    alone(free_pages(k, pages[17], 0), k)
    assert pcp.count == pcp.high - pcp.batch
    kept = {page for pages in pcp.lists for page in pages}
    assert kept == set(pages[3:])


def test_a_small_zone_keeps_no_page_on_a_cpus_list() -> None:
    k = boot(frames=4096)
    before = blocks(k)
    page = taken(k)
    alone(free_pages(k, page, 0), k)
    assert blocks(k) == before


def test_a_cpu_gives_back_from_its_lists_in_turn() -> None:
    k = boot(frames=64 * MIB)
    pcp = k.zones[-1].pageset[0]
    kinds = (GFP_ATOMIC, GFP_ATOMIC | GFP_IS_RECLAIMABLE, MOVABLE_ATOMIC)
    pages = [[taken(k, gfp) for _ in range(6)] for gfp in kinds]
    for number in range(6):
        for pages_of_kind in pages:
            if pcp.count < pcp.high - 1:
                alone(free_pages(k, pages_of_kind[number], 0), k)
    assert [len(pages) for pages in pcp.lists] == [6, 6, 5]
    alone(free_pages(k, pages[2][5], 0), k)
    assert [len(pages) for pages in pcp.lists] == [5, 5, 5]


def test_drained_pages_are_back_in_their_blocks() -> None:
    k = boot(frames=64 * MIB)
    before = blocks(k)
    for cpu in (0, 1):
        alone(free_pages(k, taken(k, cpu=cpu), 0), k, cpu)
    assert blocks(k) != before
    alone(drain_pages(k, 0), k)
    assert [pcp.count for pcp in k.zones[-1].pageset] == [0, 3]
    alone(drain_all_pages(k), k)
    assert blocks(k) == before


# Which zone.


def test_the_highest_zone_that_will_do_is_the_best() -> None:
    k = boot(frames=(4096 + 64) * MIB)
    names = {
        gfp: [zone.name for zone in zonelist(k, 0, gfp)]
        for gfp in (GFP_KERNEL, GFP_DMA32, GFP_DMA)
    }
    assert names == {
        GFP_KERNEL: ["Normal", "DMA32", "DMA"],
        GFP_DMA32: ["DMA32", "DMA"],
        GFP_DMA: ["DMA"],
    }


def test_memory_of_the_cpus_own_node_is_best_and_others_may_be_excluded() -> None:
    k = boot(frames=64, nodes=2)
    assert [taken(k, cpu=cpu).zone.node for cpu in (0, 1)] == [0, 1]
    assert [zone.node for zone in zonelist(k, 1, GFP_KERNEL)] == [1, 0]
    assert [zone.node for zone in zonelist(k, 1, GFP_THISNODE)] == [1]


def test_another_node_helps_out_unless_it_must_be_this_one() -> None:
    k = boot(frames=64, nodes=2)
    here = [alone(alloc_page(k, GFP_ATOMIC | GFP_THISNODE, 1), k) for _ in range(33)]
    assert [page is None for page in here] == [False] * 32 + [True]
    page = alone(alloc_page(k, GFP_ATOMIC, 1), k)
    assert page is not None
    assert page.zone.node == 0


# Watermarks.


def watermark_ok(k: Kernel, order: int, mark: int, flags: int = 0) -> bool:
    return alone(zone_watermark_ok(k.zones[0], order, mark, "Normal", flags))


def test_taking_a_block_must_leave_more_than_the_mark() -> None:
    k = boot(frames=32)  # 30 frames are free
    assert watermark_ok(k, 0, 29)
    assert not watermark_ok(k, 0, 30)


def test_a_zone_keeps_something_from_those_who_could_go_to_a_higher_one() -> None:
    k = boot(frames=32)
    k.zones[0].lowmem_reserve = {"Normal": 10}
    assert watermark_ok(k, 0, 19)
    assert not watermark_ok(k, 0, 20)


@pytest.mark.parametrize(
    ("flags", "highest"),
    [
        (0, 29),
        (ALLOC_HIGH, 58),
        (ALLOC_HARDER, 38),
        (ALLOC_HIGH | ALLOC_HARDER, 76),
    ],
)
def test_some_may_go_below_the_mark(flags: int, highest: int) -> None:
    k = boot(frames=32)
    assert watermark_ok(k, 0, highest, flags)
    assert not watermark_ok(k, 0, highest + 1, flags)


def test_blocks_that_are_too_small_do_not_count_and_less_is_asked_for() -> None:
    k = boot(frames=32)
    take_all(k)
    for pfn in range(4, 20, 2):
        give(k, pfn)
    give(k, 24, order=2)
    # 12 pages, 8 of them single.  To take 4 leaves 9; 1 of them is in blocks of 2 or
    # more, where a half is asked for, and then a quarter.
    assert watermark_ok(k, 2, 1)
    assert not watermark_ok(k, 2, 2)
    assert watermark_ok(k, 0, 11), "for a single page they do"
    assert not watermark_ok(k, 3, 0), "there is no block of 8"


def test_what_is_kept_back_is_for_those_who_may_not_wait() -> None:
    k = grouped(min_free_kbytes=128)
    low = 40
    assert k.zones[0].watermark == [32, low, 48]
    frames = [alone(alloc_page(k, GFP_ATOMIC), k) for _ in range(256)]
    got = sum(page is not None for page in frames)
    # __GFP_HIGH may have half of the 32, and who cannot wait a quarter of the rest.
    assert free_frames(k) == 12
    assert got == 256 - RESERVED_FRAMES - 12


# Deferring compaction.


def test_compaction_that_fails_is_left_out_ever_more_often() -> None:
    zone = boot().zones[0]
    left_out = []
    for _ in range(8):
        assert not compaction_deferred(zone)
        defer_compaction(zone)
        tries = 0
        while compaction_deferred(zone):
            tries += 1
        left_out.append(tries)
    assert left_out == [1, 3, 7, 15, 31, 63, 63, 63]


# References and checks.


def test_a_frame_is_free_again_with_its_last_reference() -> None:
    k = boot(frames=4)
    page = taken(k, GFP_KERNEL)
    alone(get_page(page))
    alone(put_page(k, page))
    assert not is_free(page)
    alone(put_page(k, page))
    assert is_free(page)


def test_a_page_that_is_freed_leaves_the_lru() -> None:
    k = boot(frames=4)
    page = taken(k, GFP_KERNEL)
    page.flags |= PG_swapbacked
    alone(lru_cache_add_active_anon(k, page))
    settle(k)
    alone(put_page(k, page))
    assert lru_pages(k) == []
    assert is_free(page)


def test_a_free_page_gives_no_reference() -> None:
    page = boot().mem_map[5]
    assert not alone(get_page_unless_zero(page))
    assert page.count == 0


def test_a_page_that_is_freed_while_mapped_is_a_bad_page() -> None:
    k = boot(frames=4)
    page = taken(k, GFP_KERNEL)
    page.mapcount = 0
    with pytest.raises(Leak, match="Bad page state"):
        alone(put_page(k, page))


def test_a_block_stays_taken_until_its_last_reference_is_gone() -> None:
    k = boot(frames=32)
    page = taken(k, order=3)
    page.count += 1
    alone(free_pages(k, page, 3), k)
    assert not is_free(page)
    alone(free_pages(k, page, 3), k)
    assert is_free(k.mem_map[page.pfn + 7])


def test_a_block_that_is_freed_while_mapped_is_a_bad_page() -> None:
    k = boot(frames=32)
    page = taken(k, order=3)
    page.mapcount = 0
    with pytest.raises(Leak, match="Bad page state"):
        alone(free_pages(k, page, 3), k)


def test_every_frame_of_a_block_is_zeroed_if_that_is_asked_for() -> None:
    k = boot(frames=32)
    for pfn in range(RESERVED_FRAMES, 32):
        k.memory.frame(k.mem_map[pfn].pfn)[:6] = b"secret"
    page = taken(k, GFP_ATOMIC | GFP_ZERO, order=2)
    frames = [k.memory.frame(k.mem_map[page.pfn + n].pfn) for n in range(5)]
    assert [bytes(frame[:6]) for frame in frames] == [bytes(6)] * 4 + [b"secret"]
