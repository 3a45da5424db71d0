"""mlock: pages that are brought in, counted, and stay."""

from __future__ import annotations

import pytest
from areas import AREA, Area, area
from building import alone, boot, settle
from mm.touched import mapped, swap_out

from kmm.hw.memory import PAGE_SHIFT, PAGE_SIZE, VirtAddr
from kmm.kernel.syscalls import (
    sys_madvise,
    sys_mlock,
    sys_mmap,
    sys_mprotect,
    sys_munlock,
)
from kmm.mm.audit import audit
from kmm.mm.errno import ENOMEM
from kmm.mm.madvise import MADV_RANDOM
from kmm.mm.mm_types import MM_ANONPAGES, VM_LOCKED
from kmm.mm.mmap import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_LOCKED,
    MAP_PRIVATE,
    PROT_READ,
    PROT_WRITE,
)
from kmm.mm.pgtable import PMD_SIZE, pte_present, pte_special
from kmm.mm.rmap import SWAP_MLOCK, TTU_IGNORE_ACCESS, TTU_UNMAP, try_to_unmap
from kmm.mm.vma import vma_pages


def start(pages: int = 4, **config: int) -> Area:
    """A program that has touched nothing yet."""
    return area(boot("2.6.34", **{"frames": 64, **config}), pages)


def filled(letters: str, **config: int) -> Area:
    one = start(len(letters), **config)
    one.fill_all(letters)
    settle(one.k)
    return one


def lock(one: Area, page: int, pages: int) -> int:
    return lock_bytes(one, one.address(page), pages * PAGE_SIZE)


def lock_bytes(one: Area, start: int, length: int) -> int:
    return one.process.run(sys_mlock(one.k, one.process.task, start, length))


def unlock(one: Area, page: int, pages: int) -> int:
    return unlock_bytes(one, one.address(page), pages * PAGE_SIZE)


def unlock_bytes(one: Area, start: int, length: int) -> int:
    return one.process.run(sys_munlock(one.k, one.process.task, start, length))


def protect(one: Area, page: int, pages: int, prot: int) -> None:
    where, length = one.address(page), pages * PAGE_SIZE
    call = sys_mprotect(one.k, one.process.task, where, length, prot)
    assert one.process.run(call) == 0


def picture(one: Area) -> str:
    """L for each page that is locked, u for others, a dot for a hole, | between VMAs.

    What is counted as locked must agree.
    """
    text, place, locked = "", AREA, 0
    for vma in one.process.mm.mmap:
        hole = (vma.vm_start - place) >> PAGE_SHIFT
        text += "." * hole or "|" * bool(text)
        is_locked = bool(vma.vm_flags & VM_LOCKED)
        text += ("L" if is_locked else "u") * vma_pages(vma)
        locked += vma_pages(vma) * is_locked
        place = vma.vm_end
    assert one.process.mm.locked_vm == locked
    return text


def present(one: Area) -> list[int]:
    """The pages that are in memory."""
    return [page for page in range(one.pages) if pte_present(one.pte(page))]


# Bringing in.


def test_locked_pages_are_there_before_anybody_touches_them() -> None:
    one = start()
    assert lock(one, 1, 2) == 0
    assert picture(one) == "u|LL|u"
    assert present(one) == [1, 2]
    assert not any(pte_special(one.pte(page)) for page in (1, 2)), "pages of its own"
    faults = one.process.task.min_flt
    one.fill(1, "x")
    assert one.letter(2) == "\0"
    assert one.process.task.min_flt == faults
    audit(one.k)


def test_what_is_there_already_is_left_as_it_is() -> None:
    one = filled("abcd")
    pages = one.pfns()
    assert lock(one, 0, 4) == 0
    assert (one.pfns(), one.letters()) == (pages, "abcd")
    audit(one.k)


def test_what_is_in_swap_comes_back() -> None:
    one = filled("ab", swap_slots=8)
    swap_out(one, 1)
    assert lock(one, 0, 2) == 0
    assert present(one) == [0, 1]
    assert one.letters() == "ab"
    audit(one.k)


