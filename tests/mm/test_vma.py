"""VMAs: found, merged, split, and known to the lists that lead to their pages."""

from __future__ import annotations

from itertools import groupby

import pytest
from areas import AREA, Area
from building import boot, thread
from mm.touched import mapped, swap_out

from kmm.designs import find_kernel, rmap_walk
from kmm.hw.memory import PAGE_SHIFT, PAGE_SIZE, VirtAddr
from kmm.kernel.process import start_process
from kmm.kernel.syscalls import sys_mmap, sys_mprotect, sys_munmap
from kmm.mm.audit import audit
from kmm.mm.errno import ENOMEM
from kmm.mm.mm_types import (
    VM_DONTEXPAND,
    VM_EXEC,
    VM_IO,
    VM_PFNMAP,
    VM_READ,
    VM_RESERVED,
    VM_WRITE,
    AnonVma,
    File,
    VmArea,
)
from kmm.mm.mmap import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_GROWSDOWN,
    MAP_NORESERVE,
    MAP_PRIVATE,
    MAP_SHARED,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
)
from kmm.mm.vma import (
    SYSCTL_MAX_MAP_COUNT,
    find_vma,
    find_vma_intersection,
    find_vma_prev,
    insert_vm_struct,
    next_vma,
    vm_area_alloc,
    vma_pages,
)
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import Enumeration

RIGHTS = {"-": 0, "r": PROT_READ, "x": PROT_EXEC, "w": PROT_READ | PROT_WRITE}
LETTERS = {0: "-", VM_READ: "r", VM_EXEC: "x", VM_READ | VM_WRITE: "w"}
WALKS = [answer.name for answer in rmap_walk.ANSWERS]
SWAP_SLOTS = 32


def start(pages: int, walk: str = "local-lock") -> Area:
    spec = find_kernel("2.6.34").with_answer("rmap-walk", walk)
    k = boot(spec, frames=64, cpus=1, swap_slots=SWAP_SLOTS)
    return Area(start_process(k, "program"), pages)


def built(layout: str, written: str = "", walk: str = "local-lock") -> Area:
    """A program that maps each run of equal letters by itself; holes are dots.

    A run in which pages are to be written is writable until they are.  The writable
    ones come last, so that nothing that is writable for a while merges with them.
    """
    one = start(len(layout), walk)
    for letter, page, pages in sorted(runs(layout), key=lambda run: run[0] == "w"):
        contents = written[page : page + pages]
        if contents.strip("."):
            map_pages(one, page, pages)
            write(one, contents, page)
            assert protect(one, page, pages, letter) == 0
        elif letter != ".":
            map_pages(one, page, pages, RIGHTS[letter])
    return one


def runs(layout: str) -> list[tuple[str, int, int]]:
    """Of equal letters: the letter, the first page, and the number of pages."""
    found, page = [], 0
    for letter, run in groupby(layout):
        pages = len(list(run))
        found.append((letter, page, pages))
        page += pages
    return found


def map_pages(
    one: Area,
    page: int,
    pages: int,
    prot: int = PROT_READ | PROT_WRITE,
    flags: int = MAP_PRIVATE,
) -> None:
    flags |= MAP_ANONYMOUS | MAP_FIXED
    where, length = one.address(page), pages * PAGE_SIZE
    call = sys_mmap(one.k, one.process.task, where, length, prot, flags)
    assert one.process.run(call) == where


def protect(one: Area, page: int, pages: int, letter: str) -> int:
    where, length = one.address(page), pages * PAGE_SIZE
    call = sys_mprotect(one.k, one.process.task, where, length, RIGHTS[letter])
    return one.process.run(call)


def unmap(one: Area, page: int, pages: int) -> int:
    where, length = one.address(page), pages * PAGE_SIZE
    return one.process.run(sys_munmap(one.k, one.process.task, where, length))


def write(one: Area, letters: str, first: int = 0) -> None:
    """Fill the pages from `first` on, but for those with a dot."""
    for page, letter in enumerate(letters, first):
        if letter != ".":
            one.fill(page, letter)


