"""Swap entries: what stands in a page table while a page is elsewhere, or moving.

Linux: include/linux/swapops.h, arch/x86/include/asm/pgtable_64.h.  Used by whoever
changes entries; an entry that stands in a table is read under the page-table lock.

To the CPU such an entry is not present.  To Linux its type, in bits 1 to 5, says which
swap device the page is on, and its offset, from bit 9 on, says in which slot; bit 0,
which the CPU looks at, is 0.  (Linux has a second form of it, outside of page tables,
with the type on top.  Here there is only this one.)

*Migration entries* are swap entries of two types that no device has: the offset is the
number of the frame that is moving, the type says whether the entry was writable.

A migration entry names the frame and nothing else.  So it means something only as long
as the page stays locked, and both functions that go from one to the other insist on it.

Left out: entries of poisoned pages (a third type), those of nonlinear file mappings
(bit 6), and more than one device.
"""

from __future__ import annotations

from ..sim.failure import bug_on
from .kernel import Kernel
from .mm_types import Page
from .pgtable import pte_none, pte_present

SWP_TYPE_SHIFT = 1
SWP_TYPE_MASK = 0x1F
SWP_OFFSET_SHIFT = 9

MAX_SWAPFILES = 30  # of the 32 types, two are for migration
SWP_MIGRATION_READ = MAX_SWAPFILES
SWP_MIGRATION_WRITE = MAX_SWAPFILES + 1


def is_swap_pte(pte: int) -> bool:
    """Neither empty nor present: a swap entry, or a migration entry."""
    return not pte_none(pte) and not pte_present(pte)


def swp_entry(kind: int, offset: int) -> int:
    """The entry for a slot (or a pfn) and a type, as it stands in a page table."""
    return (offset << SWP_OFFSET_SHIFT) | (kind << SWP_TYPE_SHIFT)


def is_swap_entry(pte: int) -> bool:
    """A swap entry proper: its page is on a device."""
    return is_swap_pte(pte) and swp_type(pte) < MAX_SWAPFILES


def swp_type(pte: int) -> int:
    """The number of the device, or one of the two types of migration entries."""
    return (pte >> SWP_TYPE_SHIFT) & SWP_TYPE_MASK


def swp_offset(pte: int) -> int:
    """The slot on the device, or the pfn of the page that migrates."""
    return pte >> SWP_OFFSET_SHIFT


def is_migration_entry(pte: int) -> bool:
    """Whether the page that was mapped here is moving."""
    return is_swap_pte(pte) and swp_type(pte) >= MAX_SWAPFILES


def is_write_migration_entry(pte: int) -> bool:
    """Whether it was writable, and is to be so again.  Of an entry not present only."""
    return swp_type(pte) == SWP_MIGRATION_WRITE


def migration_entry(pfn: int, *, write: bool) -> int:
    """The bits of a migration entry for the frame `pfn`."""
    return swp_entry(SWP_MIGRATION_WRITE if write else SWP_MIGRATION_READ, pfn)


def make_migration_entry_read(pte: int) -> int:
    """The same, to be restored read-only."""
    return migration_entry(swp_offset(pte), write=False)


async def make_migration_entry(page: Page, *, write: bool) -> int:
    """The entry to put where `page` was mapped.  Needs the page locked, else BUG."""
    bug_on(not await page.locked.is_locked(), "include/linux/swapops.h:82")
    return migration_entry(page.pfn, write=write)


async def migration_entry_to_page(k: Kernel, pte: int) -> Page:
    """The page that a migration entry names, which must still be locked.

    This is the BUG that the letter is about.  An entry that outlives its migration
    names a frame that may be anybody's by now; there is no way to mend it, so the
    kernel stops.  Needs the page-table lock.
    """
    page = k.mem_map[swp_offset(pte)]
    bug_on(not await page.locked.is_locked(), "include/linux/swapops.h:105")
    return page
