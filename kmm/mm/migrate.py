"""Page migration: moving a page to another frame while programs use it.

Linux: mm/migrate.c, as of 2.6.34 with the repairs that came with compaction (2.6.35).
Called by `compaction`, `move_pages` and `memory_hotplug`; faults that meet an entry of
it call `migration_entry_wait`.

The protocol, for a page that has been isolated from the LRU:

1. lock the page;
2. walk its mappings, and put a migration entry in the place of each (`try_to_unmap`);
   a program that touches one waits for the page lock (`migration_entry_wait`);
3. if nothing maps the page any more and nobody else holds a reference, copy it;
4. walk the mappings again, and point each migration entry at the new page
   (`k.pte_peek.remove_migration_pte`, whose versions are in `designs.pte_peek`), or
   back at the old one if the page could not be moved;
5. unlock the page.

After step 5 there must be no migration entry left: the page that it names may be
freed and become somebody else's.  So the walk of step 4 must find every entry that
the walk of step 2 made, although the VMAs may have changed in between.

Where can another CPU run?  At every await that ends in a trap other than a question
(`sim.trap`).  `kmm hunt exec-stack` prints a schedule, and `kmm replay SCHEDULE --step`
each such place in that run.  In order of time, with what is held, and who may come:

1. `unmap_and_move` as far as `lock_for_migration`: the isolator's reference, which
   keeps the page a page, and no more.  Anybody.
2. `unmap_and_move_locked` as far as the first walk: PG_locked of the page too, which
   keeps away other migrations, reclaim and KSM, but nobody who changes VMAs or entries.
   For an anonymous page an RCU read section begins when writeback is over; then its
   anon_vma is kept, on every named kernel by a reference (`anon-vma-pin`).
3. The first walk, `try_to_unmap`: the lock of the list that it follows too.  No VMA
   joins or leaves that list, and munmap frees no page table of those on it.  Bounds may
   change (`rmap-walk`), and entries may move (`exec-stack`, `pte-peek`).
4. `move_to_new_page` as far as the second walk: PG_locked of both pages.  mmap_sem is
   not held: faults, fork, exec, mremap, mprotect, munmap and exit may change VMAs and
   entries.  (`move_pages` holds that of one address space, for reading: there nobody
   comes who needs it for writing, but a stack may grow.)
5. The second walk, `remove_migration_ptes`: as in the first.
6. After the locks are given back: anybody, to both pages.  A migration entry that is
   left is met by whoever comes.

In either walk, while one entry is changed, the page-table lock is held as well: nobody
else changes that entry, but that a CPU which uses the page may set A and D in it.
The second walk may miss an entry in three ways: `rmap-walk`, `exec-stack`, `pte-peek`.

Locks: PG_locked of the old page and then of the new, i_mmap_lock or anon_vma.lock,
page_table_lock; tree_lock while a page changes places in its file or the swap cache.

Two pages are given in Linux's order: (newpage, page) where the new one is filled, (old,
new) to `remove_migration_ptes`, and the old one first in what is unmap_and_move there.

Left out: memory cgroups, pages with buffers (and so files whose pages are written out
first), hugetlbfs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..hw.memory import EntryPointer, VirtAddr
from ..sim.access import atomic_cmpxchg, read_once, write_once
from ..sim.failure import bug_on
from ..sim.trap import WAIT, GateOp, Op, trap
from .errno import EAGAIN, EBUSY, ENOMEM
from .kernel import Kernel
from .mm_types import (
    PAGE,
    VMA,
    AddressSpace,
    Mm,
    Page,
    PageAnon,
    PageKsm,
    PG_active,
    PG_dirty,
    PG_mlocked,
    PG_referenced,
    PG_swapbacked,
    PG_swapcache,
    PG_unevictable,
    PG_uptodate,
    PG_writeback,
    StableNode,
    VmArea,
)
from .page_alloc import get_page, get_page_unless_zero, page_count
from .pgtable import mk_pte, pte_lockptr, pte_mkold, pte_mkwrite
from .rmap import (
    TTU_IGNORE_ACCESS,
    TTU_IGNORE_MLOCK,
    TTU_MIGRATION,
    page_add_anon_rmap,
    page_add_file_rmap,
    page_mapped,
    rmap_walk,
    try_to_unmap,
)
from .swap import lru_add_drain, lru_add_drain_all, put_page
from .swap_state import wait_on_page_writeback
from .swapops import (
    is_migration_entry,
    is_write_migration_entry,
    migration_entry_to_page,
)
from .vmscan import count_isolated, putback_lru_page
from .vmstat import add_page_state, count_vm_events

# Where a page goes: a page with one reference, which nobody else knows; None for none.
NewPage = Callable[[Kernel, Page], Awaitable[Page | None]]
# What came of an attempt at a page: 0, or a negated error.
Result = Callable[[Page, int], None]


def nobody_asks(page: Page, rc: int) -> None:
    """What came of a page is nobody's business."""