def picture(one: Area) -> str:
    """Each VMA by a letter a page; "|" between neighbours, a dot for each page of hole.

    Every private anonymous page must still be numbered by its address.
    """
    text, place = "", AREA
    for vma in one.process.mm.mmap:
        hole = (vma.vm_start - place) >> PAGE_SHIFT
        text += "." * hole or "|" * bool(text)
        text += LETTERS[vma.vm_flags & 7] * vma_pages(vma)
        assert vma.vm_file is not None or vma.vm_pgoff == vma.vm_start >> PAGE_SHIFT
        place = vma.vm_end
    return text


def assert_found(one: Area, letters: str) -> None:
    """Reverse mapping finds each written page, which comes back with its contents."""
    written = {page: letter for page, letter in enumerate(letters) if letter != "."}
    for page in written:
        swap_out(one, page)
    assert {page: one.letter(page) for page in written} == written
    audit(one.k)


def assert_nothing_left(one: Area) -> None:
    """Without its VMAs, a program leaves no anon_vma behind, and no page."""
    assert unmap(one, 0, one.pages) == 0
    assert one.process.mm.mmap == []
    assert one.process.mm.total_vm == 0
    assert len(one.k.anon_vma_cachep.free) == one.k.anon_vma_cachep.made
    audit(one.k)


def vmas_of(anon_vma: AnonVma | None) -> list[VmArea]:
    """In the order in which a walk visits them."""
    assert anon_vma is not None
    return [avc.vma for avc in anon_vma.head]


def anon_vmas_of(vma: VmArea) -> list[AnonVma]:
    return [avc.anon_vma for avc in vma.anon_vma_chain]


# Finding.


def test_all_that_look_for_an_address_agree_with_a_look_at_every_vma() -> None:
    one = built("..ww..r-w..x")
    mm = one.process.mm
    assert len(mm.mmap) == 5
    places = [AREA + n * PAGE_SIZE + d for n in range(14) for d in (-1, 0, 1)]
    for address in places:
        above = [vma for vma in mm.mmap if vma.vm_end > address]
        below = [vma for vma in mm.mmap if vma.vm_end <= address]
        first = above[0] if above else None
        assert find_vma(mm, address) is first
        assert find_vma_prev(mm, address) == (first, below[-1] if below else None)
        for end in places:
            meets = [v for v in mm.mmap if v.vm_start < end and address < v.vm_end]
            if address < end:
                found = find_vma_intersection(mm, address, end)
                assert found is (meets[0] if meets else None)


def test_each_vma_leads_to_the_next_and_the_last_to_none() -> None:
    one = built("ww.rx..w")
    mmap = one.process.mm.mmap
    assert [next_vma(vma) for vma in mmap] == [*mmap[1:], None]
    assert [vma_pages(vma) for vma in mmap] == [2, 1, 1, 1]


def test_an_empty_address_space_has_no_vma_anywhere() -> None:
    mm = start(1).process.mm
    assert find_vma(mm, 0) is None
    assert find_vma_prev(mm, AREA) == (None, None)
    assert find_vma_intersection(mm, 0, AREA) is None


# Merging.  The eight cases: what was there; what is there when pages 2 and 3 have been
# mapped (1 to 3) or made writable (4 to 8); and which of the structures are left.

CASES = {
    1: ("ww..ww", "wwwwww", [0]),
    2: ("ww..--", "wwww|--", [0, 1]),
    3: ("--..ww", "--|wwww", [0, 1]),
    4: ("rrrrww", "rr|wwww", [0, 1]),
    5: ("wwrrrr", "wwww|rr", [0, 1]),
    6: ("wwrrww", "wwwwww", [0]),
    7: ("wwrr--", "wwww|--", [0, 2]),
    8: ("--rrww", "--|wwww", [0, 1]),
}


