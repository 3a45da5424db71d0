"""Reverse mapping: from a physical page to every virtual address that maps it.

Linux: mm/rmap.c.

A page knows its anon_vma; the anon_vma lists the VMAs that may map the page; a VMA's
bounds and the page's index give the one address in it at which the page would be.
Only the page table there says whether it is.  So a walk trusts three things that
others may be changing: the list (under anon_vma.lock), the bounds (which 2.6.34
changes without that lock), and the entry (under the page-table lock).

A walk that misses an entry is harmless on the way out: the page stays mapped, and
migration gives up.  On the way back it is fatal: a migration entry stays behind.

A file's pages are found the same way, by the list of VMAs that map the file
(i_mmap_lock), and KSM's by the places that were merged into them (`ksm`).

Faults, fork and munmap tie pages and VMAs to each other here; reclaim, migration and
KSM walk.  Order of locks: mmap_sem or PG_locked, then i_mmap_lock, anon_vma.lock,
page_table_lock.  No walk here takes mmap_sem: that sleeps, and a walk holds a spinlock
(most have PG_locked too, before which it would come).

What others may do during a walk: everything that needs neither the lock of the list
nor, for the moment of one entry, the page-table lock.  Faults come and go, exec and
mremap move entries, and in 2.6.34 mprotect and munmap change bounds.  What they cannot
do is take a VMA off the list, and so munmap cannot free its page tables either.  (exec
frees some of its stack's: see `pgtable.free_pgd_range`.)

Left out: nonlinear mappings, poisoned pages, memory cgroups, try_to_munlock;
page_referenced goes on where Linux has seen as many entries as map the page; and
Linux's try_to_unmap_one tries for mmap_sem before it says SWAP_MLOCK
(`refuses_unmapping`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..hw.memory import PAGE_SHIFT, EntryPointer, VirtAddr
from ..sim.access import (
    atomic_add,
    modify_plain,
    read_once,
    read_plain,
    write_once,
    write_plain,
)
from ..sim.failure import Leak, NullPointer, bug_on, not_null
from .kernel import Kernel
from .list_head import list_del
from .mm_types import (
    ANON_VMA,
    MM_ANONPAGES,
    MM_FILEPAGES,
    MM_SWAPENTS,
    PAGE,
    VM_EXEC,
    VM_LOCKED,
    VM_READ,
    VM_SEQ_READ,
    VM_WRITE,
    VMA,
    AddressSpace,
    AnonVma,
    AnonVmaChain,
    Page,
    PageAnon,
    PageKsm,
    PG_dirty,
    PG_swapbacked,
    PG_swapcache,
    StableNode,
    VmArea,
)
from .pgtable import (
    find_pte,
    pte_dirty,
    pte_lockptr,
    pte_pfn,
    pte_present,
    pte_write,
)
from .slab import check_alive, kmem_cache_alloc, kmem_cache_free
from .swap import put_page
from .swapfile import swap_duplicate
from .swapops import make_migration_entry
from .tlb import ptep_clear_flush, ptep_clear_flush_young
from .vmstat import add_page_state

# What try_to_unmap is asked to do, and may leave out.
TTU_UNMAP = 0
TTU_MIGRATION = 1
TTU_ACTION_MASK = 0xFF
TTU_IGNORE_MLOCK = 1 << 8
TTU_IGNORE_ACCESS = 1 << 9

# What a walk says about one mapping, or about all of them.
SWAP_SUCCESS = 0  # nothing maps the page any more; of one mapping: look no further
SWAP_AGAIN = 1  # go on with the next
SWAP_FAIL = 2  # it is in use
SWAP_MLOCK = 3  # the page is locked in memory

# Called for one address at which a page may be mapped, under the lock of the list by
# which it was found; says SWAP_AGAIN to be called for the next.
RmapOne = Callable[[Kernel, Page, VmArea, VirtAddr], Awaitable[int]]


# Building the lists.


async def anon_vma_prepare(k: Kernel, vma: VmArea) -> None:
    """See to it that a VMA has an anon_vma before it gets its first page.

    A neighbour's, if the two may be merged one day, or a new one.  Needs mmap_sem for
    reading.  Two faults may come here at once; page_table_lock decides.  Takes
    anon_vma.lock, then page_table_lock.
    """
    if await read_once(vma, VMA.anon_vma) is not None:
        return
    found = await find_mergeable_anon_vma(vma)
    anon_vma = found or await kmem_cache_alloc(k.anon_vma_cachep)
    avc = AnonVmaChain(vma, anon_vma)
    async with anon_vma.lock, vma.mm.page_table_lock:
        if vma.anon_vma is None:
            await write_once(vma, VMA.anon_vma, anon_vma)
            (await modify_plain(vma, VMA.anon_vma_chain)).insert(0, avc)
            anon_vma.head.insert(0, avc)  # the head; from 2.6.36 on, the tail
            return
    if found is None:
        await free_anon_vma(anon_vma)


async def find_mergeable_anon_vma(vma: VmArea) -> AnonVma | None:
    """The anon_vma of the next neighbour or the previous one, if they could merge.

    Needs mmap_sem.
    """
    neighbours = vma.mm.mmap
    place = neighbours.index(vma)
    if place + 1 < len(neighbours):
        after = neighbours[place + 1]
        if anon_vma_compatible(vma, after):
            found = await reusable_anon_vma(after)
            if found is not None:
                return found
    if place > 0:
        before = neighbours[place - 1]
        if anon_vma_compatible(before, vma):
            return await reusable_anon_vma(before)
    return None


def anon_vma_compatible(lower: VmArea, upper: VmArea) -> bool:
    """Whether two VMAs differ in nothing that mprotect could not make equal.

    Needs mmap_sem.
    """
    pages = (upper.vm_start - lower.vm_start) >> PAGE_SHIFT
    return (
        lower.vm_end == upper.vm_start
        and lower.vm_file is upper.vm_file
        and not (lower.vm_flags ^ upper.vm_flags) & ~(VM_READ | VM_WRITE | VM_EXEC)
        and upper.vm_pgoff == lower.vm_pgoff + pages
    )


async def reusable_anon_vma(vma: VmArea) -> AnonVma | None:
    """A neighbour's anon_vma; None if that VMA is on more than one, as a fork's is.

    Needs mmap_sem; for reading only, so another fault may be giving it its first.
    """
    anon_vma = await read_once(vma, VMA.anon_vma)
    return anon_vma if len(vma.anon_vma_chain) == 1 else None


async def anon_vma_chain_link(vma: VmArea, anon_vma: AnonVma) -> None:
    """Tie a VMA to an anon_vma: first on the VMA's own list, LAST on the anon_vma's.

    That a newcomer goes to the tail is what lets a walk meet parents before their
    children, and the source of a move before its destination.  Needs mmap_sem for
    writing; takes anon_vma.lock.
    """
    avc = AnonVmaChain(vma, anon_vma)
    (await modify_plain(vma, VMA.anon_vma_chain)).insert(0, avc)
    async with anon_vma.lock:
        anon_vma.head.append(avc)


async def anon_vma_clone(vma: VmArea, source: VmArea) -> None:
    """Tie a VMA to every anon_vma of `source`, oldest first, so in the same order.

    Needs the mmap_sem of source's mm for writing.  Takes each anon_vma.lock in turn.
    """
    for avc in reversed(source.anon_vma_chain):
        await anon_vma_chain_link(vma, avc.anon_vma)


async def anon_vma_fork(k: Kernel, vma: VmArea, parent: VmArea) -> None:
    """Tie a child's VMA to its parent's anon_vmas, and give it one of its own.

    From here on walks find it, so it must come before its first entry is copied.
    Needs the parent's mmap_sem for writing.  Takes each anon_vma.lock in turn.
    """
    if parent.anon_vma is None:
        return
    await anon_vma_clone(vma, parent)
    anon_vma = await kmem_cache_alloc(k.anon_vma_cachep)
    await anon_vma_chain_link(vma, anon_vma)
    await write_plain(vma, VMA.anon_vma, anon_vma)


async def unlink_anon_vmas(vma: VmArea) -> None:
    """Untie a VMA from all of its anon_vmas, after which no walk finds it.

    Needs mmap_sem for writing, or that no task has the mm.  Takes each anon_vma.lock
    in turn.  With its last VMA an anon_vma is freed, unless somebody has a reference.
    """
    for avc in list(vma.anon_vma_chain):
        anon_vma = avc.anon_vma
        async with anon_vma.lock:
            list_del(anon_vma.head, avc)
            kept = await read_once(anon_vma, ANON_VMA.external_refcount) > 0
            unused = not anon_vma.head and not kept
        if unused:
            await free_anon_vma(anon_vma)
        list_del(await modify_plain(vma, VMA.anon_vma_chain), avc)


async def free_anon_vma(anon_vma: AnonVma) -> None:
    """Back to its cache, and with it the reference to its root, if that is another.

    Nobody may have its lock, or find it by anything but a stale pointer.  Takes the
    root's lock, if that is another.
    """
    root = anon_vma.root
    await kmem_cache_free(anon_vma)
    if root is not anon_vma:
        await drop_anon_vma(root)


async def get_anon_vma(anon_vma: AnonVma) -> None:
    """Keep an anon_vma although nothing may map its pages (external_refcount).

    Needs something else that keeps it meanwhile.
    """
    await atomic_add(anon_vma, ANON_VMA.external_refcount, +1)


async def drop_anon_vma(anon_vma: AnonVma) -> None:
    """Give that reference up; takes anon_vma.lock, as it may be the last.

    atomic_dec_and_lock: the lock is taken before the count can reach 0.  Linux takes it
    for the last reference only; here it is taken for each.
    """
    async with anon_vma.lock:
        last = await atomic_add(anon_vma, ANON_VMA.external_refcount, -1) == 0
        unused = last and not anon_vma.head
    if unused:
        await free_anon_vma(anon_vma)


# Tying a page to them.


def page_add_new_anon_rmap(page: Page, vma: VmArea, address: VirtAddr) -> None:
    """Account for the first mapping of a new page, which nobody else knows yet.

    Needs the page-table lock.
    """
    bug_on(not vma.vm_start <= address < vma.vm_end, "mm/rmap.c:828")
    bug_on(vma.anon_vma is None, "mm/rmap.c:740")
    page.flags |= PG_swapbacked
    page.mapping = vma.anon_vma
    page.index = linear_page_index(vma, address)
    page.mapcount = 0
    add_page_state(page, "nr_anon_pages", +1)


async def page_add_anon_rmap(page: Page, vma: VmArea, address: VirtAddr) -> None:
    """Account for one more mapping of a page.

    Needs the page-table lock, and the page locked, unless it is KSM's, which is only
    counted.  The first mapping ties the page to the VMA's OLDEST anon_vma, since other
    processes may have the page as well, and works its index out again from bounds that
    nothing here keeps still.
    """
    first = await atomic_add(page, PAGE.mapcount, +1) == 0
    if first:
        add_page_state(page, "nr_anon_pages", +1)
    if PageKsm(page):
        return
    bug_on(not page.locked_now, "mm/rmap.c:807")
    if first:
        bug_on(vma.anon_vma is None, "mm/rmap.c:740")
        await write_once(page, PAGE.mapping, vma.anon_vma_chain[-1].anon_vma)
        start = await read_plain(vma, VMA.vm_start)
        pgoff = await read_plain(vma, VMA.vm_pgoff)
        page.index = ((address - start) >> PAGE_SHIFT) + pgoff


async def page_add_file_rmap(page: Page) -> None:
    """Account for one more mapping of a file's page.  Needs the page-table lock."""
    if await atomic_add(page, PAGE.mapcount, +1) == 0:
        add_page_state(page, "nr_mapped", +1)


