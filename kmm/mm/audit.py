"""Does everything add up?

Two questions.  `check_always`: what must hold between any two steps of a run, whatever
goes on; asked after every step by tests, and on demand (`--check`).  `audit`: what must
hold besides when every thread of a run has ended, and nothing goes on any more.

A lost reference, a mapping that nobody accounts for, or a frame that is free and in
use is a bug even if no program has stumbled over it yet.

It looks between two steps, and so needs no lock, but asks of some things only while
nobody holds the lock under which they change.  (Nothing of it is in Linux.)
"""

from __future__ import annotations

from collections import Counter

from ..hw.memory import PAGE_SHIFT, Pfn
from ..sim.failure import Corruption, Leak
from .buddy import is_isolated
from .kernel import Kernel
from .mm_types import Mm, Page, PG_buddy, PG_lru, PG_reserved
from .mmzone import MAX_ORDER, NR_LRU_LISTS, Zone
from .observe import entries_of, page_tables_of
from .pgtable import pte_pfn, pte_present, pte_special
from .swap import page_lru
from .swapfile import SWAP_HAS_CACHE
from .swapops import is_swap_entry, swp_offset

# At the end of a run.


def audit(k: Kernel) -> None:
    """Compare counts with what refers to each page and address space.  Raises Leak."""
    mapped, swapped = count_entries(k)
    check_now(k, mapped, swapped)
    check_dead_mms(k)
    users = count_users(k, mapped)
    kept = free_pages_of(k)
    for page in k.mem_map.in_order():
        if page.flags & PG_reserved:
            continue
        if page.count != users[page.pfn]:
            raise Leak(f"{page.name}: {page.count} references, {users[page.pfn]} users")
        if (page.count == 0) != (page in kept):
            raise Leak(f"{page.name}: {page.count} references, but not so on free list")


def check_dead_mms(k: Kernel) -> None:
    """Where nobody lives any more, some CPU still has it: else it should have gone."""
    borrowed = {task.active_mm.name for task in k.running}
    for mm in k.mms.values():
        if mm.mm_users == 0 and (mm.mm_count == 0 or mm.name not in borrowed):
            raise Leak(
                f"{mm.name}: a dead address space that no CPU has borrowed",
                f"mm_users:{mm.mm_users} mm_count:{mm.mm_count}",
            )


def count_users(k: Kernel, mapped: Counter[Pfn]) -> Counter[Pfn]:
    """By pfn: how many have a reference."""
    users = mapped.copy()
    for mm in k.mms.values():
        users.update(page_tables_of(k, mm))
    for pagevecs in k.pagevecs:
        for pages in pagevecs.lru_add:
            users.update(page.pfn for page in pages)
    for mapping in [k.swapper_space, *k.mappings.values()]:
        users.update(page.pfn for page in mapping.page_tree.values())
    users.update(page.pfn for page in pages_of_pipes(k))
    return users


def pages_of_pipes(k: Kernel) -> list[Page]:
    inodes = k.vfs.s_inodes.values() if k.vfs is not None else ()
    return [page for inode in inodes if inode.i_pipe for page in inode.i_pipe.pages()]


def count_entries(k: Kernel) -> tuple[Counter[Pfn], Counter[int]]:
    """The page-table entries that map a page, by pfn; and those of each swap slot."""
    mapped: Counter[Pfn] = Counter()
    swapped: Counter[int] = Counter()
    for mm in k.mms.values():
        for _, pte in entries_of(k, mm):
            if pte_present(pte) and not pte_special(pte):
                mapped[pte_pfn(pte)] += 1
            elif is_swap_entry(pte):
                swapped[swp_offset(pte)] += 1
    return mapped, swapped


def free_pages_of(k: Kernel) -> set[Page]:
    """The pages that are free, as far as they have been made."""
    free: set[Page] = set()
    for page in k.mem_map.in_order():
        if page.flags & PG_buddy:
            block = range(page.pfn, page.pfn + (1 << page.private))
            free.update(k.mem_map[pfn] for pfn in block if pfn in k.mem_map)
    for zone in k.zones:
        for pcp in zone.pageset:
            for pages in pcp.lists:
                free.update(pages)
    return free


# Between any two steps.


def check_always(k: Kernel) -> None:
    """What holds at every moment.  Raises Leak or Corruption."""
    check_now(k, *count_entries(k))


def check_now(k: Kernel, mapped: Counter[Pfn], swapped: Counter[int]) -> None:
    """The same, with entries that have been counted (`count_entries`)."""
    for zone in k.zones:
        check_buddy(k, zone)
        check_lru(zone)
    check_mapped_pages(k, mapped)
    check_tlbs(k)
    for mm in k.mms.values():
        check_vmas(mm)
    if not any_page_table_locked(k):
        check_mapcounts(k, mapped)
        check_swap_map(k, swapped)