def change(one: Area) -> None:
    """Map the two pages in the middle, or make them writable."""
    if find_vma_intersection(one.process.mm, one.address(2), one.address(4)) is None:
        map_pages(one, 2, 2)
    else:
        assert protect(one, 2, 2, "w") == 0


def ways_of_writing(layout: str) -> list[str]:
    """Letters for some of the runs that can be written, in every combination."""
    ways = [""]
    for letter, page, pages in runs(layout):
        contents = ["." * pages]
        if letter in "rw":
            contents.append("abcdef"[page : page + pages])
        ways = [way + more for way in ways for more in contents]
    return ways


WRITTEN = [
    (number, written)
    for number, (layout, _, _) in CASES.items()
    for written in ways_of_writing(layout)
]


@pytest.mark.parametrize("case", CASES)
def test_equal_neighbours_become_one_by_the_historic_case(case: int) -> None:
    before, after, kept = CASES[case]
    one = built(before)
    structures = list(one.process.mm.mmap)
    change(one)
    assert picture(one) == after
    assert one.process.mm.mmap == [structures[place] for place in kept]
    assert one.process.mm.total_vm == 6
    assert_nothing_left(one)


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize(("case", "written"), WRITTEN)
def test_merged_pages_are_kept_and_found_whoever_was_written_before(
    case: int, written: str, walk: str
) -> None:
    before, after, _ = CASES[case]
    one = built(before, written, walk)
    change(one)
    if written == "ab..ef":
        # Each side has an anon_vma of its own: the middle can join only one of them.
        after = "wwww|ww"
    assert picture(one) == after
    # What is written from now on is found as well.
    rights = after.replace("|", "")
    more = "".join(
        letter if written[page] == "." and rights[page] == "w" else "."
        for page, letter in enumerate("uvwxyz")
    )
    write(one, more)
    both = "".join(max(pair) for pair in zip(written, more, strict=True))
    assert_found(one, both)
    assert_nothing_left(one)


@pytest.mark.parametrize("case", [4, 5])
def test_who_takes_over_pages_gets_the_anon_vma_of_who_gives_them(case: int) -> None:
    """The boundary moves; walks come to the giver first."""
    before, after, _ = CASES[case]
    one = built(before, "abcd.." if case == 4 else "..cdef")
    below, above = one.process.mm.mmap
    gives, takes = (below, above) if case == 4 else (above, below)
    assert takes.anon_vma is None
    change(one)
    assert picture(one) == after
    assert takes.anon_vma is gives.anon_vma
    assert vmas_of(gives.anon_vma) == [gives, takes]


@pytest.mark.parametrize("case", [6, 7, 8])
def test_who_swallows_a_written_neighbour_takes_its_place_on_the_lists(
    case: int,
) -> None:
    written = {6: "....ef", 7: "..cd..", 8: "....ef"}[case]
    one = built(CASES[case][0], written)
    anon_vma = next(v.anon_vma for v in one.process.mm.mmap if v.anon_vma is not None)
    change(one)
    survivor = find_vma(one.process.mm, one.address(2))
    assert survivor is not None
    assert survivor.anon_vma is anon_vma
    assert anon_vmas_of(survivor) == [anon_vma]
    assert vmas_of(anon_vma) == [survivor]


def test_a_childs_vma_that_is_split_and_merged_keeps_its_anon_vmas_newest_first() -> (
    None
):
    one = built("wwww", "abcd")
    child = one.fork()
    (parent_vma,), (vma,) = one.process.mm.mmap, child.process.mm.mmap
    assert vma.anon_vma is not parent_vma.anon_vma
    expected = [vma.anon_vma, parent_vma.anon_vma]
    assert protect(child, 1, 2, "r") == 0
    assert picture(child) == "w|rr|w"
    assert [anon_vmas_of(part) for part in child.process.mm.mmap] == [expected] * 3
    assert protect(child, 1, 2, "w") == 0
    assert picture(child) == "wwww"
    (merged,) = child.process.mm.mmap
    assert anon_vmas_of(merged) == expected
    assert vmas_of(parent_vma.anon_vma) == [parent_vma, merged]
    assert vmas_of(vma.anon_vma) == [merged]
    assert_found(child, "abcd")
    assert one.letters() == "abcd"
    child.process.exit()
    assert_nothing_left(one)