async def page_move_anon_rmap(page: Page, vma: VmArea, address: VirtAddr) -> None:
    """Only this process has the page: tie it to the process's own anon_vma.

    Needs the page locked, and the page-table lock.
    """
    bug_on(vma.anon_vma is None, "mm/rmap.c:VM_BUG_ON")
    await write_once(page, PAGE.mapping, vma.anon_vma)


async def page_dup_rmap(page: Page) -> None:
    """fork: one more mapping of a page that has one.  Needs the page-table lock."""
    await atomic_add(page, PAGE.mapcount, +1)


async def page_remove_rmap(page: Page) -> None:
    """Account for the end of one mapping.  Needs the page-table lock.

    An anonymous page stays tied to its anon_vma until it is freed, though from its last
    mapping on nothing keeps that.  Raises Leak if there was no mapping.
    """
    left = await atomic_add(page, PAGE.mapcount, -1)
    if left < -1:
        raise Leak(f"BUG: Bad page map: {page.name} is unmapped once too often")
    if left == -1:
        anon = PageAnon(page)
        add_page_state(page, "nr_anon_pages" if anon else "nr_mapped", -1)


async def page_mapcount(page: Page) -> int:
    """How many entries map the page, at one moment."""
    return await read_once(page, PAGE.mapcount) + 1


