"""Taking memory away: all of it becomes free, or all stays as it was."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from areas import Area, all_but, area_in
from building import alone, settle, use_up_memory

from kmm.designs import find_kernel
from kmm.kernel.syscalls import sys_mlock
from kmm.mm.audit import audit
from kmm.mm.boot import start_kernel
from kmm.mm.errno import EAGAIN, EBUSY, EINVAL, ENOMEM
from kmm.mm.kernel import Config, Kernel
from kmm.mm.ksm import ksm_do_scan
from kmm.mm.madvise import MADV_MERGEABLE
from kmm.mm.memory_hotplug import offline_pages
from kmm.mm.mm_types import PageKsm, PG_lru, PG_reserved
from kmm.mm.mmzone import MIGRATE_MOVABLE, MIGRATE_UNMOVABLE
from kmm.mm.page_alloc import get_page
from kmm.mm.swap import put_page
from kmm.mm.vmscan import isolate_lru_page, putback_lru_page

FRAMES, BLOCK = 512, 16  # page tables come from the upper half
RANGE = range(128, 256)  # what goes; free blocks never reach beyond it
LETTERS = "abcdefg"


def program(
    pfns: Sequence[int] = RANGE[::4],
    letters: str = LETTERS,
    frames: int = FRAMES,
    *,
    settled: bool = True,
) -> Area:
    """A program that has its pages in these frames."""
    config = Config(cpus=2, frames=frames, pageblock_order=4, min_free_kbytes=0)
    k = start_kernel(config, find_kernel("2.6.34"), all_but(range(frames), pfns))
    made = area_in(k, pfns, letters)
    if settled:
        settle(k)
    return made


def offline(k: Kernel, start: int = RANGE.start, end: int = RANGE.stop) -> int:
    error = alone(offline_pages(k, start, end), k)
    settle(k)
    return error


def contents(pages: int, letters: str = LETTERS) -> str:
    return "".join(letters[n % len(letters)] for n in range(pages))


def check_gone(k: Kernel, frames: range = RANGE) -> None:
    """The range is nobody's, and never handed out again."""
    for pfn in frames:
        page = k.mem_map[pfn]
        assert (page.flags, page.count, page.mapcount) == (PG_reserved, 0, -1)
    audit(k)
    taken = use_up_memory(k)
    assert taken
    assert not {page.pfn for page in taken} & set(frames)
    for page in taken:
        alone(put_page(k, page), k)
    audit(k)


def check_undone(one: Area) -> None:
    """All blocks can be used again, and nothing is lost."""
    k = one.k
    settle(k)
    types = {k.zones[0].pageblock_type(pfn) for pfn in RANGE[::BLOCK]}
    assert types == {MIGRATE_MOVABLE}
    assert not any(k.mem_map[pfn].flags & PG_reserved for pfn in RANGE)
    assert one.letters() == contents(one.pages)
    audit(k)
    free = {pfn for pfn in RANGE if k.mem_map[pfn].count == 0}
    taken = use_up_memory(k)
    assert {page.pfn for page in taken} >= free
    for page in taken:
        alone(put_page(k, page), k)
    audit(k)


# It works.


def test_a_range_that_is_all_free_is_just_taken() -> None:
    one = program([64, 65])
    before = one.pfns()
    present = one.k.zones[0].present_pages
    free = one.k.zones[0].nr_free_pages
    assert offline(one.k) == 0
    assert one.pfns() == before
    assert one.k.zones[0].present_pages == present - len(RANGE)
    assert one.k.zones[0].nr_free_pages == free - len(RANGE)
    check_gone(one.k)


def test_pages_in_the_range_move_out_of_it_and_keep_their_contents() -> None:
    one = program()
    assert offline(one.k) == 0
    assert not set(one.pfns()) & set(RANGE)
    assert one.letters() == contents(32)
    assert all(one.page(n).flags & PG_lru for n in range(32))
    check_gone(one.k)
    assert one.letters() == contents(32)


def test_pages_that_are_still_in_a_pagevec_move_as_well() -> None:
    one = program(settled=False)
    assert not one.page(31).flags & PG_lru
    assert offline(one.k) == 0
    assert not set(one.pfns()) & set(RANGE)
    assert one.letters() == contents(32)
    check_gone(one.k)


def test_more_pages_than_are_moved_at_a_time_all_move() -> None:
    frames = range(512, 1024)
    one = program(frames[:300], frames=2048)
    assert offline(one.k, frames.start, frames.stop) == 0
    assert one.letters() == contents(300)
    check_gone(one.k, frames)


def test_pages_that_several_programs_map_move_with_all_their_mappings() -> None:
    one = program(RANGE[:8])
    child = one.fork()
    assert offline(one.k) == 0
    assert one.pfns() == child.pfns()
    assert one.letters() == child.letters() == contents(8)
    child.fill(0, "X")
    assert one.letter(0) == "a"
    settle(one.k)
    check_gone(one.k)


