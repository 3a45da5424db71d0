"""VMAs: found, inserted, and given new bounds one store at a time."""

from __future__ import annotations

import pytest
from building import BASE, Process, alone, boot, process, thread

from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.mm.errno import EINVAL
from kmm.mm.mm_types import VM_STACK_FLAGS, VmArea
from kmm.mm.mmap import (
    MAP_ANONYMOUS,
    MAP_PRIVATE,
    MAP_SHARED,
    PROT_READ,
    do_mmap,
    expand_stack,
    find_extend_vma,
)
from kmm.mm.vma import find_vma, insert_vm_struct, parts_of_range, vm_area_alloc
from kmm.sim.failure import KernelBug
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import Enumeration


def test_find_vma_gives_the_lowest_that_ends_above_even_if_it_starts_above() -> None:
    p = process(boot(), pages=2)
    assert find_vma(p.mm, BASE) is p.vma
    assert find_vma(p.mm, BASE - PAGE_SIZE) is p.vma
    assert find_vma(p.mm, BASE + 2 * PAGE_SIZE) is None


def test_vmas_are_kept_by_address_and_may_not_overlap() -> None:
    p = process(boot(), pages=2)
    below = vm_area_alloc(
        p.k, p.mm, VirtAddr(BASE - 2 * PAGE_SIZE), BASE, VM_STACK_FLAGS
    )
    insert_vm_struct(p.mm, below)
    assert p.mm.mmap == [below, p.vma]
    with pytest.raises(KernelBug, match=r"mm/mmap\.c:479"):
        insert_vm_struct(p.mm, below)


def test_new_bounds_can_be_seen_half_done() -> None:
    """2.6.34 stores the three fields under no lock that a walk holds."""
    seen = set()

    def boot_race() -> Machine:
        p = process(boot(), pages=4)
        vma, k = p.vma, p.k
        start, pgoff = vma.vm_start, vma.vm_pgoff

        async def adjust() -> None:
            new = VirtAddr(start + PAGE_SIZE)
            await k.rmap_walk.vma_adjust(k, vma, new, vma.vm_end, pgoff + 1, None)

        async def look() -> None:
            async with k.zones[0].lock:  # any step of another CPU
                seen.add((vma.vm_start - start, vma.vm_pgoff - pgoff))

        return Machine([thread(0, adjust()), thread(1, look())])

    search(boot_race, Enumeration())
    assert seen == {(0, 0), (PAGE_SIZE, 0), (PAGE_SIZE, 1)}


def test_a_stack_grows_by_whole_pages_and_its_pages_keep_their_numbers() -> None:
    p = process(boot(), pages=2)
    p.write(0, b"x")
    index = p.page(0).index
    assert alone(expand_stack(p.k, p.vma, VirtAddr(BASE - PAGE_SIZE - 5)))
    assert p.vma.vm_start == BASE - 2 * PAGE_SIZE
    assert index - p.vma.vm_pgoff == 2


def test_an_address_that_no_stack_can_reach_has_no_vma() -> None:
    p = process(boot(), pages=2)
    assert alone(find_extend_vma(p.k, p.mm, VirtAddr(BASE + PAGE_SIZE))) is p.vma
    assert alone(find_extend_vma(p.k, p.mm, VirtAddr(0x1000))) is None
    assert p.vma.vm_start == BASE


def test_a_mapping_is_either_shared_or_private() -> None:
    p = process(boot())
    for kind, is_allowed in (
        (0, False),
        (MAP_SHARED, True),
        (MAP_PRIVATE, True),
        (MAP_SHARED | MAP_PRIVATE, False),
    ):
        flags = MAP_ANONYMOUS | kind
        where = alone(do_mmap(p.k, p.mm, None, 0, PAGE_SIZE, PROT_READ, flags))
        assert (where > 0) == is_allowed
        assert is_allowed or where == -EINVAL


# Going over a range.


def page_of(address: int) -> int:
    return (address - BASE) // PAGE_SIZE


def parts(p: Process, start: int, end: int) -> list[tuple[int, int] | None]:
    """The parts of a range of pages, from BASE on; None for a hole."""
    found = parts_of_range(p.mm, BASE + start * PAGE_SIZE, BASE + end * PAGE_SIZE)
    return [
        None if part is None else (page_of(part.start), page_of(part.end))
        for part in found
    ]


def add_vma(p: Process, start: int, end: int) -> VmArea:
    first, last = (VirtAddr(BASE + page * PAGE_SIZE) for page in (start, end))
    vma = vm_area_alloc(p.k, p.mm, first, last, VM_STACK_FLAGS)
    insert_vm_struct(p.mm, vma)
    return vma


def test_a_range_is_gone_over_vma_by_vma_with_none_for_each_hole() -> None:
    p = process(boot(), pages=2)
    add_vma(p, 2, 4)
    add_vma(p, 7, 9)
    assert parts(p, 0, 4) == [(0, 2), (2, 4)]
    assert parts(p, 1, 3) == [(1, 2), (2, 3)]
    assert parts(p, 0, 9) == [(0, 2), (2, 4), None, (7, 9)]
    assert parts(p, 3, 6) == [(3, 4), None]
    assert parts(p, 5, 8) == [None, (7, 8)]
    assert parts(p, 5, 6) == [None]
    assert parts(p, 8, 12) == [(8, 9), None]
    assert parts(p, 3, 3) == []


def test_a_part_knows_the_vma_before_it_which_is_its_own_if_it_begins_inside() -> None:
    p = process(boot(), pages=2)
    above = add_vma(p, 2, 4)
    end = BASE + 4 * PAGE_SIZE
    whole = list(parts_of_range(p.mm, BASE, end))
    assert [part and part.prev for part in whole] == [None, p.vma]
    inside = list(parts_of_range(p.mm, end - PAGE_SIZE, end))
    assert [part and part.prev for part in inside] == [above]


def test_what_a_part_was_merged_with_meanwhile_is_passed_over() -> None:
    p = process(boot(), pages=2)
    add_vma(p, 2, 4)
    add_vma(p, 4, 6)
    going = parts_of_range(p.mm, BASE, BASE + 6 * PAGE_SIZE)
    first = next(going)
    assert first is not None
    merged = VirtAddr(BASE + 4 * PAGE_SIZE)

    async def swallow() -> None:
        await p.k.rmap_walk.vma_adjust(p.k, p.vma, BASE, merged, p.vma.vm_pgoff, None)

    alone(swallow())
    assert [part and page_of(part.start) for part in going] == [4]