async def page_anon(page: Page) -> bool:
    """PageAnon of a page that is not locked: KSM may be making it its own."""
    mapping = await read_once(page, PAGE.mapping)
    return isinstance(mapping, AnonVma | StableNode)


async def page_mapped(page: Page) -> bool:
    """Whether any page-table entry maps the page, at one moment."""
    return await read_once(page, PAGE.mapcount) >= 0


def linear_page_index(vma: VmArea, address: VirtAddr) -> int:
    """The index of the page at `address`.  Needs mmap_sem.

    A known hole: that is not enough on a stack.  It grows (`mmap.expand_stack`) with
    mmap_sem held for reading, by two stores, and the first touch of another thread may
    come between them and get a wrong index.  Linux had this until stacks grew under
    mmap_sem for writing (6.5).  The reads are not announced, so a search that covers
    everything does not see that they conflict with those stores: it may say "proved"
    where a random walk finds the wrong index.
    """
    return ((address - vma.vm_start) >> PAGE_SHIFT) + vma.vm_pgoff


# Following them back.


async def page_lock_anon_vma(k: Kernel, page: Page) -> AnonVma | None:
    """The page's anon_vma, locked, inside an RCU read section; None if unmapped.

    A mapped page's anon_vma cannot be freed: the VMA that maps it is on its list.  If
    the last VMA goes after the look, the anon_vma is freed, and may be given out again
    as another one at once; but its memory stays an anon_vma until the section ends
    (SLAB_DESTROY_BY_RCU), so there is a lock to take.  The walk then finds nothing of
    this page.  Takes anon_vma.lock.  The caller undoes this with page_unlock_anon_vma.
    """
    await k.rcu.read_lock()
    anon_vma = await read_once(page, PAGE.mapping)
    if not isinstance(anon_vma, AnonVma) or not await page_mapped(page):
        await k.rcu.read_unlock()
        return None
    await anon_vma.lock.lock()
    await check_alive(anon_vma)
    return anon_vma