async def migrate_prep(k: Kernel) -> None:
    """See to it that pages can be isolated: none may wait in a pagevec.  Sleeps."""
    await lru_add_drain_all(k)


async def migrate_prep_local(k: Kernel) -> None:
    """The same for this CPU alone."""
    await lru_add_drain(k)


async def migrate_pages(
    k: Kernel,
    pages: list[Page],
    get_new_page: NewPage,
    *,
    offlining: bool = False,
    result: Result = nobody_asks,
) -> int:
    """Move isolated pages to frames from `get_new_page`; return how many stayed.

    -ENOMEM if a new frame could not be had, which ends it.  `result` is told of each
    attempt at a page.  `offlining` says that their memory goes away.

    Up to ten passes; from the fourth on, it sleeps for page locks.  Every page is put
    back on the LRU, moved or not, and `pages` is empty afterwards (until 2.6.37).  The
    caller holds a reference to each, and has counted them as isolated.
    """
    failed, error, again = 0, 0, 0
    for attempt in range(k.config.migrate_passes):
        again = 0
        for page in list(pages):
            rc = await unmap_and_move(
                k, page, pages, get_new_page, force=attempt > 2, offlining=offlining
            )
            result(page, rc)
            if rc == -EAGAIN:
                again += 1
            elif rc == -ENOMEM:
                error = rc
                break
            elif rc != 0:
                failed += 1
        if error or not again:
            break
    await putback_lru_pages(k, pages)
    return error or failed + again


async def putback_lru_pages(k: Kernel, pages: list[Page]) -> None:
    """Give back all that was isolated and has not been; `pages` is empty afterwards.

    Counts them back, and drops the isolators' references.  (.34 returns how many there
    were, .35 does not.)
    """
    for page in pages:
        count_isolated(page, -1)
        await putback_lru_page(k, page)
    pages.clear()


async def unmap_and_move(
    k: Kernel,
    page: Page,
    pages: list[Page],
    get_new_page: NewPage,
    *,
    force: bool,
    offlining: bool,
) -> int:
    """Try to move one isolated page, and say what came of it:

    - 0: it has moved, and is off `pages`; or it was freed meanwhile, and stays on it;
    - -EAGAIN: something was in the way; it stays on `pages`, to be tried again;
    - -ENOMEM: there is no new page for it; it stays on `pages`;
    - another error: it cannot be moved; it is back on the LRU, and off `pages`.

    Takes PG_locked of the page; sleeps for it only if `force`.

    From the look at the count to the lock anything may happen to the page; from there
    on see the top of the module.
    """
    newpage = await get_new_page(k, page)
    if newpage is None:
        return -ENOMEM
    rc = -EAGAIN
    if await page_count(page) == 1:
        # Freed meanwhile: only the isolator's reference is left.  It goes when what
        # has stayed on `pages` is put back.
        await putback_lru_page(k, newpage)
        return 0
    if await lock_for_migration(page, force=force):
        rc = await unmap_and_move_locked(
            k, page, newpage, force=force, offlining=offlining
        )
        await page.locked.unlock()
    if rc == 0:
        # As from 3.8 on, which counts a page that was freed meanwhile as well.
        count_vm_events(k, "pgmigrate_success")
    if rc != -EAGAIN:
        pages.remove(page)
        count_isolated(page, -1)
        await putback_lru_page(k, page)
    # Drop the allocation's reference: the LRU gets a used page, an unused one is freed.
    await putback_lru_page(k, newpage)
    return rc


async def lock_for_migration(page: Page, *, force: bool) -> bool:
    """Take PG_locked, and sleep for it if `force`; say whether it worked."""
    if await page.locked.trylock():
        return True
    if not force:
        return False
    await page.locked.lock()
    return True


