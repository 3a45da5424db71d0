"""Migration entries: their bits, and the two BUGs that guard them."""

from __future__ import annotations

import pytest
from building import alone, boot

from kmm.mm.swapops import (
    SWP_MIGRATION_READ,
    SWP_MIGRATION_WRITE,
    is_migration_entry,
    is_swap_pte,
    is_write_migration_entry,
    make_migration_entry,
    migration_entry,
    migration_entry_to_page,
    swp_offset,
    swp_type,
)
from kmm.sim.failure import KernelBug


def test_the_bits_are_those_of_x86_64() -> None:
    assert migration_entry(0x1234, write=False) == 0x24683C
    assert migration_entry(0x1234, write=True) == 0x24683E


@pytest.mark.parametrize("pfn", [0, 1, 0x1234, (1 << 28) - 1])
@pytest.mark.parametrize("write", [False, True])
def test_an_entry_gives_back_what_was_put_in(pfn: int, write: bool) -> None:
    entry = migration_entry(pfn, write=write)
    assert swp_offset(entry) == pfn
    assert swp_type(entry) == (SWP_MIGRATION_WRITE if write else SWP_MIGRATION_READ)
    assert is_migration_entry(entry)
    assert is_write_migration_entry(entry) == write
    assert not entry & 1, "the CPU must see it as not present"


def test_neither_an_empty_nor_a_present_nor_a_swap_entry_is_taken_for_one() -> None:
    assert not is_migration_entry(0)
    assert not is_migration_entry(0x5067)
    swapped_out = 0x200  # swap type 0, offset 1
    assert is_swap_pte(swapped_out)
    assert not is_migration_entry(swapped_out)


def test_an_entry_is_made_only_for_a_locked_page() -> None:
    page = boot().mem_map[5]
    with pytest.raises(KernelBug, match=r"swapops\.h:82"):
        alone(make_migration_entry(page, write=True))
    alone(page.locked.lock())
    entry = alone(make_migration_entry(page, write=True))
    assert entry == migration_entry(5, write=True)


def test_an_entry_for_a_page_that_is_not_locked_is_the_bug_of_the_letter() -> None:
    k = boot()
    with pytest.raises(KernelBug, match=r"kernel BUG at include/linux/swapops\.h:105!"):
        alone(migration_entry_to_page(k, migration_entry(5, write=False)))
    alone(k.mem_map[5].locked.lock())
    assert alone(migration_entry_to_page(k, migration_entry(5, write=False))).pfn == 5
