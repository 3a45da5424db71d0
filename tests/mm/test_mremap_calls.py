"""mremap: mappings that shrink, grow and move, and what is read there afterwards."""

from __future__ import annotations

from collections import Counter

import pytest
from areas import AREA, Area, area
from building import alone, boot, free_frames, settle, use_up_memory
from mm.mergeable import merged
from mm.touched import map_again, mapped, swap_out

from kmm.designs import find_kernel, rmap_walk
from kmm.hw.memory import PAGE_SHIFT, PAGE_SIZE, VirtAddr
from kmm.kernel.process import Process
from kmm.kernel.syscalls import sys_mlock, sys_mmap, sys_mprotect, sys_mremap
from kmm.mm.audit import audit
from kmm.mm.boot import run_task
from kmm.mm.errno import EFAULT, EINVAL, ENOMEM
from kmm.mm.fault import SEGV_MAPERR, SIGBUS, FatalSignal
from kmm.mm.mm_types import (
    VM_ACCOUNT,
    VM_DONTEXPAND,
    VM_LOCKED,
    VM_PFNMAP,
    VM_READ,
    VM_WRITE,
    PageKsm,
)
from kmm.mm.mmap import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_SHARED,
    MMAP_BASE,
    PROT_READ,
    PROT_WRITE,
    TASK_SIZE,
)
from kmm.mm.mremap import MREMAP_FIXED, MREMAP_MAYMOVE
from kmm.mm.pgtable import PMD_SIZE
from kmm.mm.swap import put_page
from kmm.mm.vma import (
    SYSCTL_MAX_MAP_COUNT,
    find_vma,
    insert_vm_struct,
    vm_area_alloc,
    vma_pages,
)

TO_FIXED = MREMAP_FIXED | MREMAP_MAYMOVE
LETTERS = {VM_READ: "r", VM_READ | VM_WRITE: "w"}
WALKS = [answer.name for answer in rmap_walk.ANSWERS]


def start(letters: str = "abcd", walk: str = "local-lock", **config: int) -> Area:
    """A program that has filled its pages; a dot is one that it has not touched."""
    spec = find_kernel("2.6.34").with_answer("rmap-walk", walk)
    one = area(boot(spec, **{"frames": 64, **config}), len(letters))
    for page, letter in enumerate(letters):
        if letter != ".":
            one.fill(page, letter)
    settle(one.k)
    return one


def remap(one: Area, page: int, old: int, new: int, flags: int = 0, to: int = 0) -> int:
    """The same in pages from AREA on; where the mapping is now, or an error."""
    result = remap_bytes(
        one,
        one.address(page),
        old * PAGE_SIZE,
        new * PAGE_SIZE,
        flags,
        one.address(to),
    )
    return (result - AREA) >> PAGE_SHIFT if result > 0 else result


def remap_bytes(
    one: Area, start: int, old: int, new: int, flags: int = 0, to: int = 0
) -> int:
    call = sys_mremap(one.k, one.process.task, start, old, new, flags, to)
    result = one.process.run(call)
    settle(one.k)
    return result


def protect(one: Area, page: int, pages: int, prot: int) -> None:
    where, length = one.address(page), pages * PAGE_SIZE
    call = sys_mprotect(one.k, one.process.task, where, length, prot)
    assert one.process.run(call) == 0


def lock(one: Area, page: int, pages: int) -> None:
    where, length = one.address(page), pages * PAGE_SIZE
    assert one.process.run(sys_mlock(one.k, one.process.task, where, length)) == 0


def picture(one: Area) -> str:
    """Each VMA by a letter a page; "|" between neighbours, a dot for each page of hole.

    Everything must add up as well: references, pages mapped, pages locked.
    """
    audit(one.k)
    mm, text, place = one.process.mm, "", AREA
    sizes: Counter[bool] = Counter()
    for vma in mm.mmap:
        hole = (vma.vm_start - place) >> PAGE_SHIFT
        text += "." * hole or "|" * bool(text)
        text += LETTERS[vma.vm_flags & 7] * vma_pages(vma)
        sizes[bool(vma.vm_flags & VM_LOCKED)] += vma_pages(vma)
        place = vma.vm_end
    assert (mm.total_vm, mm.locked_vm) == (sizes.total(), sizes[True])
    return text


