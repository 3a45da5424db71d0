"""migration_entry_wait, begun.  Linux: mm/migrate.c."""

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
    # Your part.
    await ptl.unlock()


# What your part calls.
USES = (is_migration_entry, migration_entry_to_page, get_page_unless_zero, put_page)
AND = (wait_for_references,)
