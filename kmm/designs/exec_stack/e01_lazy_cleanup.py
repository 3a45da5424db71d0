"""E1, version 2 of the series: what is left behind is mended when the stack moves.

Mel Gorman's patch 3 of 27 April 2010.  exec meets each entry of the stack as it moves
it.  If it is a migration entry, and the page that it names is not locked, then the
migration is over and has missed it; so it is made a mapping again.

It costs next to nothing, and it is not enough.  The entry names a frame, and nothing
else: not where the contents have gone, nor which owner of the frame was meant.  If the
page was moved, its old frame is free by now, or somebody else's.  And an entry that is
moved while the page is still locked is missed all the same.

Christoph Lameter: an entry must not exist for a page that is not locked.  Mel Gorman
himself said later that such repair is guesswork that corrupts memory
(`stale-entry-reuse`).  Version 3 dropped it.
"""

from __future__ import annotations

from attrs import evolve

from ...hw.memory import EntryPointer, VirtAddr
from ...mm.kernel import Kernel
from ...mm.migrate import restore_pte
from ...mm.mm_types import VmArea
from ...mm.mremap import LockedFile
from ...mm.pgtable import filled_entries, find_pte, pte_lockptr
from ...mm.swapops import is_migration_entry, swp_offset
from ...mm.tlb import ptep_clear_flush
from ...sim.failure import not_null
from .e00_unprotected import UNPROTECTED


async def move_ptes(
    k: Kernel,
    vma: VmArea,
    old: VirtAddr,
    new_vma: VmArea,
    new: VirtAddr,
    extent: int,
) -> None:
    """Move the entries that two bottom tables hold for `extent` bytes.

    Holds the page-table lock throughout, and i_mmap_lock for a file's pages.
    """
    async with LockedFile(vma), pte_lockptr(vma.mm):
        first = not_null(await find_pte(k, vma.mm, old), f"no table at {old:#x}")
        end = VirtAddr(old + extent)
        for address, source in filled_entries(k, first, old, end):
            pte = await ptep_clear_flush(k, vma, address, source)
            there = VirtAddr(new + address - old)
            found = await find_pte(k, new_vma.mm, there)
            destination = not_null(found, f"no table at {there:#x}")
            await destination.write(pte)
            if is_migration_entry(pte):
                await remove_straggler(k, new_vma, there, destination, pte)


async def remove_straggler(
    k: Kernel, vma: VmArea, address: VirtAddr, ptep: EntryPointer, entry: int
) -> None:
    """Map the page that a migration entry names, if no migration has it locked.

    Needs the page-table lock; tries for the page's lock, against the order of locks.
    """
    page = k.mem_map[swp_offset(entry)]
    if await page.locked.trylock():
        await restore_pte(ptep, entry, page, vma, address)
        await page.locked.unlock()


LAZY_CLEANUP = evolve(
    UNPROTECTED,
    name="lazy-cleanup",
    title="entries left behind are mapped again when they move",
    tag="E1",
    source="Mel Gorman, patch 3 of version 2, 27 April 2010",
    closes="nothing: it hides exec-stack",
    costs="corrupted memory, if the frame has changed hands",
    story=__doc__,
    base=UNPROTECTED,
    move_ptes=move_ptes,
)