def test_memory_that_may_only_be_read_gets_no_frames() -> None:
    one = start()
    protect(one, 0, 4, PROT_READ)
    assert lock(one, 0, 4) == 0
    assert present(one) == [0, 1, 2, 3]
    assert one.process.mm.rss_stat[MM_ANONPAGES] == 0
    assert one.letters() == "\0\0\0\0"
    audit(one.k)


def test_a_file_s_pages_are_brought_into_memory() -> None:
    one, mapping = mapped(shared=True, pages=2, size=2)
    assert mapping.page_tree == {}
    assert lock(one, 0, 2) == 0
    assert present(one) == [0, 1]
    assert [one.page(0), one.page(1)] == [mapping.page_tree[0], mapping.page_tree[1]]
    audit(one.k)


def test_who_locks_after_fork_gets_copies_at_once() -> None:
    """So that no write will have to wait for memory later."""
    one = filled("ab")
    child = one.fork(cpu=1)
    assert lock(child, 0, 2) == 0
    assert {*child.pfns()}.isdisjoint(one.pfns())
    assert one.letters() == child.letters() == "ab"
    audit(one.k)


def test_a_mapping_can_be_locked_from_the_start() -> None:
    one = start(2)
    where, length = one.address(0), 2 * PAGE_SIZE
    flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_LOCKED
    prot = PROT_READ | PROT_WRITE
    call = sys_mmap(one.k, one.process.task, where, length, prot, flags)
    assert one.process.run(call) == where
    assert picture(one) == "LL"
    assert present(one) == [0, 1]


# Staying.


def unmap_if_allowed(one: Area, page: int) -> int:
    """What reclaim does to a page that nobody has used for long; what it is told."""
    found = one.page(page)

    async def unmap() -> int:
        async with found.locked:
            flags = TTU_UNMAP | TTU_IGNORE_ACCESS
            return await try_to_unmap(one.k, found, flags)

    return alone(unmap(), one.k)


def test_reclaim_is_refused_a_locked_page_until_it_is_unlocked() -> None:
    one = filled("ab", swap_slots=8)
    assert lock(one, 0, 1) == 0
    pte = one.pte(0)
    assert unmap_if_allowed(one, 0) == SWAP_MLOCK
    assert one.pte(0) == pte
    swap_out(one, 1)
    assert unlock(one, 0, 1) == 0
    swap_out(one, 0)
    assert one.letters() == "ab"
    audit(one.k)


def test_unlocked_pages_stay_where_they_are_for_the_time_being() -> None:
    one = filled("abcd")
    assert lock(one, 0, 4) == 0
    assert unlock(one, 1, 2) == 0
    assert picture(one) == "L|uu|L"
    assert present(one) == [0, 1, 2, 3]
    assert one.letters() == "abcd"


def test_unlocking_brings_nothing_in() -> None:
    one = start()
    protect(one, 1, 1, 0)
    assert unlock(one, 0, 4) == 0
    assert present(one) == []


def test_a_child_has_nothing_locked() -> None:
    one = filled("ab")
    assert lock(one, 0, 2) == 0
    child = one.fork(cpu=1)
    assert (picture(one), picture(child)) == ("LL", "uu")


# Counting.


def test_pages_are_counted_once_however_often_they_are_locked() -> None:
    one = start(6)
    for page, pages, expected in (
        (1, 3, "u|LLL|uu"),
        (2, 3, "u|LLLL|u"),
        (2, 1, "u|LLLL|u"),
        (0, 6, "LLLLLL"),
        (0, 6, "LLLLLL"),
    ):
        assert lock(one, page, pages) == 0
        assert picture(one) == expected
    for page, pages, expected in (
        (5, 1, "LLLLL|u"),
        (0, 2, "uu|LLL|u"),
        (1, 2, "uuu|LL|u"),
        (0, 6, "uuuuuu"),
        (0, 6, "uuuuuu"),
    ):
        assert unlock(one, page, pages) == 0
        assert picture(one) == expected
    audit(one.k)


def test_several_vmas_are_locked_in_one_call() -> None:
    one = start(6)
    protect(one, 2, 2, PROT_READ)
    assert lock(one, 1, 4) == 0
    assert picture(one) == "u|L|LL|L|u"
    assert unlock(one, 0, 6) == 0
    assert picture(one) == "uu|uu|uu"