async def page_unlock_anon_vma(k: Kernel, anon_vma: AnonVma) -> None:
    """Give back the lock, and end the RCU read section."""
    await anon_vma.lock.unlock()
    await k.rcu.read_unlock()


async def vma_address(page: Page, vma: VmArea) -> VirtAddr | None:
    """Where `page` would be in `vma`, going by the bounds; None if outside (-EFAULT).

    Nothing here keeps the bounds still; the caller's locks do, or nothing does.  Three
    reads, and a writer on another CPU may come between any two of them.  Needs the lock
    of the list by which the VMA was found.

    On 2.6.36 an end that moves alone, with no neighbour and no insert, takes no lock;
    harmless there, since whatever goes is unmapped, and what comes was not there yet.
    So vm_end is read without a lock on purpose (read_once).  The other two are then
    stored as they were (`vma.store_bounds`); where they change, 2.6.36 has a lock that
    walks have.  On 2.6.34 a boundary between two VMAs moves without it too, and who
    sees the new end of the one beside the old start of the other loses the entries
    between them.
    """
    start = await read_plain(vma, VMA.vm_start)
    pgoff = await read_plain(vma, VMA.vm_pgoff)
    address = start + ((page.index - pgoff) << PAGE_SHIFT)
    if address < start or address >= await read_once(vma, VMA.vm_end):
        return None
    return VirtAddr(address)