def contents(one: Area, pages: int) -> str:
    """What each page begins with; a dot for zeros, a blank where nothing is mapped."""
    found = ""
    for page in range(pages):
        try:
            found += one.letter(page).replace("\0", ".")
        except FatalSignal as fatal:
            found += " " if fatal.si_code == SEGV_MAPERR else "?"
    return found


# Shrinking.


def test_the_end_of_a_mapping_that_shrinks_is_gone() -> None:
    one = start("abcd")
    before = free_frames(one.k)
    assert remap(one, 0, 4, 2) == 0
    assert picture(one) == "ww"
    assert contents(one, 4) == "ab  "
    assert free_frames(one.k) == before + 2


def test_a_part_in_the_middle_can_shrink() -> None:
    one = start("abcd")
    assert remap(one, 0, 3, 1) == 0
    assert picture(one) == "w..w"
    assert contents(one, 4) == "a  d"


def test_what_shrinks_may_consist_of_several_vmas() -> None:
    one = start("abcd")
    protect(one, 1, 2, PROT_READ)
    assert remap(one, 0, 4, 2) == 0
    assert picture(one) == "w|r"
    assert contents(one, 4) == "ab  "


def test_a_mapping_of_the_same_size_stays_as_it_is() -> None:
    one = start("abcd")
    assert remap(one, 0, 4, 4, MREMAP_MAYMOVE) == 0
    assert remap_bytes(one, AREA, 4 * PAGE_SIZE - 7, 3 * PAGE_SIZE + 1) == AREA
    assert picture(one) == "wwww"
    assert contents(one, 4) == "abcd"


# Growing where it is.


def test_a_mapping_grows_into_free_space_and_has_zeros_there() -> None:
    one = start("ab")
    assert remap(one, 0, 2, 4) == 0
    assert picture(one) == "wwww"
    assert contents(one, 5) == "ab.. "
    one.fill(3, "d")
    assert contents(one, 5) == "ab.d "
    assert one.page(3).index == one.address(3) >> PAGE_SHIFT


def test_it_can_grow_by_its_last_page_alone() -> None:
    one = start("abcd")
    assert remap(one, 3, 1, 2) == 3
    assert picture(one) == "wwwww"
    assert contents(one, 5) == "abcd."


def test_it_grows_as_far_as_a_neighbour_but_not_over_it() -> None:
    one = start("ab....gh")
    one.unmap(2, 4)
    assert remap(one, 0, 2, 7) == -ENOMEM
    assert picture(one) == "ww....ww"
    assert remap(one, 0, 2, 6) == 0
    assert picture(one) == "wwwwww|ww", "2.6.34 does not merge it"
    assert contents(one, 8) == "ab....gh"


def test_only_the_end_of_a_vma_grows() -> None:
    one = start("abcd")
    assert remap(one, 0, 3, 5) == -ENOMEM
    assert remap(one, 1, 2, 3) == -ENOMEM
    assert picture(one) == "wwww"


def test_nothing_grows_beyond_where_a_program_s_addresses_end() -> None:
    one = start("a")
    last = VirtAddr(TASK_SIZE - PAGE_SIZE)
    one.process.map_anonymous(last, 1)
    assert remap_bytes(one, last, PAGE_SIZE, 2 * PAGE_SIZE) == -ENOMEM
    assert one.process.mm.total_vm == 2


@pytest.mark.parametrize("flag", [VM_DONTEXPAND, VM_PFNMAP])
def test_what_may_not_grow_is_efault(flag: int) -> None:
    one = start("ab")
    one.vma.vm_flags |= flag
    for flags in (0, MREMAP_MAYMOVE):
        assert remap(one, 0, 2, 3, flags) == -EFAULT
    assert picture(one) == "ww"


# Moving.


