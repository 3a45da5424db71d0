"""migration_entry_wait, whole.  Linux: mm/migrate.c."""

from __future__ import annotations

from kmm.hw.memory import EntryPointer
from kmm.mm.kernel import Kernel
from kmm.mm.migrate import wait_for_references
from kmm.mm.mm_types import Mm
from kmm.mm.page_alloc import get_page_unless_zero
from kmm.mm.pgtable import pte_lockptr
from kmm.mm.swap import put_page
from kmm.mm.swapops import is_migration_entry, migration_entry_to_page


async def migration_entry_wait(k: Kernel, mm: Mm, ptep: EntryPointer) -> None:
    """A program touched a migration entry: wait until the page is where it will be.

    Needs mmap_sem for reading.  Takes the page-table lock, then sleeps without it.  The
    caller tries the access again afterwards.
    """
    ptl = pte_lockptr(mm)
    await ptl.lock()
    pte = await ptep.read()
    if not is_migration_entry(pte):
        await ptl.unlock()
        return
    page = await migration_entry_to_page(k, pte)
    got = await get_page_unless_zero(page)
    await ptl.unlock()
    if got:
        await page.locked.wait_unlocked()
        await put_page(k, page)
    else:
        await wait_for_references(page)