async def page_check_address(
    k: Kernel, page: Page, vma: VmArea, address: VirtAddr
) -> EntryPointer | None:
    """The entry that maps `page` at `address`, with its lock held; None if none does.

    The caller gives the lock back.  A look before the lock saves taking it for
    nothing; missing an entry there is harmless (see the top).  Needs the lock of the
    list by which the VMA was found, or mmap_sem, so that the tables stay.
    """
    ptep = await find_pte(k, vma.mm, address)
    if ptep is None or not pte_present(await ptep.read()):
        return None
    ptl = pte_lockptr(vma.mm)
    await ptl.lock()
    pte = await ptep.read()
    if pte_present(pte) and pte_pfn(pte) == page.pfn:
        return ptep
    await ptl.unlock()
    return None


# Walks.


async def try_to_unmap(k: Kernel, page: Page, flags: int) -> int:
    """Remove every entry that maps a page.  Needs the page locked.

    For TTU_MIGRATION, migration entries take their place.  `flags` are TTU_ bits.
    SWAP_SUCCESS if nothing maps the page afterwards; else what the last mapping said.
    """
    bug_on(not page.locked_now, "mm/rmap.c:1303")
    if PageKsm(page):
        result = await try_to_unmap_ksm(k, page, flags)
    elif PageAnon(page):
        # Of every anonymous page; some answers to `exec-stack` leave a stack out.
        result = await k.exec_stack.try_to_unmap_anon(k, page, flags)
    else:
        result = await try_to_unmap_file(k, page, flags)
    if result != SWAP_MLOCK and not await page_mapped(page):
        return SWAP_SUCCESS
    return result


async def try_to_unmap_anon(k: Kernel, page: Page, flags: int) -> int:
    """Visit the VMAs of the page's anon_vma until nothing maps the page any more.

    Needs the page locked; takes anon_vma.lock, in an RCU read section.
    """
    anon_vma = await k.rmap_walk.page_lock_anon_vma(k, page)
    if anon_vma is None:
        return SWAP_AGAIN
    result = SWAP_AGAIN
    for avc in anon_vma.head:
        address = await vma_address(page, avc.vma)
        if address is None:
            continue
        result = await try_to_unmap_one(k, page, avc.vma, address, flags)
        if result != SWAP_AGAIN or not await page_mapped(page):
            break
    await page_unlock_anon_vma(k, anon_vma)
    return result


async def try_to_unmap_file(k: Kernel, page: Page, flags: int) -> int:
    """Visit the VMAs that map this part of the file.

    Needs the page locked, which keeps it in its file.  Takes i_mmap_lock.
    """
    mapping = page.mapping
    if not isinstance(mapping, AddressSpace):
        raise NullPointer(f"{page.name} is in no file")
    result = SWAP_AGAIN
    async with mapping.i_mmap_lock:
        for vma in mapping.i_mmap:
            address = await vma_address(page, vma)
            if address is None:
                continue
            result = await try_to_unmap_one(k, page, vma, address, flags)
            if result != SWAP_AGAIN or not await page_mapped(page):
                break
    return result


async def try_to_unmap_one(
    k: Kernel, page: Page, vma: VmArea, address: VirtAddr, flags: int
) -> int:
    """Take the entry for `page` at `address` away, if it is there.

    A swap entry or a migration entry takes its place, or nothing, where reclaim unmaps
    a file's page.  Needs the page locked, and the lock of its list of VMAs.  Takes the
    page-table lock.
    """
    # FIND, LOCK, RECHECK
    ptep = await page_check_address(k, page, vma, address)
    if ptep is None:
        return SWAP_AGAIN
    ptl = pte_lockptr(vma.mm)
    refusal = await refuses_unmapping(k, vma, address, ptep, flags)
    if refusal is not None:
        await ptl.unlock()
        return refusal
    # CHANGE, FLUSH: only after the flush is D in `pte` the last word, and the page as
    # good as unmapped.  Whoever faults meanwhile finds nothing, and waits for the lock.
    pte = await ptep_clear_flush(k, vma, address, ptep)
    if pte_dirty(pte):
        page.flags |= PG_dirty
    entry = await entry_left_behind(k, page, vma, pte, flags)
    if entry:
        await ptep.write(entry)
    # ACCOUNT: what is there now is not a mapping, and holds no reference
    await page_remove_rmap(page)
    await put_page(k, page)
    await ptl.unlock()
    return SWAP_AGAIN