def test_what_is_unmapped_is_counted_no_longer() -> None:
    one = start(6)
    assert lock(one, 1, 4) == 0
    one.unmap(0, 3)
    assert picture(one) == "...LL|u"
    one.unmap(3, 3)
    assert one.process.mm.locked_vm == 0
    audit(one.k)


def test_what_is_mapped_over_is_counted_no_longer() -> None:
    one = start(4)
    assert lock(one, 0, 4) == 0
    one.process.map_anonymous(one.address(1), 2)
    assert picture(one) == "L|uu|L"
    assert present(one) == [0, 3]


def test_locked_and_other_neighbours_stay_apart_until_they_are_alike() -> None:
    one = filled("abcd")
    assert lock(one, 0, 2) == 0
    protect(one, 0, 4, PROT_READ)
    protect(one, 0, 4, PROT_READ | PROT_WRITE)
    assert picture(one) == "LL|uu"
    assert lock(one, 2, 2) == 0
    assert picture(one) == "LLLL"
    assert one.letters() == "abcd"


# Ranges.


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        (0, 0, "uuuu"),
        (0, 1, "L|uuu"),
        (PAGE_SIZE, PAGE_SIZE + 1, "u|LL|u"),
        pytest.param(PAGE_SIZE - 1, 1, "L|uuu"),
        pytest.param(PAGE_SIZE - 1, 2, "LL|uu"),
        pytest.param(2 * PAGE_SIZE + 5, PAGE_SIZE, "uu|LL"),
    ],
)
def test_every_page_that_a_range_touches_is_locked_or_unlocked(
    offset: int, length: int, expected: str
) -> None:
    one = start()
    assert lock_bytes(one, AREA + offset, length) == 0
    assert picture(one) == expected
    one = start()
    assert lock(one, 0, 4) == 0
    assert unlock_bytes(one, AREA + offset, length) == 0
    opposite = expected.translate(str.maketrans("uL", "Lu"))
    assert picture(one) == opposite


def test_up_to_a_hole_pages_are_locked() -> None:
    one = start(6)
    one.unmap(3)
    assert lock(one, 1, 4) == -ENOMEM
    assert picture(one) == "u|LL.uu"
    assert unlock(one, 2, 4) == -ENOMEM
    assert picture(one) == "u|L|u.uu"


def test_a_range_that_begins_in_a_hole_or_ends_in_one_is_enomem() -> None:
    one = start(4)
    one.unmap(0)
    assert lock(one, 0, 3) == -ENOMEM
    assert picture(one) == ".uuu"
    assert lock(one, 2, 3) == -ENOMEM
    assert picture(one) == ".u|LL"
    assert unlock_bytes(one, AREA, PAGE_SIZE) == -ENOMEM


def test_memory_that_may_not_be_touched_is_locked_but_cannot_be_brought_in() -> None:
    one = start(3)
    protect(one, 1, 1, 0)
    assert lock(one, 0, 3) == -ENOMEM
    assert one.process.mm.locked_vm == 3
    assert present(one) == [0]


def test_a_range_goes_over_from_one_page_table_to_the_next() -> None:
    one = start(1)
    where = VirtAddr(AREA + PMD_SIZE - PAGE_SIZE)
    one.process.map_anonymous(where, 2)
    assert lock_bytes(one, where, 2 * PAGE_SIZE) == 0
    faults = one.process.task.min_flt
    for place in (where, VirtAddr(where + PAGE_SIZE)):
        one.process.store(place, b"x")
    assert one.process.task.min_flt == faults
    audit(one.k)


def test_locking_leaves_what_was_said_of_the_memory_alone() -> None:
    one = start(2)
    call = sys_madvise(one.k, one.process.task, AREA, 2 * PAGE_SIZE, MADV_RANDOM)
    assert one.process.run(call) == 0
    flags = one.vma.vm_flags
    assert lock(one, 0, 2) == 0
    assert one.vma.vm_flags == flags | VM_LOCKED
    assert unlock(one, 0, 2) == 0
    assert one.vma.vm_flags == flags