async def unmap_and_move_locked(
    k: Kernel, page: Page, newpage: Page, *, force: bool, offlining: bool
) -> int:
    """Steps 2 to 4 of the protocol.  Needs the page locked.

    A KSM page moves only when its memory goes away (`offlining`), since only then is
    ksm_thread_mutex held, and with it what KSM knows of the page.
    """
    if PageKsm(page) and not offlining:
        return -EBUSY
    if page.flags & PG_writeback:
        if not force:
            return -EAGAIN
        await wait_on_page_writeback(page)
    if not PageAnon(page):
        return await unmap_copy_remap(k, page, newpage, remap=True)
    async with k.rcu:
        return await unmap_and_move_anon(k, page, newpage)


async def unmap_and_move_anon(k: Kernel, page: Page, newpage: Page) -> int:
    """An anonymous page.  Needs the page locked, inside an RCU read section.

    Once the page is unmapped, its VMAs may all go away.  What keeps its anon_vma then
    is the question `anon-vma-pin`.
    """
    if PageKsm(page):
        return await unmap_copy_remap(k, page, newpage, remap=True)
    anon_vma = await k.anon_vma_pin.pin_anon_vma(k, page)
    if anon_vma is not None:
        rc = await unmap_copy_remap(k, page, newpage, remap=True)
        await k.anon_vma_pin.unpin_anon_vma(anon_vma)
        return rc
    # Not mapped any more.  In the swap cache it can move all the same, since nobody
    # will look for its mappings; else it is about to be freed.
    if page.flags & PG_swapcache:
        return await unmap_copy_remap(k, page, newpage, remap=False)
    return -EAGAIN


async def unmap_copy_remap(k: Kernel, page: Page, newpage: Page, *, remap: bool) -> int:
    """Unmap a page if it is mapped, copy it, and map it again, unless not `remap`.

    0, or -EAGAIN, after which it is mapped as before.  Needs the page locked and its
    anon_vma kept.
    """
    rc = -EAGAIN
    # A page that was just read into the swap cache has no mapping yet.
    if page.mapping is not None:
        # Its result does not matter: only whether the page is mapped still.
        await try_to_unmap(
            k, page, TTU_MIGRATION | TTU_IGNORE_MLOCK | TTU_IGNORE_ACCESS
        )
    if not await page_mapped(page):
        rc = await move_to_new_page(k, newpage, page, remap=remap)
    if rc != 0 and remap:
        await remove_migration_ptes(k, page, page)  # back to where it was
    return rc


async def move_to_new_page(k: Kernel, newpage: Page, page: Page, *, remap: bool) -> int:
    """Let the new page take the old one's place, and point the entries at it.

    0, or -EAGAIN, after which the new page is nobody's again.  Needs the old page
    locked and unmapped.  Takes PG_locked of the new page.
    """
    # Nobody else knows the new page.
    bug_on(not await newpage.locked.trylock(), "mm/migrate.c:504")
    newpage.index = page.index
    newpage.mapping = page.mapping
    newpage.flags |= page.flags & PG_swapbacked

    rc = await migrate_page(k, newpage, page)
    if rc == 0 and remap:
        await remove_migration_ptes(k, page, newpage)
    elif rc != 0:
        newpage.mapping = None
    await newpage.locked.unlock()
    return rc


async def migrate_page(k: Kernel, newpage: Page, page: Page) -> int:
    """Copy a page; 0, or -EAGAIN if somebody else holds a reference.

    Needs both pages locked, and the old one unmapped.
    """
    bug_on(bool(page.flags & PG_writeback), "mm/migrate.c:348")
    rc = await migrate_page_move_mapping(k, newpage, page)
    if rc == 0:
        await migrate_page_copy(k, newpage, page)
    return rc