async def refuses_unmapping(
    k: Kernel, vma: VmArea, address: VirtAddr, ptep: EntryPointer, flags: int
) -> int | None:
    """SWAP_MLOCK if the page is locked in memory here, SWAP_FAIL if it was used lately.

    Else None: it may be unmapped.  Needs the page-table lock.

    VM_LOCKED is believed here.  Linux gives the page-table lock back, tries for
    mmap_sem, and looks again; if it does not get mmap_sem it says SWAP_AGAIN.
    """
    if not flags & TTU_IGNORE_MLOCK:
        vm_flags = await read_once(vma, VMA.vm_flags)
        if vm_flags & VM_LOCKED:
            return SWAP_MLOCK
    if not flags & TTU_IGNORE_ACCESS and await ptep_clear_flush_young(
        k, vma, address, ptep
    ):
        return SWAP_FAIL
    return None


async def entry_left_behind(
    k: Kernel, page: Page, vma: VmArea, pte: int, flags: int
) -> int:
    """What says where a page is that was mapped by `pte`.

    A swap entry, a migration entry (also for a file's page), or 0 where reclaim unmaps
    a file's page: the next fault finds it by its file.  Needs the page-table lock.
    """
    rss = vma.mm.rss_stat
    if PageAnon(page) and page.flags & PG_swapcache:
        await swap_duplicate(k, page.private)
        rss[MM_ANONPAGES] -= 1
        rss[MM_SWAPENTS] += 1
        return page.private
    migration = flags & TTU_ACTION_MASK == TTU_MIGRATION
    if migration:
        return await make_migration_entry(page, write=pte_write(pte))
    bug_on(PageAnon(page), "mm/rmap.c:975")
    rss[MM_FILEPAGES] -= 1
    return 0


async def try_to_unmap_ksm(k: Kernel, page: Page, flags: int) -> int:
    """Visit the places that were merged into a KSM page, and their forks.

    Needs the page locked.  Takes the lock of each place's anon_vma in turn.  (mm/ksm.c)
    """

    async def unmap_one(k: Kernel, page: Page, vma: VmArea, address: VirtAddr) -> int:
        result = await try_to_unmap_one(k, page, vma, address, flags)
        if result == SWAP_AGAIN and not await page_mapped(page):
            return SWAP_SUCCESS  # nothing is left to look for
        return result

    return await k.rmap_walk.rmap_walk_ksm(k, page, unmap_one)


async def rmap_walk(k: Kernel, page: Page, rmap_one: RmapOne) -> int:
    """Call `rmap_one` for every address at which a page may be mapped.

    Needs the page locked, and its anon_vma kept alive by the caller: the page need not
    be mapped any more, and then nothing else does.  Every VMA is visited, unless
    `rmap_one` says other than SWAP_AGAIN.
    """
    bug_on(not page.locked_now, "mm/rmap.c:1412")
    if PageKsm(page):
        return await k.rmap_walk.rmap_walk_ksm(k, page, rmap_one)
    if PageAnon(page):
        return await k.rmap_walk.rmap_walk_anon(k, page, rmap_one)
    return await rmap_walk_file(k, page, rmap_one)


async def rmap_walk_anon(k: Kernel, page: Page, rmap_one: RmapOne) -> int:
    """Walk the VMAs of the page's own anon_vma, under its lock alone.

    Needs the page locked.  Raises UseAfterFree if the caller did not keep the anon_vma.
    """
    anon_vma = page.mapping
    result = SWAP_AGAIN
    if not isinstance(anon_vma, AnonVma):
        return result
    async with anon_vma.lock:
        await check_alive(anon_vma)
        for avc in anon_vma.head:
            address = await vma_address(page, avc.vma)
            if address is None:
                continue
            result = await rmap_one(k, page, avc.vma, address)
            if result != SWAP_AGAIN:
                break
    return result


async def rmap_walk_file(k: Kernel, page: Page, rmap_one: RmapOne) -> int:
    """Walk the VMAs that map this part of the file.

    Needs the page locked.  Takes i_mmap_lock.
    """
    mapping = page.mapping
    result = SWAP_AGAIN
    if not isinstance(mapping, AddressSpace):
        return result
    async with mapping.i_mmap_lock:
        for vma in mapping.i_mmap:
            address = await vma_address(page, vma)
            if address is None:
                continue
            result = await rmap_one(k, page, vma, address)
            if result != SWAP_AGAIN:
                break
    return result