@pytest.mark.parametrize("walk", WALKS)
def test_pages_that_move_are_the_same_pages_and_found_at_their_new_place(
    walk: str,
) -> None:
    one = start("abcd", walk, swap_slots=16)
    frames = one.pfns()
    before = free_frames(one.k)
    assert remap(one, 0, 4, 4, TO_FIXED, to=6) == 6
    assert picture(one) == "......wwww"
    assert contents(one, 10) == "      abcd"
    assert [one.page(page).pfn for page in range(6, 10)] == frames
    assert free_frames(one.k) == before
    for page in range(6, 10):
        swap_out(one, page)
    assert contents(one, 10) == "      abcd"
    one.fill(7, "x")
    assert contents(one, 10) == "      axcd"
    audit(one.k)


@pytest.mark.parametrize(
    ("page", "left", "read"),
    [
        (0, "..ww..ww", "  cd  ab"),
        (1, "w..w..ww", "a  d  bc"),
        (2, "ww....ww", "ab    cd"),
    ],
)
def test_any_part_of_a_mapping_can_move(page: int, left: str, read: str) -> None:
    one = start("abcd")
    assert remap(one, page, 2, 2, TO_FIXED, to=6) == 6
    assert picture(one) == left
    assert contents(one, 8) == read
    assert all(vma.vm_flags & VM_ACCOUNT for vma in one.process.mm.mmap)


def test_what_moves_back_is_one_with_what_stayed() -> None:
    one = start("abcd", swap_slots=16)
    vma, anon_vma = one.vma, one.vma.anon_vma
    assert anon_vma is not None
    assert remap(one, 1, 2, 2, TO_FIXED, to=6) == 6
    assert remap(one, 6, 2, 2, TO_FIXED, to=1) == 1
    assert picture(one) == "wwww"
    assert one.process.mm.mmap == [vma]
    assert [avc.vma for avc in anon_vma.head] == [vma]
    for page in range(4):
        swap_out(one, page)
    assert contents(one, 8) == "abcd    "


def test_the_copy_of_a_vma_comes_after_it_on_the_lists_of_walks() -> None:
    one = start("abcd")
    vma, anon_vma = one.vma, one.vma.anon_vma
    assert anon_vma is not None
    assert remap(one, 2, 2, 2, TO_FIXED, to=6) == 6
    assert one.process.mm.mmap[0] is vma
    assert [avc.vma for avc in anon_vma.head] == one.process.mm.mmap


def test_pages_that_were_written_keep_their_numbers() -> None:
    """So what was moved beside a neighbour does not merge with it."""
    one = start("abcd")
    assert remap(one, 2, 2, 2, TO_FIXED, to=5) == 5
    assert remap(one, 5, 2, 2, TO_FIXED, to=8) == 8
    one.process.map_anonymous(one.address(6), 2)
    assert picture(one) == "ww....ww|ww"
    moved = one.process.mm.mmap[2]
    assert moved.vm_pgoff == one.address(2) >> PAGE_SHIFT
    assert [one.page(8).index, one.page(9).index] == [
        moved.vm_pgoff,
        moved.vm_pgoff + 1,
    ]


@pytest.mark.parametrize(
    ("page", "to", "expected"),
    [
        (0, 6, "..ww..www"),  # a neighbour above
        (0, 9, "..ww....www"),  # a neighbour below
        (0, 4, "..wwww..w"),  # what it is moved away from
        (1, 4, "w..www..w"),
        (2, 4, "ww..ww..w"),
    ],
)
def test_untouched_memory_is_numbered_anew_and_merges_with_a_neighbour(
    page: int, to: int, expected: str
) -> None:
    one = start("....")
    one.process.map_anonymous(one.address(8), 1)
    assert remap(one, page, 2, 2, TO_FIXED, to) == to
    assert picture(one) == expected
    assert all(vma.vm_flags & VM_ACCOUNT for vma in one.process.mm.mmap)
    assert all(
        vma.vm_pgoff == vma.vm_start >> PAGE_SHIFT for vma in one.process.mm.mmap
    )