def test_two_with_pages_of_their_own_can_move_their_boundary_neither_way() -> None:
    one = built("www.ww", "abc.ef")
    map_pages(one, 3, 1)
    assert picture(one) == "wwww|ww"
    assert protect(one, 0, 4, "r") == 0
    assert protect(one, 2, 2, "w") == 0
    assert picture(one) == "rr|ww|ww"
    assert protect(one, 0, 4, "w") == 0
    assert protect(one, 4, 2, "r") == 0
    assert protect(one, 4, 1, "w") == 0
    assert picture(one) == "wwww|w|r"
    assert_found(one, "abc.ef")


@pytest.mark.parametrize("flag", [VM_IO, VM_DONTEXPAND, VM_RESERVED, VM_PFNMAP])
def test_what_is_special_is_split_but_never_merged(flag: int) -> None:
    one = built("www")
    one.vma.vm_flags |= flag
    assert protect(one, 1, 1, "r") == 0
    assert picture(one) == "w|r|w"
    assert protect(one, 1, 1, "w") == 0
    assert picture(one) == "w|w|w"


@pytest.mark.parametrize(
    "flags", [MAP_PRIVATE | MAP_NORESERVE, MAP_PRIVATE | MAP_GROWSDOWN, MAP_SHARED]
)
def test_neighbours_that_differ_in_more_than_rights_stay_apart(flags: int) -> None:
    one = built("ww.ww")
    map_pages(one, 2, 1, flags=flags)
    assert [vma_pages(vma) for vma in one.process.mm.mmap] == [2, 1, 2]


def test_shared_anonymous_memory_is_a_file_each_and_never_merges() -> None:
    one = start(4)
    map_pages(one, 0, 2, flags=MAP_SHARED)
    map_pages(one, 2, 2, flags=MAP_SHARED)
    lower, upper = one.process.mm.mmap
    assert lower.vm_file is not upper.vm_file
    assert (lower.vm_pgoff, upper.vm_pgoff) == (0, 0)


# Files.


def in_file(one: Area) -> list[tuple[int, int]]:
    """Of each VMA that the file's walks find: its first page, and that in the file.

    They find those of the list, each once.
    """
    vmas = one.process.mm.mmap
    file = vmas[0].vm_file
    assert file is not None
    assert sorted(map(id, file.f_mapping.i_mmap)) == sorted(map(id, vmas))
    return [((vma.vm_start - AREA) >> PAGE_SHIFT, vma.vm_pgoff) for vma in vmas]


def test_the_file_s_walks_find_each_part_of_a_mapping_once() -> None:
    one, _ = mapped(shared=True, pages=6, size=6)
    one.fill_all("abcdef")
    for page, letter, expected in (
        (2, "r", [(0, 0), (2, 2), (4, 4)]),  # split at both ends
        (1, "r", [(0, 0), (1, 1), (4, 4)]),  # case 4
        (3, "w", [(0, 0), (1, 1), (3, 3)]),  # cases 4 and 5 have moved boundaries
        (1, "w", [(0, 0)]),  # all in one
    ):
        assert protect(one, page, 2, letter) == 0
        assert in_file(one) == expected
    assert unmap(one, 2, 2) == 0
    assert in_file(one) == [(0, 0), (4, 4)]
    assert one.letter(5) == "f"
    audit(one.k)


def map_file(one: Area, page: int, file: File, offset: int) -> None:
    """Two pages of a file, from the page `offset` on."""
    where, flags = one.address(page), MAP_SHARED | MAP_FIXED
    length, prot = 2 * PAGE_SIZE, PROT_READ | PROT_WRITE
    call = sys_mmap(
        one.k, one.process.task, where, length, prot, flags, file, offset * PAGE_SIZE
    )
    assert one.process.run(call) == where