def page_stable_node(page: Page) -> StableNode:
    """What KSM knows of its page, which is locked.  Raises NullPointer.  (mm/ksm.c)"""
    if not isinstance(page.mapping, StableNode):
        raise NullPointer(f"{page.name} has no stable node")
    return page.mapping


async def rmap_walk_ksm(k: Kernel, page: Page, rmap_one: RmapOne) -> int:
    """Walk the places that were merged into a KSM page, each at its own address.

    First the address spaces that KSM knows, then those that were forked from them
    since.  Needs the page locked, which keeps the list of places; takes the lock of
    each place's anon_vma in turn.  (mm/ksm.c)
    """
    node = page_stable_node(page)
    result = SWAP_AGAIN
    for search_new_forks in (False, True):
        for item in node.hlist:
            anon_vma = not_null(item.anon_vma, f"{node.name} has no anon_vma")
            async with anon_vma.lock:
                for avc in anon_vma.head:
                    vma = avc.vma
                    start = await read_plain(vma, VMA.vm_start)
                    end = await read_once(vma, VMA.vm_end)
                    if not start <= item.address < end:
                        continue
                    if (vma.mm is not item.mm) != search_new_forks:
                        continue
                    result = await rmap_one(k, page, vma, item.address)
                    if result != SWAP_AGAIN:
                        break
            if result != SWAP_AGAIN:
                return result
    return result


# Was it used?


async def page_referenced(k: Kernel, page: Page, *, is_locked: bool) -> tuple[int, int]:
    """How many entries say that a page was used since the last look; all are cleared.

    Also the flags of its VMAs, of which VM_LOCKED matters.  A page of a file or of KSM
    must be locked for this: it is, if `is_locked`, or is tried for here; one that
    cannot be counts as used.  Takes the locks of a walk.
    """
    found = [0, 0]  # entries that were young, flags of VMAs

    async def look(k: Kernel, page: Page, vma: VmArea, address: VirtAddr) -> int:
        return await page_referenced_one(k, page, vma, address, found)

    if not await page_mapped(page):
        return 0, 0
    anon = PageAnon(page) and not PageKsm(page)
    took_lock = False
    if not anon and not is_locked:
        took_lock = await page.locked.trylock()
        if not took_lock:
            return 1, 0
    if PageKsm(page):
        await k.rmap_walk.rmap_walk_ksm(k, page, look)
    elif anon:
        await page_referenced_anon(k, page, look)
    else:
        await rmap_walk_file(k, page, look)
    if took_lock:
        await page.locked.unlock()
    return found[0], found[1]


async def page_referenced_anon(k: Kernel, page: Page, look: RmapOne) -> None:
    """Look at each mapping of an anonymous page, which need not be locked.

    Takes anon_vma.lock, in an RCU read section.
    """
    anon_vma = await k.rmap_walk.page_lock_anon_vma(k, page)
    if anon_vma is None:
        return
    for avc in anon_vma.head:
        address = await vma_address(page, avc.vma)
        if address is None:
            continue
        if await look(k, page, avc.vma, address) != SWAP_AGAIN:
            break
    await page_unlock_anon_vma(k, anon_vma)


async def page_referenced_one(
    k: Kernel, page: Page, vma: VmArea, address: VirtAddr, found: list[int]
) -> int:
    """Look at one mapping, and add what it says to `found`: young entries, VM_ flags.

    Needs the lock of the list by which the VMA was found.  Takes the page-table lock.
    """
    ptep = await page_check_address(k, page, vma, address)
    if ptep is None:
        return SWAP_AGAIN
    vm_flags = await read_once(vma, VMA.vm_flags)  # nothing protects it here
    if vm_flags & VM_LOCKED:
        found[1] |= VM_LOCKED
        await pte_lockptr(vma.mm).unlock()
        return SWAP_SUCCESS
    if await ptep_clear_flush_young(k, vma, address, ptep):
        # Whoever reads straight through does not come back.
        found[0] += not vm_flags & VM_SEQ_READ
    found[1] |= vm_flags
    await pte_lockptr(vma.mm).unlock()
    return SWAP_AGAIN