def test_untouched_memory_may_be_swallowed_together_with_what_it_comes_from() -> None:
    """It fills the gap between a neighbour and the rest of its own VMA."""
    one = start("........")
    one.unmap(2, 2)
    below, _ = one.process.mm.mmap
    assert remap(one, 6, 2, 2, TO_FIXED, to=2) == 2
    assert picture(one) == "wwwwww"
    assert one.process.mm.mmap == [below]
    assert below.vm_flags & VM_ACCOUNT


def test_read_but_never_written_memory_moves_with_its_zeros() -> None:
    one = start("..")
    assert one.letters() == "\0\0"
    assert remap(one, 0, 2, 2, TO_FIXED, to=4) == 4
    one.fill(4, "x")
    assert contents(one, 6) == "    x."
    audit(one.k)


def test_every_cpu_forgets_the_old_place() -> None:
    one = start("ab")
    other = Process(one.k, run_task(one.k, "thread", 50, 1, one.process.mm))
    assert other.load(AREA, 1) == b"a"
    assert remap(one, 0, 2, 2, TO_FIXED, to=4) == 4
    for process in (one.process, other):
        with pytest.raises(FatalSignal):
            process.load(AREA, 1)
        assert process.load(one.address(4), 1) == b"a"


def test_rights_move_along() -> None:
    one = start("ab")
    protect(one, 1, 1, PROT_READ)
    assert remap(one, 1, 1, 1, TO_FIXED, to=4) == 4
    assert picture(one) == "w...r"
    with pytest.raises(FatalSignal):
        one.fill(4, "x")
    assert contents(one, 5) == "a   b"


def test_what_is_in_swap_moves_without_being_read_in() -> None:
    one = start("ab", swap_slots=8)
    swap_out(one, 1)
    entry = one.pte(1)
    assert remap(one, 0, 2, 2, TO_FIXED, to=4) == 4
    assert (one.pte(1), one.pte(5)) == (0, entry)
    assert contents(one, 6) == "    ab"
    assert picture(one) == "....ww"


@pytest.mark.parametrize("who", ["parent", "child"])
def test_pages_that_are_shared_after_fork_move_in_one_program_only(who: str) -> None:
    parent = start("ab", swap_slots=8)
    child = parent.fork(cpu=1)
    moves, stays = (parent, child) if who == "parent" else (child, parent)
    assert remap(moves, 0, 2, 2, TO_FIXED, to=4) == 4
    assert contents(moves, 6) == "    ab"
    assert contents(stays, 6) == "ab    "
    assert moves.page(4) is stays.page(0)
    swap_out(stays, 0)
    assert moves.pte(4) == stays.pte(0), "one walk finds the page in both"
    moves.fill(4, "x")
    assert contents(moves, 6) == "    xb"
    assert contents(stays, 6) == "ab    "
    audit(parent.k)


def test_more_pages_than_are_moved_in_one_go_and_over_the_end_of_a_table() -> None:
    letters = "abcdefg" * 10
    one = start(letters, frames=256)
    tables = one.process.mm.nr_ptes
    to = PMD_SIZE // PAGE_SIZE - 3
    assert remap(one, 0, 70, 70, TO_FIXED, to=to) == to
    assert "".join(one.letter(page) for page in range(to, to + 70)) == letters
    assert one.process.mm.nr_ptes == tables + 1
    assert remap(one, to, 70, 70, TO_FIXED, to=1) == 1
    assert contents(one, 71) == " " + letters
    assert one.process.mm.nr_ptes == tables
    audit(one.k)


def test_parts_without_page_tables_are_passed_over() -> None:
    one = start("a")
    pages = PMD_SIZE // PAGE_SIZE
    one.process.map_anonymous(AREA, 3 * pages)
    one.fill(0, "a")
    one.fill(3 * pages - 1, "z")
    tables = one.process.mm.nr_ptes
    assert remap(one, 0, 3 * pages, 3 * pages, TO_FIXED, to=4 * pages) == 4 * pages
    assert one.process.mm.nr_ptes == tables
    assert (one.letter(4 * pages), one.letter(7 * pages - 1)) == ("a", "z")
    assert one.letter(5 * pages) == "\0"
    audit(one.k)


