"""Migration entries: what stands in a page table while a page is being moved.

Linux: include/linux/swapops.h, arch/x86/include/asm/pgtable_64.h.

To the CPU such an entry is not present.  To Linux it is a swap entry of one of two
types that no swap device has: its offset is the number of the frame that is moving,
its type says whether the entry was writable.  In a page-table entry the type is in
bits 1 to 5 and the offset from bit 9 on; bit 0, which the CPU looks at, is 0.

The entry names the frame and nothing else.  So it means something only as long as
the page stays locked, and both functions that touch one insist on that.
"""

from __future__ import annotations

from ..sim.failure import bug_on
from .kernel import Kernel
from .mm_types import Page
from .pgtable import pte_none, pte_present

SWP_TYPE_SHIFT = 1
SWP_TYPE_MASK = 0x1F
SWP_OFFSET_SHIFT = 9

MAX_SWAPFILES = 30
SWP_MIGRATION_READ = MAX_SWAPFILES
SWP_MIGRATION_WRITE = MAX_SWAPFILES + 1


def is_swap_pte(pte: int) -> bool:
    """Neither empty nor present: a swap entry, or a migration entry."""
    return not pte_none(pte) and not pte_present(pte)


def swp_type(pte: int) -> int:
    return (pte >> SWP_TYPE_SHIFT) & SWP_TYPE_MASK


def swp_offset(pte: int) -> int:
    return pte >> SWP_OFFSET_SHIFT


def is_migration_entry(pte: int) -> bool:
    return is_swap_pte(pte) and swp_type(pte) >= MAX_SWAPFILES


def is_write_migration_entry(pte: int) -> bool:
    return swp_type(pte) == SWP_MIGRATION_WRITE


def migration_entry(pfn: int, *, write: bool) -> int:
    """The bits of a migration entry for the frame `pfn`."""
    kind = SWP_MIGRATION_WRITE if write else SWP_MIGRATION_READ
    return (pfn << SWP_OFFSET_SHIFT) | (kind << SWP_TYPE_SHIFT)


async def make_migration_entry(page: Page, *, write: bool) -> int:
    """The entry to put where `page` was mapped.  The caller has locked the page."""
    bug_on(not await page.locked.is_locked(), "include/linux/swapops.h:82")
    return migration_entry(page.pfn, write=write)


async def migration_entry_to_page(k: Kernel, pte: int) -> Page:
    """The page that a migration entry names, which must still be locked.

    This is the BUG that the letter is about.  An entry that outlives its migration
    names a frame that may be anybody's by now; there is no way to mend it, so the
    kernel stops.  The caller holds the lock of the entry.
    """
    page = k.mem_map[swp_offset(pte)]
    bug_on(not await page.locked.is_locked(), "include/linux/swapops.h:105")
    return page