def test_a_files_mappings_merge_if_the_file_goes_on_where_the_addresses_do() -> None:
    one, mapping = mapped(shared=True, pages=2, size=8)
    file = one.vma.vm_file
    assert file is not None
    map_file(one, 2, file, 4)
    assert in_file(one) == [(0, 0), (2, 4)]
    map_file(one, 4, file, 6)
    assert in_file(one) == [(0, 0), (2, 4)]
    map_file(one, 2, file, 2)
    assert in_file(one) == [(0, 0), (4, 6)]
    map_file(one, 4, File("opened again", mapping), 4)
    assert in_file(one) == [(0, 0), (4, 4)]
    map_file(one, 4, file, 4)
    assert in_file(one) == [(0, 0)]


def test_a_files_mapping_that_grows_down_begins_earlier_in_the_file() -> None:
    one, _ = mapped(shared=True, pages=6, size=6)
    one.fill_all("abcdef")
    file = one.vma.vm_file
    assert file is not None
    assert unmap(one, 0, 4) == 0
    assert in_file(one) == [(4, 4)]
    map_file(one, 2, file, 2)
    assert in_file(one) == [(2, 2)]
    assert [one.letter(page) for page in range(2, 6)] == list("cdef")


# Bounds.


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        # The lower one shrinks before the upper one grows.
        (-1, [(3, 3, 3), (2, 3, 3), (2, 2, 3), (2, 2, 2)]),
        # The lower one grows before the upper one shrinks.
        (1, [(3, 3, 3), (4, 3, 3), (4, 4, 3), (4, 4, 4)]),
    ],
)
def test_a_boundary_moves_in_three_stores_that_can_be_seen(
    pages: int, expected: list[tuple[int, int, int]]
) -> None:
    """End of the lower VMA, start of the upper one, and the number of its first page.

    2.6.34 stores them under no lock that a walk holds.
    """
    seen = set()

    def boot_race() -> Machine:
        one = built("wwwrrr")
        k, (lower, upper) = one.k, one.process.mm.mmap
        end = VirtAddr(lower.vm_end + pages * PAGE_SIZE)

        async def adjust() -> None:
            start, pgoff = lower.vm_start, lower.vm_pgoff
            await k.rmap_walk.vma_adjust(k, lower, start, end, pgoff, None)

        async def look() -> None:
            async with k.zones[0].lock:  # any step of another CPU
                bounds = lower.vm_end, upper.vm_start, upper.vm_pgoff << PAGE_SHIFT
                seen.add(tuple((bound - AREA) >> PAGE_SHIFT for bound in bounds))

        return Machine([thread(0, adjust()), thread(1, look())])

    assert search(boot_race, Enumeration()).failure is None
    assert seen == set(expected)


# Splitting.


def test_mprotect_keeps_the_structure_for_the_part_that_changes() -> None:
    """The new ones are the rest below, then the rest above; walks see all three."""
    one = built("wwww", "abcd")
    vma = one.vma
    assert protect(one, 1, 2, "r") == 0
    below, middle, above = one.process.mm.mmap
    assert middle is vma
    assert vmas_of(vma.anon_vma) == [middle, below, above]
    assert {below.anon_vma, above.anon_vma} == {vma.anon_vma}
    assert picture(one) == "w|rr|w"
    assert_found(one, "abcd")


def test_munmap_keeps_the_structure_for_what_is_left_below() -> None:
    one = built("wwww", "abcd")
    vma = one.vma
    assert unmap(one, 1, 2) == 0
    below, above = one.process.mm.mmap
    assert below is vma
    assert vmas_of(vma.anon_vma) == [below, above]
    assert picture(one) == "w..w"
    assert_found(one, "a..d")
    assert_nothing_left(one)