# Moving and changing size.


def test_what_cannot_grow_where_it_is_moves_if_it_may() -> None:
    one = start("abcd")
    protect(one, 2, 2, PROT_READ)
    assert remap(one, 0, 2, 4) == -ENOMEM
    where = remap_bytes(one, AREA, 2 * PAGE_SIZE, 4 * PAGE_SIZE, MREMAP_MAYMOVE)
    assert where == MMAP_BASE - 4 * PAGE_SIZE, "the highest gap that is long enough"
    assert contents(one, 4) == "  cd"
    assert one.process.load(VirtAddr(where), 1) == b"a"
    assert one.process.load(VirtAddr(where + PAGE_SIZE), 1) == b"b"
    assert one.process.load(VirtAddr(where + 3 * PAGE_SIZE), 1) == b"\0"
    assert one.process.mm.total_vm == 6
    audit(one.k)


def test_the_beginning_of_a_mapping_that_grows_moves_and_the_rest_stays() -> None:
    one = start("abcd")
    where = remap_bytes(one, AREA, PAGE_SIZE, 3 * PAGE_SIZE, MREMAP_MAYMOVE)
    assert where > 0
    assert contents(one, 4) == " bcd"
    assert one.process.load(VirtAddr(where), 1) == b"a"
    assert one.process.mm.total_vm == 6


def test_a_mapping_that_may_move_grows_where_it_is_if_it_can() -> None:
    one = start("ab")
    assert remap(one, 0, 2, 3, MREMAP_MAYMOVE) == 0
    assert picture(one) == "www"


@pytest.mark.parametrize(
    ("old", "new", "expected", "read"),
    [
        (4, 2, "......ww", "      ab  "),
        (2, 4, "..ww..wwww", "  cd  ab.."),
        (3, 1, "...w..w", "   d  a   "),
    ],
)
def test_a_mapping_changes_its_size_on_the_way_to_a_fixed_place(
    old: int, new: int, expected: str, read: str
) -> None:
    one = start("abcd")
    assert remap(one, 0, old, new, TO_FIXED, to=6) == 6
    assert picture(one) == expected
    assert contents(one, 10) == read


def test_what_is_at_a_fixed_place_is_replaced() -> None:
    one = start("abcdefgh")
    before = free_frames(one.k)
    assert remap(one, 0, 2, 2, TO_FIXED, to=4) == 4
    assert contents(one, 8) == "  cdabgh"
    assert picture(one) == "..ww|ww|ww"
    assert free_frames(one.k) == before + 2


def test_what_moves_right_beside_itself_does_not_overlap() -> None:
    one = start("..cd")
    assert remap(one, 2, 2, 2, TO_FIXED, to=4) == 4
    assert contents(one, 6) == "..  cd"
    assert remap(one, 4, 2, 2, TO_FIXED, to=2) == 2
    assert contents(one, 6) == "..cd  "


# What is refused.


OVERLAPPING = [
    (old, new, to)
    for old, new in ((2, 2), (1, 3), (3, 1), (2, 4))
    for to in range(2 - new, 1 + old)
    if to >= 0
]


@pytest.mark.parametrize(("old", "new", "to"), OVERLAPPING)
def test_a_fixed_place_that_overlaps_the_old_one_is_einval_and_nothing_changes(
    old: int, new: int, to: int
) -> None:
    one = start("abcdef")
    assert remap(one, 1, old, new, TO_FIXED, to) == -EINVAL
    assert picture(one) == "wwwwww"
    assert contents(one, 6) == "abcdef"