async def migrate_page_move_mapping(k: Kernel, newpage: Page, page: Page) -> int:
    """Put the new page in the place of the old one in its file, or in the swap cache.

    0, or -EAGAIN: the only references allowed are the one that isolated it, and that
    of the file or the swap cache.  Whoever waits for the page to be unlocked has one
    too.  While they are changed over, the count is 0: frozen, and nobody can take
    another.  A page that has neither is only looked at: nothing leads to it any more
    but migration entries, and who takes a reference by one waits.  Needs both pages
    locked.  Takes tree_lock.
    """
    mapping = page_mapping(k, page)
    if mapping is None:
        return 0 if await page_count(page) == 1 else -EAGAIN
    key = page.private if page.flags & PG_swapcache else page.index
    async with mapping.tree_lock:
        if mapping.page_tree.get(key) is not page:
            return -EAGAIN
        if not await atomic_cmpxchg(page, PAGE.count, 2, 0):
            return -EAGAIN
        await get_page(newpage)
        if page.flags & PG_swapcache:
            newpage.flags |= PG_swapcache
            newpage.private = page.private
        mapping.page_tree[key] = newpage
        await write_once(page, PAGE.count, 1)  # unfrozen, without the cache's
        add_page_state(page, "nr_file_pages", -1)
        add_page_state(newpage, "nr_file_pages", +1)
    return 0


def page_mapping(k: Kernel, page: Page) -> AddressSpace | None:
    """The file that a page belongs to, or the swap cache; None if neither.

    Needs the page locked.
    """
    if page.flags & PG_swapcache:
        return k.swapper_space
    return page.mapping if isinstance(page.mapping, AddressSpace) else None


async def migrate_page_copy(k: Kernel, newpage: Page, page: Page) -> None:
    """Copy contents and flags, and forget what the old page was.

    Needs both pages locked.  Nothing maps the old one, and CPUs have forgotten it, so
    what is copied is the last that was written.
    """
    await k.memory.copy_frame(newpage.pfn, page.pfn)
    moved = PG_active | PG_dirty | PG_unevictable | PG_mlocked
    newpage.flags |= page.flags & (moved | PG_uptodate | PG_referenced)
    page.flags &= ~(moved | PG_uptodate | PG_swapcache)
    page.private = 0
    if isinstance(page.mapping, StableNode):
        page.mapping.kpfn = newpage.pfn  # ksm_migrate_page
    await write_once(page, PAGE.mapping, None)


async def remove_migration_ptes(k: Kernel, old: Page, new: Page) -> None:
    """Point every migration entry for `old` at `new`.  Needs both locked.

    The walk follows the NEW page, whose mapping and index were copied from the old.
    It knows nothing of the walk that made the entries; it goes by what VMAs and page
    tables say now.
    """

    async def rmap_one(k: Kernel, page: Page, vma: VmArea, address: VirtAddr) -> int:
        return await k.pte_peek.remove_migration_pte(k, page, vma, address, old)

    await rmap_walk(k, new, rmap_one)


async def restore_pte(
    ptep: EntryPointer, entry: int, new: Page, vma: VmArea, address: VirtAddr
) -> None:
    """Map `new` where its migration entry stands.  Needs the page-table lock.

    The entry comes back old and clean; what was dirty is noted in the page's flags.
    Nothing needs flushing, since it was not present.  The rights are those that the VMA
    gives now; RW is set only if the entry still says so (mprotect and fork take that
    from it).
    """
    await get_page(new)
    pte = pte_mkold(mk_pte(new, await read_once(vma, VMA.vm_page_prot)))
    if is_write_migration_entry(entry):
        pte = pte_mkwrite(pte)
    await ptep.write(pte)
    if PageAnon(new):
        await page_add_anon_rmap(new, vma, address)
    else:
        await page_add_file_rmap(new)


async def migration_entry_wait(k: Kernel, mm: Mm, ptep: EntryPointer) -> None:
    """A program touched a migration entry: wait until the migration is over, and retry.

    Needs mmap_sem for reading.  Takes the page-table lock, then sleeps without it.  Its
    reference makes the migration fail if taken before the references are counted.  BUG
    if the entry has outlived its migration (`migration_entry_to_page`).
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


async def wait_for_references(page: Page) -> None:
    """The migration has the count at 0 while it puts the copy into the page's place.

    Linux lets the program fault again until it has not.
    """
    await trap(GateOp(WAIT, f"{page.name}.count", Referenced(page), sleeps=False))


class Referenced:
    """Lets those go on who wait until a page's count may be raised again (a gate)."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def admits(self, op: Op) -> bool:
        return self.page.count != 0

    def __str__(self) -> str:
        return str(self.page.count)
