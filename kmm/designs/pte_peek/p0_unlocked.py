"""Linux up to 3.0: look first, and take the page-table lock only if it seems worth it.

The look saves a lock for VMAs that do not map the page.  But an entry that is being
moved is for a moment in neither place, and only the lock says so.  A walk that looks
then passes over both places, even if it visits them in the right order.

No named kernel here has this, not even 2.6.34 (see `kernels`).
"""

from __future__ import annotations

from ...hw.memory import VirtAddr
from ...mm.kernel import Kernel
from ...mm.migrate import restore_pte
from ...mm.mm_types import Page, VmArea
from ...mm.pgtable import find_pte, pte_lockptr
from ...mm.rmap import SWAP_AGAIN
from ...mm.swapops import (
    is_migration_entry,
    is_swap_pte,
    migration_entry_to_page,
)
from .question import PtePeek


async def remove_migration_pte(
    k: Kernel, new: Page, vma: VmArea, address: VirtAddr, old: Page
) -> int:
    """Point the entry at `address` at `new`, if it is a migration entry for `old`.

    Called for each VMA of the walk, under the lock of its list.  Takes the page-table
    lock, but looks without it first, and may miss an entry that moves.
    """
    # FIND
    ptep = await find_pte(k, vma.mm, address)
    if ptep is None or not is_swap_pte(await ptep.read()):
        return SWAP_AGAIN
    # LOCK
    async with pte_lockptr(vma.mm):
        # RECHECK
        pte = await ptep.read()
        if is_migration_entry(pte) and await migration_entry_to_page(k, pte) is old:
            # CHANGE
            await restore_pte(ptep, pte, new, vma, address)
    return SWAP_AGAIN


UNLOCKED = PtePeek(
    name="unlocked",
    title="look without the lock first",
    tag="P0",
    source="Linux, until 3.0",
    closes="nothing",
    costs="nothing",
    story=__doc__,
    remove_migration_pte=remove_migration_pte,
)