@pytest.mark.parametrize(
    ("address", "old", "new", "flags", "to"),
    [
        (AREA + 1, 1, 1, 0, 0),  # not at a page
        (AREA, 1, 0, 0, 0),  # to nothing
        (AREA, 1, 0, MREMAP_MAYMOVE, 0),
        (AREA, 1, 1, 4, 0),  # a flag that there is not
        (AREA, 1, 1, MREMAP_FIXED, AREA + 8 * PAGE_SIZE),  # fixed, but may not move
        (AREA, 1, 1, TO_FIXED, AREA + 8 * PAGE_SIZE + 1),  # to no page
        (AREA, 1, 1, TO_FIXED, TASK_SIZE),  # beyond all addresses
        (AREA, 1, 2, TO_FIXED, TASK_SIZE - PAGE_SIZE),
        (AREA, 1, TASK_SIZE, TO_FIXED, AREA + 8 * PAGE_SIZE),
    ],
)
def test_arguments_that_make_no_sense_are_einval(
    address: int, old: int, new: int, flags: int, to: int
) -> None:
    one = start("ab")
    new_length = new if new > PAGE_SIZE else new * PAGE_SIZE
    result = remap_bytes(one, address, old * PAGE_SIZE, new_length, flags, to)
    assert result == -EINVAL
    assert picture(one) == "ww"
    assert contents(one, 2) == "ab"


@pytest.mark.parametrize("flags", [0, MREMAP_MAYMOVE])
def test_a_range_that_is_not_all_in_one_vma_cannot_grow(flags: int) -> None:
    one = start("abcdef")
    protect(one, 2, 2, PROT_READ)
    one.unmap(5)
    for page, pages in ((0, 3), (1, 2), (4, 2), (5, 1)):
        assert remap(one, page, pages, 8, flags) == -EFAULT
    assert picture(one) == "ww|rr|w"
    assert contents(one, 6) == "abcde "


def test_a_range_over_several_vmas_does_not_move() -> None:
    """But what was at the new place is gone by then."""
    one = start("abcdef")
    protect(one, 1, 1, PROT_READ)
    assert remap(one, 0, 2, 2, TO_FIXED, to=4) == -EFAULT
    assert picture(one) == "w|r|ww"
    assert contents(one, 6) == "abcd  "


def test_with_too_few_vmas_left_nothing_moves() -> None:
    """It may take three more: the source falls in three, and the copy is new."""
    one = start("abc")
    mm = one.process.mm
    for number in range(SYSCTL_MAX_MAP_COUNT - 4):
        at = VirtAddr(AREA + (10 + 2 * number) * PAGE_SIZE)
        end = VirtAddr(at + PAGE_SIZE)
        insert_vm_struct(mm, vm_area_alloc(one.k, mm, at, end, VM_READ))
    assert mm.map_count == SYSCTL_MAX_MAP_COUNT - 3
    result = remap(one, 1, 1, 1, TO_FIXED, to=5)
    assert result == -ENOMEM
    assert mm.map_count == SYSCTL_MAX_MAP_COUNT - 3
    mm.mmap.pop()
    result = remap(one, 1, 1, 1, TO_FIXED, to=5)
    assert result == 5
    assert mm.map_count == SYSCTL_MAX_MAP_COUNT - 2
    assert contents(one, 6) == "a c  b"


@pytest.mark.parametrize("letters", ["abcd", "...."])
def test_without_memory_for_a_page_table_all_is_as_it_was(letters: str) -> None:
    """The first pages had moved already, into a table that was there."""
    one = start(letters, frames=48)
    assert contents(one, 4) == letters
    first = PMD_SIZE // PAGE_SIZE - 2
    one.process.map_anonymous(one.address(first - 1), 1)
    frames = [one.pte(page) for page in range(4)]
    taken = use_up_memory(one.k)
    assert remap(one, 0, 4, 4, TO_FIXED, to=first) == -ENOMEM
    for page in taken:
        alone(put_page(one.k, page), one.k)
    settle(one.k)
    assert [one.pte(page) >> PAGE_SHIFT for page in range(4)] == [
        frame >> PAGE_SHIFT for frame in frames
    ]
    assert contents(one, 6) == letters + "  "
    assert [vma_pages(vma) for vma in one.process.mm.mmap] == [4, 1]
    assert one.process.mm.total_vm == 5
    assert all(vma.vm_flags & VM_ACCOUNT for vma in one.process.mm.mmap)
    audit(one.k)


# Locked memory.