def test_locked_memory_moves_too() -> None:
    one = program(RANGE[:4])
    one.process.run(sys_mlock(one.k, one.process.task, one.address(0), 4 * 4096))
    assert offline(one.k) == 0
    assert one.letters() == contents(4)
    check_gone(one.k)


def test_pages_of_ksm_move_here_and_here_only_and_stay_merged() -> None:
    one = program(RANGE[:8], "aabb")
    k = one.k
    assert one.advise(MADV_MERGEABLE) == 0
    merge(k, 4)
    assert len(set(one.pfns())) == 2
    assert set(one.pfns()) <= set(RANGE)
    counters = (k.ksm.pages_shared, k.ksm.pages_sharing)
    assert counters == (2, 6)
    assert offline(k) == 0
    assert not set(one.pfns()) & set(RANGE)
    assert len(set(one.pfns())) == 2
    assert all(PageKsm(one.page(n)) for n in range(8))
    assert (k.ksm.pages_shared, k.ksm.pages_sharing) == counters
    assert {node.kpfn for node in k.ksm.stable_tree} == set(one.pfns())
    assert one.letters() == "aabbaabb"
    check_gone(k)
    one.fill(0, "b")
    settle(k)
    merge(k, 3)
    assert (k.ksm.pages_shared, k.ksm.pages_sharing) == (2, 6)
    assert one.letters() == "babbaabb"
    audit(k)


def merge(k: Kernel, rounds: int) -> None:
    for _ in range(rounds):
        alone(ksm_do_scan(k, 1000), k)
        settle(k)


def test_nodes_of_pages_that_are_no_more_are_forgotten_with_their_memory() -> None:
    one = program(RANGE[:4], "a")
    k = one.k
    one.advise(MADV_MERGEABLE)
    merge(k, 4)
    one.unmap(0, 4)
    settle(k)
    assert [node.kpfn in RANGE for node in k.ksm.stable_tree] == [True]
    assert offline(k) == 0
    assert k.ksm.stable_tree == []
    assert (k.ksm.pages_shared, k.ksm.pages_sharing) == (0, 0)
    check_gone(k)


def test_a_program_goes_on_beside_memory_that_is_gone() -> None:
    one = program()
    assert offline(one.k) == 0
    for page in range(32):
        one.fill(page, "x")
    child = one.fork()
    child.fill_all("y" * 32)
    settle(one.k)
    assert one.letters() + child.letters() == "x" * 32 + "y" * 32
    assert not set(child.pfns()) & set(RANGE)
    child.process.exit()
    settle(one.k)
    check_gone(one.k)


def test_two_ranges_can_go_one_after_the_other() -> None:
    one = program()
    assert offline(one.k) == 0
    assert offline(one.k, 64, 128) == 0
    assert one.letters() == contents(32)
    check_gone(one.k, range(64, 256))


# It does not.


@pytest.mark.parametrize(
    ("start", "end"),
    [(129, 256), (128, 255), (120, 136), (128, 128), (256, 128), (128, 528), (-16, 16)],
)
def test_a_range_of_other_than_whole_blocks_is_invalid(start: int, end: int) -> None:
    one = program()
    before = one.pfns()
    assert offline(one.k, start, end) == -EINVAL
    assert one.pfns() == before
    check_undone(one)


def test_a_range_with_a_block_of_unmovable_pages_is_busy() -> None:
    one = program()
    before = one.pfns()
    one.k.zones[0].set_pageblock_type(RANGE.start + BLOCK, MIGRATE_UNMOVABLE)
    assert offline(one.k) == -EBUSY
    assert one.pfns() == before
    one.k.zones[0].set_pageblock_type(RANGE.start + BLOCK, MIGRATE_MOVABLE)
    check_undone(one)


def test_a_range_with_a_page_that_is_not_on_the_lru_is_busy_and_nothing_moves() -> None:
    one = program()
    page, before = one.page(3), one.pfns()
    assert alone(isolate_lru_page(one.k, page))
    assert offline(one.k) == -EBUSY
    assert one.pfns() == before
    alone(putback_lru_page(one.k, page))
    check_undone(one)


def test_a_pinned_page_holds_its_range_until_it_is_let_go() -> None:
    one = program()
    page = one.page(3)
    alone(get_page(page))
    assert offline(one.k) == -EAGAIN
    assert one.page(3) is page
    assert not any(page.flags & PG_reserved for page in map(one.page, range(32)))
    alone(put_page(one.k, page))
    audit(one.k)
    assert offline(one.k) == 0
    assert one.letters() == contents(32)
    check_gone(one.k)


def test_without_memory_elsewhere_the_range_stays() -> None:
    one = program()
    k = one.k
    taken = use_up_memory(k)
    for page in taken:
        if page.pfn in RANGE:
            alone(put_page(k, page), k)
    for pfn in RANGE[::BLOCK]:
        k.zones[0].set_pageblock_type(pfn, MIGRATE_MOVABLE)
    before = one.pfns()
    assert offline(k) == -ENOMEM
    assert one.pfns() == before
    for page in taken:
        if page.pfn not in RANGE:
            alone(put_page(k, page), k)
    check_undone(one)
