"""Linux 3.1 (486cf46f3f9b): look only under the page-table lock.

move_ptes holds that lock from the moment at which it takes an entry out of one place
until it has put it into the other, so a walk that waits for the lock finds the entry
in one of the two.
"""

from __future__ import annotations

from attrs import evolve

from ...hw.memory import VirtAddr
from ...mm.kernel import Kernel
from ...mm.migrate import restore_pte
from ...mm.mm_types import Page, VmArea
from ...mm.pgtable import find_pte, pte_lockptr
from ...mm.rmap import SWAP_AGAIN
from ...mm.swapops import is_migration_entry, migration_entry_to_page
from .p0_unlocked import UNLOCKED


async def remove_migration_pte(
    k: Kernel, new: Page, vma: VmArea, address: VirtAddr, old: Page
) -> int:
    """Point the entry at `address` at `new`, if it is a migration entry for `old`.

    Called for each VMA of the walk, under the lock of its list.  Takes the page-table
    lock.
    """
    # FIND
    ptep = await find_pte(k, vma.mm, address)
    if ptep is None:
        return SWAP_AGAIN
    # LOCK
    async with pte_lockptr(vma.mm):
        # CHECK
        pte = await ptep.read()
        if is_migration_entry(pte) and await migration_entry_to_page(k, pte) is old:
            # CHANGE
            await restore_pte(ptep, pte, new, vma, address)
    return SWAP_AGAIN


LOCKED = evolve(
    UNLOCKED,
    name="locked",
    title="look under the lock only",
    tag="P1",
    source="486cf46f3f9b, Linux 3.1",
    closes="exec-stack-peek",
    costs="a lock for each VMA visited",
    story=__doc__,
    base=UNLOCKED,
    remove_migration_pte=remove_migration_pte,
)
