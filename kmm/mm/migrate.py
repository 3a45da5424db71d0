"""Page migration: moving a page to another frame while programs use it.

Linux: mm/migrate.c, as of 2.6.34 with the repairs that came with compaction (2.6.35).

The protocol, for a page that has been isolated from the LRU:

1. lock the page;
2. walk its mappings, and put a migration entry in the place of each (`try_to_unmap`);
   a program that touches one waits for the page lock (`migration_entry_wait`);
3. if nothing maps the page any more and nobody else holds a reference, copy it;
4. walk the mappings again, and point each migration entry at the new page
   (`remove_migration_pte`), or back at the old one if the page could not be moved;
5. unlock the page.

After step 5 there must be no migration entry left: the page that it names may be
freed and become somebody else's.  So the walk of step 4 must find every entry that
the walk of step 2 made, although the VMAs may have changed in between.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..hw.memory import EntryPointer, VirtAddr
from ..sim.access import atomic_add, read_once, write_once
from ..sim.failure import bug_on
from .kernel import Kernel
from .mm_types import (
    ANON_VMA,
    PAGE,
    VMA,
    Mm,
    Page,
    PG_active,
    PG_dirty,
    PG_swapbacked,
    PG_uptodate,
    VmArea,
)
from .page_alloc import get_page, get_page_unless_zero, page_count, put_page
from .pgtable import find_pte, mk_pte, pte_lockptr, pte_mkold, pte_mkwrite
from .rmap import (
    SWAP_AGAIN,
    TTU_IGNORE_ACCESS,
    TTU_IGNORE_MLOCK,
    TTU_MIGRATION,
    page_add_anon_rmap,
    page_mapped,
    rmap_walk,
    try_to_unmap,
)
from .swap import putback_lru_page
from .swapops import (
    is_migration_entry,
    is_swap_pte,
    is_write_migration_entry,
    migration_entry_to_page,
)

EAGAIN = 11
ENOMEM = 12

NewPage = Callable[[Kernel, Page], Awaitable[Page | None]]


async def migrate_pages(k: Kernel, pages: list[Page], get_new_page: NewPage) -> int:
    """Move isolated pages to frames from `get_new_page`; return how many stayed.

    Up to ten passes; from the fourth on, it sleeps for page locks.  Every page is put
    back on the LRU, moved or not.  -ENOMEM if a new frame could not be had.
    """
    left, failed = list(pages), 0
    for attempt in range(k.config.migrate_passes):
        again: list[Page] = []
        for position, page in enumerate(left):
            rc = await unmap_and_move(k, page, get_new_page, force=attempt > 2)
            if rc == -EAGAIN:
                again.append(page)
            elif rc == -ENOMEM:
                for stuck in again + left[position:]:
                    await putback_lru_page(k, stuck)
                return rc
            elif rc != 0:
                failed += 1
        left = again
        if not left:
            break
    for page in left:
        await putback_lru_page(k, page)
    return failed + len(left)


async def unmap_and_move(
    k: Kernel, page: Page, get_new_page: NewPage, *, force: bool
) -> int:
    """Move one isolated page; 0, or -EAGAIN (the page stays isolated), or an error.

    Takes PG_locked of the page; sleeps for it only if `force`.
    """
    newpage = await get_new_page(k, page)
    if newpage is None:
        return -ENOMEM
    rc = -EAGAIN
    if await page_count(page) == 1:
        rc = 0  # freed meanwhile: only our own reference is left
    elif await lock_for_migration(page, force=force):
        rc = await unmap_and_move_locked(k, page, newpage)
        await page.locked.unlock()
    if rc != -EAGAIN:
        await putback_lru_page(k, page)
    # Moved to, or not needed: both are given to whoever holds references.
    await putback_lru_page(k, newpage)
    return rc


async def lock_for_migration(page: Page, *, force: bool) -> bool:
    if await page.locked.trylock():
        return True
    if not force:
        return False
    await page.locked.lock()
    return True


async def unmap_and_move_locked(k: Kernel, page: Page, newpage: Page) -> int:
    """Steps 2 to 4 of the protocol.  Needs the page locked.

    RCU keeps the anon_vma's memory, the reference count keeps the anon_vma itself:
    once the page is unmapped, its VMAs may all go away.
    """
    async with k.rcu:
        if not await page_mapped(page):
            return -EAGAIN
        anon_vma = page.mapping
        assert anon_vma is not None
        await atomic_add(anon_vma, ANON_VMA.external_refcount, +1)

        await try_to_unmap(
            k, page, TTU_MIGRATION | TTU_IGNORE_MLOCK | TTU_IGNORE_ACCESS
        )
        rc = -EAGAIN
        if not await page_mapped(page):
            rc = await move_to_new_page(k, newpage, page)
        if rc != 0:
            await remove_migration_ptes(k, page, page)

        await atomic_add(anon_vma, ANON_VMA.external_refcount, -1)
    return rc


async def move_to_new_page(k: Kernel, newpage: Page, page: Page) -> int:
    """Let the new page take the old one's place, and point the entries at it.

    Needs the old page locked and unmapped.
    """
    # Nobody else knows the new page.
    bug_on(not await newpage.locked.trylock(), "mm/migrate.c:504")
    newpage.index = page.index
    newpage.mapping = page.mapping
    newpage.flags |= page.flags & PG_swapbacked

    rc = await migrate_page(k, newpage, page)
    if rc == 0:
        await remove_migration_ptes(k, page, newpage)
    else:
        newpage.mapping = None
    await newpage.locked.unlock()
    return rc


async def migrate_page(k: Kernel, newpage: Page, page: Page) -> int:
    """Copy an anonymous page, unless somebody else holds a reference (-EAGAIN)."""
    # migrate_page_move_mapping, for a page without an address_space: the only
    # reference allowed is the one that isolated it.
    if await page_count(page) != 1:
        return -EAGAIN
    await migrate_page_copy(k, newpage, page)
    return 0


async def migrate_page_copy(k: Kernel, newpage: Page, page: Page) -> None:
    """Copy contents and flags, and forget what the old page was."""
    await k.memory.copy_frame(newpage.pfn, page.pfn)
    copied = PG_uptodate | PG_active | PG_dirty
    newpage.flags |= page.flags & copied
    page.flags &= ~copied
    await write_once(page, PAGE.mapping, None)


async def remove_migration_ptes(k: Kernel, old: Page, new: Page) -> None:
    """Point every migration entry for `old` at `new`.  Needs both locked.

    The walk follows the NEW page, whose mapping and index were copied from the old.
    """

    async def rmap_one(k: Kernel, page: Page, vma: VmArea, address: VirtAddr) -> int:
        return await k.pte_peek.remove_migration_pte(k, page, vma, address, old)

    await rmap_walk(k, new, rmap_one)


async def remove_migration_pte(
    k: Kernel, new: Page, vma: VmArea, address: VirtAddr, old: Page
) -> int:
    """Point the entry at `address` at `new`, if it is a migration entry for `old`.

    Called for each VMA of the walk, under the anon_vma lock.  Takes the page-table
    lock, but looks at the entry without it first.
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


async def restore_pte(
    ptep: EntryPointer, entry: int, new: Page, vma: VmArea, address: VirtAddr
) -> None:
    """Map `new` where its migration entry stands.  Needs the page-table lock.

    The entry comes back old and clean; what was dirty is noted in the page's flags.
    Nothing needs flushing, since it was not present.
    """
    await get_page(new)
    pte = pte_mkold(mk_pte(new, await read_once(vma, VMA.vm_page_prot)))
    if is_write_migration_entry(entry):
        pte = pte_mkwrite(pte)
    await ptep.write(pte)
    await page_add_anon_rmap(new, vma, address)


async def migration_entry_wait(k: Kernel, mm: Mm, ptep: EntryPointer) -> None:
    """A program touched a migration entry: wait until the migration is over.

    Called with mmap_sem held for reading.  Afterwards the access is tried again.  The
    reference taken here makes the migration fail if it comes before the copy.
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