def check_buddy(k: Kernel, zone: Zone) -> None:
    """Free blocks are aligned, apart, merged as far as can be, and counted."""
    covered: set[int] = set()
    pages = 0
    for order in range(MAX_ORDER):
        area = zone.free_area[order]
        heads = [page for pages in area.free_list for page in pages]
        if len(heads) != area.nr_free:
            raise Leak(
                f"{zone.full_name}: {len(heads)} blocks of order {order}, "
                f"counted {area.nr_free}"
            )
        for page in heads:
            frames = range(page.pfn, page.pfn + (1 << order))
            if (
                page.private != order
                or not page.flags & PG_buddy
                or page.pfn % len(frames)
            ):
                raise Leak(f"{page.name} is on the free list of order {order}")
            if not covered.isdisjoint(frames):
                raise Leak(f"{page.name}: its free block overlaps another")
            covered.update(frames)
            check_unmerged(k, page, order)
            pages += len(frames)
    if pages != zone.nr_free_pages:
        raise Leak(
            f"{zone.full_name}: {pages} pages on the free lists, "
            f"counted {zone.nr_free_pages}"
        )


def check_unmerged(k: Kernel, page: Page, order: int) -> None:
    """No free block has a free buddy of its own size."""
    buddy = k.mem_map.get(page.pfn ^ (1 << order))
    if (
        order < MAX_ORDER - 1
        and buddy is not None
        and buddy.flags & PG_buddy
        and buddy.private == order
        and buddy.zone is page.zone
        and is_isolated(page.zone, page.pfn) == is_isolated(page.zone, buddy.pfn)
    ):
        raise Leak(f"{page.name} and {buddy.name} are free buddies, and not merged")


def check_lru(zone: Zone) -> None:
    """A page is on the list that its flags say, if PG_lru, and else on none."""
    for lru in range(NR_LRU_LISTS):
        for page in zone.lru[lru]:
            if not page.flags & PG_lru or page_lru(page) != lru:
                raise Leak(f"{page.name} is on the wrong LRU list")


def check_mapped_pages(k: Kernel, mapped: Counter[Pfn]) -> None:
    """Nothing free is mapped, and every entry has its reference."""
    for pfn, entries in mapped.items():
        page = k.mem_map[pfn]
        if page.count < entries:
            raise Leak(f"{page.name}: {page.count} references, mapped {entries} times")


def check_tlbs(k: Kernel) -> None:
    """No CPU remembers a frame that has been given back.

    It could write to it, though it is somebody else's by now.  What an entry allows is
    not compared with the tables: until the flush has come, it may be more than they do.
    """
    for cpu in k.cpus:
        for found in cpu.tlb:
            page = k.mem_map[found.frame >> PAGE_SHIFT]
            if page.count == 0:
                raise Corruption(
                    f"CPU {cpu.number} remembers {page.name} at {found.page:#x}, "
                    f"which is free"
                )


def check_vmas(mm: Mm) -> None:
    """VMAs are in order, and do not overlap, unless somebody is changing them."""
    if mm.mmap_sem.writer is not None or mm.mm_users == 0:
        return
    for lower, upper in zip(mm.mmap, mm.mmap[1:], strict=False):
        if lower.vm_end > upper.vm_start:
            raise Leak(f"{lower.name} and {upper.name} overlap")
    for vma in mm.mmap:
        if vma.vm_start >= vma.vm_end:
            raise Leak(f"{vma.name} is empty")
        for avc in vma.anon_vma_chain:
            if avc.anon_vma.freed or avc not in avc.anon_vma.head:
                raise Leak(f"{vma.name} is not on the list of {avc.anon_vma.name}")


def any_page_table_locked(k: Kernel) -> bool:
    return any(mm.page_table_lock.owner is not None for mm in k.mms.values())


def check_mapcounts(k: Kernel, mapped: Counter[Pfn]) -> None:
    """While nobody has a page-table lock, every mapping is accounted for."""
    for page in k.mem_map.values():
        if page.mapcount + 1 != mapped[page.pfn] and not page.flags & PG_reserved:
            raise Leak(
                f"{page.name}: mapcount says {page.mapcount + 1}, "
                f"page tables say {mapped[page.pfn]}"
            )


def check_swap_map(k: Kernel, swapped: Counter[int]) -> None:
    """While nobody has a page-table lock, swap entries are counted.

    A fork or a swap-in counts a moment before or after; then somebody has one.
    """
    for slot, number in swapped.items():
        if k.swap.swap_map.get(slot, 0) & ~SWAP_HAS_CACHE < number:
            raise Leak(f"swap slot {slot}: {number} entries, counted fewer")