@pytest.mark.parametrize(
    ("first", "pages", "left", "letters"),
    [
        (0, 1, ".www", ".bcd"),
        (3, 1, "www", "abc."),
        (0, 4, "", "...."),
        (1, 1, "w.ww", "a.cd"),
    ],
)
def test_an_end_that_is_cut_off_takes_its_pages_along(
    first: int, pages: int, left: str, letters: str
) -> None:
    one = built("wwww", "abcd")
    assert unmap(one, first, pages) == 0
    assert picture(one) == left
    assert one.process.mm.total_vm == 4 - pages
    assert_found(one, letters)


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_split_part_has_all_that_the_whole_had(first: int) -> None:
    one = start(4)
    map_pages(one, 0, 4, flags=MAP_PRIVATE | MAP_NORESERVE)
    flags, prot = one.vma.vm_flags, one.vma.vm_page_prot
    assert unmap(one, first, 1) == 0
    for vma in one.process.mm.mmap:
        assert (vma.vm_flags, vma.vm_page_prot) == (flags, prot)
        assert vma.vm_pgoff == vma.vm_start >> PAGE_SHIFT


# The most VMAs that an address space may have.


def crowded(layout: str, written: str, room: int) -> Area:
    """A program that can have only `room` more VMAs."""
    one = built(layout, written)
    mm = one.process.mm
    for number in range(SYSCTL_MAX_MAP_COUNT - mm.map_count - room):
        at = VirtAddr(one.address(one.pages + 1 + 2 * number))
        end = VirtAddr(at + PAGE_SIZE)
        insert_vm_struct(mm, vm_area_alloc(one.k, mm, at, end, VM_READ))
    assert mm.map_count + room == SYSCTL_MAX_MAP_COUNT
    return one


def test_where_vmas_have_run_out_nothing_is_split() -> None:
    one = crowded("wwww", "abcd", room=0)
    assert protect(one, 0, 1, "r") == -ENOMEM
    assert protect(one, 3, 1, "r") == -ENOMEM
    assert unmap(one, 1, 1) == -ENOMEM
    assert one.letters() == "abcd"
    write(one, "efgh")
    # What needs no more of them goes on.
    assert protect(one, 0, 4, "r") == 0
    assert one.process.mm.map_count == SYSCTL_MAX_MAP_COUNT
    assert unmap(one, 0, 4) == 0
    assert one.process.mm.map_count == SYSCTL_MAX_MAP_COUNT - 1
    audit(one.k)


def test_with_room_for_one_more_a_vma_can_be_cut_in_two_but_not_in_three() -> None:
    one = crowded("wwww", "abcd", room=1)
    assert protect(one, 1, 2, "r") == -ENOMEM
    assert one.process.mm.map_count == SYSCTL_MAX_MAP_COUNT
    assert [one.letters(), vma_pages(one.vma)] == ["abcd", 1]
    write(one, "efgh")
    assert_found(one, "efgh")


@pytest.mark.parametrize(
    ("first", "pages", "room", "letters"),
    [(0, 1, 0, ".bcd"), (3, 1, 0, "abc."), (1, 2, 1, "a..d")],
)
def test_munmap_may_exceed_the_limit_for_a_moment(
    first: int, pages: int, room: int, letters: str
) -> None:
    one = crowded("wwww", "abcd", room)
    result = unmap(one, first, pages)
    assert result == 0
    assert one.process.mm.map_count == SYSCTL_MAX_MAP_COUNT
    assert_found(one, letters)


def test_one_vma_more_than_the_limit_can_be_mapped_and_no_further() -> None:
    one = crowded("w..", "a..", room=0)
    map_pages(one, 2, 1)
    assert one.process.mm.map_count == SYSCTL_MAX_MAP_COUNT + 1
    flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    where = one.address(1)
    call = sys_mmap(one.k, one.process.task, where, PAGE_SIZE, PROT_READ, flags)
    assert one.process.run(call) == -ENOMEM
    assert one.process.mm.map_count == SYSCTL_MAX_MAP_COUNT + 1
