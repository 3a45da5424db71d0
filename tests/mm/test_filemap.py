"""The page cache: one page for each place in a file, made when it is wanted."""

from __future__ import annotations

import pytest
from building import alone, boot, free_frames, is_free, settle, thread, use_up_memory

from kmm.hw.memory import PAGE_SHIFT, PAGE_SIZE, PhysAddr
from kmm.mm.audit import audit
from kmm.mm.filemap import (
    NotInFile,
    add_new_page,
    find_get_page,
    find_lock_page,
    find_or_create_page,
    new_mapping,
    shmem_file,
    truncate_inode_pages,
)
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import (
    AddressSpace,
    Page,
    PageAnon,
    PG_lru,
    PG_swapbacked,
    PG_unevictable,
    PG_uptodate,
)
from kmm.mm.swap import put_page
from kmm.mm.vmstat import global_page_state
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor


def a_file(k: Kernel, pages: int = 2) -> AddressSpace:
    mapping = new_mapping(k, "file")
    mapping.size = pages * PAGE_SIZE
    return mapping


def looked_up(k: Kernel, mapping: AddressSpace, index: int = 0) -> Page:
    """A page of a file, as its finder leaves it: locked, and with a reference."""
    page = alone(find_lock_page(k, mapping, index))
    assert page is not None
    return page


def let_go(k: Kernel, page: Page) -> None:
    alone(page.locked.unlock())
    alone(put_page(k, page), k)


def test_a_page_that_nobody_has_written_is_made_of_zeros_and_belongs_to_the_file() -> (
    None
):
    k = boot()
    mapping = a_file(k)
    page = looked_up(k, mapping, 1)
    assert k.memory.read(PhysAddr(page.pfn << PAGE_SHIFT), PAGE_SIZE) == bytes(
        PAGE_SIZE
    )
    assert (page.mapping, page.index) == (mapping, 1)
    assert page.flags & PG_uptodate
    assert not PageAnon(page)
    assert page.locked_now
    let_go(k, page)
    settle(k)
    assert page.count == 1, "the file's own"
    audit(k)


def test_whoever_looks_again_gets_the_same_page() -> None:
    k = boot()
    mapping = a_file(k)
    page = looked_up(k, mapping)
    let_go(k, page)
    assert looked_up(k, mapping) is page
    let_go(k, page)
    assert alone(find_get_page(mapping, 0)) is page
    assert alone(find_get_page(mapping, 1)) is None
    assert looked_up(k, mapping, 1) is not page
    assert global_page_state(k, "nr_file_pages") == 2


def test_a_page_of_memory_files_is_no_candidate_for_reclaim() -> None:
    k = boot()
    page = looked_up(k, a_file(k))
    settle(k)
    assert page.flags & (PG_lru | PG_unevictable | PG_swapbacked) == (
        PG_lru | PG_unevictable | PG_swapbacked
    )
    assert global_page_state(k, "nr_unevictable") == 1


@pytest.mark.parametrize(("size", "pages"), [(0, 0), (1, 1), (PAGE_SIZE, 1)])
def test_a_file_ends_with_the_page_of_its_last_byte(size: int, pages: int) -> None:
    k = boot()
    mapping = new_mapping(k, "file")
    mapping.size = size
    for index in range(pages):
        let_go(k, looked_up(k, mapping, index))
    with pytest.raises(NotInFile):
        alone(find_lock_page(k, mapping, pages), k)
    assert len(mapping.page_tree) == pages


def test_who_writes_gets_a_page_beyond_the_end_too() -> None:
    k = boot()
    mapping = a_file(k, 0)
    page = alone(find_or_create_page(k, mapping, 3))
    assert page is not None
    assert page.locked_now
    assert mapping.page_tree == {3: page}
    let_go(k, page)


def test_without_a_frame_there_is_no_page() -> None:
    k = boot()
    mapping = a_file(k)
    taken = use_up_memory(k)
    assert alone(find_lock_page(k, mapping, 0), k) is None
    assert mapping.page_tree == {}
    alone(put_page(k, taken[0]), k)
    assert alone(find_lock_page(k, mapping, 0), k) is taken[0]


def test_who_adds_a_page_that_is_there_already_gets_that_one() -> None:
    k = boot()
    mapping = a_file(k)
    first = alone(add_new_page(k, mapping, 0), k)
    before = free_frames(k)
    assert alone(add_new_page(k, mapping, 0), k) is first
    assert free_frames(k) == before
    assert global_page_state(k, "nr_file_pages") == 1


def test_two_who_want_a_page_at_once_get_one_page_in_turn() -> None:
    """Over all interleavings."""

    def boot_race() -> Machine:
        k = boot(frames=8)
        mapping = a_file(k)
        got: list[Page] = []

        async def want() -> None:
            page = await find_lock_page(k, mapping, 0)
            assert page is not None
            got.append(page)
            await page.locked.unlock()
            await put_page(k, page)

        def check() -> None:
            assert got[0] is got[1]
            assert global_page_state(k, "nr_file_pages") == 1
            settle(k)
            audit(k)

        return Machine([thread(0, want()), thread(1, want())], check)

    assert search(boot_race, SourceDpor()).verdict == "proved"


def test_a_file_that_goes_gives_its_pages_back() -> None:
    k = boot()
    before = free_frames(k)
    mapping = a_file(k)
    pages = [looked_up(k, mapping, index) for index in range(2)]
    for page in pages:
        let_go(k, page)
    alone(truncate_inode_pages(k, mapping), k)
    settle(k)
    assert mapping.page_tree == {}
    assert all(is_free(page) for page in pages)
    assert free_frames(k) == before
    assert global_page_state(k, "nr_file_pages") == 0
    assert global_page_state(k, "nr_unevictable") == 0
    audit(k)


def test_a_page_that_is_still_held_outlives_its_file_and_belongs_to_none() -> None:
    k = boot()
    mapping = a_file(k)
    page = looked_up(k, mapping)
    alone(page.locked.unlock())
    alone(truncate_inode_pages(k, mapping), k)
    settle(k)
    assert (page.count, page.mapping) == (1, None)
    alone(put_page(k, page), k)
    assert is_free(page)


def test_who_waits_for_a_page_while_the_file_goes_does_not_get_that_page() -> None:
    """Over all interleavings: the page that is found belongs to the file."""

    def boot_race() -> Machine:
        k = boot(frames=8)
        mapping = a_file(k)
        old = looked_up(k, mapping)
        let_go(k, old)
        settle(k)

        async def want() -> None:
            page = await find_lock_page(k, mapping, 0)
            assert page is not None
            assert page.mapping is mapping
            await page.locked.unlock()
            await put_page(k, page)

        def check() -> None:
            settle(k)
            audit(k)

        threads = [thread(0, want()), thread(1, truncate_inode_pages(k, mapping))]
        return Machine(threads, check)

    assert search(boot_race, SourceDpor()).verdict == "proved"


def test_shared_memory_is_a_file_of_whole_pages() -> None:
    k = boot()
    one = shmem_file(k, PAGE_SIZE + 1)
    other = shmem_file(k, 1)
    assert one.f_mapping.size == 2 * PAGE_SIZE
    assert one.f_mapping is not other.f_mapping
    assert k.mappings[one.f_mapping.name] is one.f_mapping