def test_locked_memory_stays_locked_and_is_counted_wherever_it_goes() -> None:
    one = start("abcdef")
    mm = one.process.mm
    lock(one, 1, 4)
    assert remap(one, 1, 4, 3) == 1
    assert picture(one) == "w|www.w"
    assert mm.locked_vm == 3
    assert remap(one, 1, 3, 4) == 1
    assert picture(one) == "w|wwww|w"
    assert mm.locked_vm == 4
    assert remap(one, 2, 2, 3, TO_FIXED, to=8) == 8
    assert picture(one) == "w|w..w|w..www"
    assert mm.locked_vm == 5
    assert remap(one, 8, 3, 1, TO_FIXED, to=2) == 2
    assert picture(one) == "w|ww.w|w"
    assert contents(one, 8) == "abc .f  "
    assert mm.locked_vm == 3
    one.unmap(0, 11)
    assert mm.locked_vm == 0


def test_what_replaces_locked_memory_is_locked_only_if_it_was() -> None:
    one = start("abcdef")
    lock(one, 4, 2)
    assert remap(one, 0, 2, 2, TO_FIXED, to=4) == 4
    assert one.process.mm.locked_vm == 0
    assert picture(one) == "..ww|ww"
    lock(one, 4, 1)
    assert remap(one, 4, 1, 1, TO_FIXED, to=2) == 2
    assert one.process.mm.locked_vm == 1
    assert contents(one, 6) == "  ad b"
    assert picture(one) == "..w|w.w"


# Files, and memory that is shared.


def test_a_file_s_mapping_moves_with_its_place_in_the_file() -> None:
    one, mapping = mapped(shared=True, pages=4, size=4)
    one.fill_all("abcd")
    other = map_again(one.k, mapping, shared=True, pages=4, cpu=1)
    assert remap(one, 2, 2, 2, TO_FIXED, to=6) == 6
    assert picture(one) == "ww....ww"
    assert contents(one, 8) == "ab    cd"
    moved = find_vma(one.process.mm, one.address(6))
    assert moved is not None
    assert moved.vm_pgoff == 2
    assert {id(vma) for vma in mapping.i_mmap} == {
        id(vma) for vma in (*one.process.mm.mmap, *other.process.mm.mmap)
    }
    assert len(mapping.i_mmap) == 3
    one.fill(7, "x")
    assert other.letters() == "abcx"
    audit(one.k)


def test_a_file_s_mapping_can_grow_beyond_the_file_but_not_be_used_there() -> None:
    one, _ = mapped(shared=True, pages=2, size=3)
    one.fill_all("ab")
    assert remap(one, 0, 2, 4) == 0
    assert contents(one, 3) == "ab."
    with pytest.raises(FatalSignal) as caught:
        one.letter(3)
    assert caught.value.signal == SIGBUS
    assert picture(one) == "wwww"


def test_shared_memory_resized_from_nothing_is_mapped_twice() -> None:
    one = start("..")
    flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED
    prot, length = PROT_READ | PROT_WRITE, 2 * PAGE_SIZE
    call = sys_mmap(one.k, one.process.task, AREA, length, prot, flags)
    assert one.process.run(call) == AREA
    one.fill(0, "a")
    assert remap(one, 0, 0, 2, TO_FIXED, to=4) == 4
    assert picture(one) == "ww..ww"
    one.fill(5, "b")
    assert contents(one, 6) == "ab  ab"
    assert one.page(0) is one.page(4)
    one.unmap(0, 6)
    assert one.k.mappings == {}, "the file goes with the last VMA that maps it"
    audit(one.k)


def test_merged_pages_are_the_program_s_own_again_when_they_have_moved() -> None:
    one, other = merged("aa", "aa")
    assert PageKsm(one.page(0))
    assert remap(one, 0, 2, 2, TO_FIXED, to=4) == 4
    pages = [one.page(4), one.page(5)]
    assert not any(PageKsm(page) for page in pages)
    assert pages[0] is not pages[1]
    assert PageKsm(other.page(0))
    assert contents(one, 6) == "    aa"
    assert contents(other, 2) == "aa"
    audit(one.k)
