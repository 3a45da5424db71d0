"""VMAs: found, inserted, and given new bounds one store at a time."""

from __future__ import annotations

import pytest
from building import BASE, alone, boot, process, thread

from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.mm.mm_types import VM_STACK_FLAGS
from kmm.mm.mmap import expand_stack, find_extend_vma
from kmm.mm.vma import find_vma, insert_vm_struct, vm_area_alloc
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
