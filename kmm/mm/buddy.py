"""The buddy allocator: how free memory is kept in blocks, taken, and given back.

Linux: mm/page_alloc.c, as far as it needs zone.lock.

Free memory is kept in blocks of 1, 2, 4 ... 1024 pages, each aligned to its size.  A
block's *buddy* is the other half of the block twice as large: its number differs in one
bit.  A block is split in two for whoever wants less; the lower half goes on being
split, the upper one is kept.  When a block is freed and its buddy is free too, they
merge, and so on upwards.  Only the first page of a free block knows of it (PG_buddy,
with the order in `private`).

The lists of each order are apart by *migratetype*, so that a zone has blocks in which
everything can be moved.  When a list runs out, the largest block of another type is
taken, and if it is large its whole pageblock changes sides.

All of this needs zone.lock.  Nothing here awaits, so to others each call is one moment
(`Zone.change_free_area`, which callers announce).  Called by `page_alloc`, `compaction`
and `page_isolation`.
"""

from __future__ import annotations

from ..sim.failure import bug_on
from .kernel import Kernel
from .list_head import list_del_corruption
from .mm_types import Page, PG_buddy
from .mmzone import (
    MAX_ORDER,
    MIGRATE_ISOLATE,
    MIGRATE_MOVABLE,
    MIGRATE_RECLAIMABLE,
    MIGRATE_RESERVE,
    MIGRATE_TYPES,
    MIGRATE_UNMOVABLE,
    Zone,
)

# Where to look when a list has run out, in order.  (RESERVE comes last of all.)
FALLBACKS = {
    MIGRATE_UNMOVABLE: (MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE),
    MIGRATE_RECLAIMABLE: (MIGRATE_UNMOVABLE, MIGRATE_MOVABLE),
    MIGRATE_MOVABLE: (MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE),
    MIGRATE_RESERVE: (),
}


# The lists.


def add_to_free_list(
    zone: Zone, page: Page, order: int, migratetype: int, *, tail: bool = False
) -> None:
    """Mark `page` as the head of a free block, and put that on its list.

    At the head, to be handed out next, or at the tail.  nr_free_pages is the caller's.
    """
    area = zone.free_area[order]
    page.flags |= PG_buddy
    page.private = order
    page.lru = area.free_list[migratetype]
    if tail:
        page.lru.add_tail(page)
    else:
        page.lru.add(page)
    area.nr_free += 1


def del_from_free_list(zone: Zone, page: Page) -> int:
    """Take a free block off its list, and return its order."""
    order = page.private
    if page.lru is None:
        raise list_del_corruption(page)
    page.lru.delete(page)
    page.lru = None
    page.flags &= ~PG_buddy
    page.private = 0
    zone.free_area[order].nr_free -= 1
    return order


def free_blocks(zone: Zone) -> list[tuple[Page, int, int]]:
    """Every free block: its first page, order and migratetype."""
    return [
        (page, order, migratetype)
        for order in range(MAX_ORDER)
        for migratetype in range(MIGRATE_TYPES)
        for page in zone.free_area[order].free_list[migratetype]
    ]


# Taking a block.


def rmqueue(k: Kernel, zone: Zone, order: int, migratetype: int) -> Page | None:
    """Take a block of 1 << order pages, of this type if possible (__rmqueue)."""
    page = rmqueue_smallest(k, zone, order, migratetype)
    if page is None and migratetype != MIGRATE_RESERVE:
        page = rmqueue_fallback(k, zone, order, migratetype)
        if page is None:
            page = rmqueue_smallest(k, zone, order, MIGRATE_RESERVE)
    if page is not None:
        zone.nr_free_pages -= 1 << order
    return page


def rmqueue_smallest(
    k: Kernel, zone: Zone, order: int, migratetype: int
) -> Page | None:
    """The first block of the smallest order that will do, split if it is larger."""
    for current_order in range(order, MAX_ORDER):
        free_list = zone.free_area[current_order].free_list[migratetype]
        if free_list:
            page = free_list.first()
            del_from_free_list(zone, page)
            expand(k, zone, page, order, current_order, migratetype)
            return page
    return None


def expand(
    k: Kernel, zone: Zone, page: Page, low: int, high: int, migratetype: int
) -> None:
    """Split a block of order `high` down to `low`; the upper halves stay free."""
    while high > low:
        high -= 1
        upper = k.mem_map[page.pfn + (1 << high)]
        add_to_free_list(zone, upper, high, migratetype)


def rmqueue_fallback(
    k: Kernel, zone: Zone, order: int, start_migratetype: int
) -> Page | None:
    """Take from another type: the largest block, so that types mix in few places.

    If the block is large, all that is free in its pageblock changes sides, and if that
    is half of it, the pageblock does.
    """
    for current_order in range(MAX_ORDER - 1, order - 1, -1):
        for migratetype in FALLBACKS[start_migratetype]:
            free_list = zone.free_area[current_order].free_list[migratetype]
            if not free_list:
                continue
            page = free_list.first()
            if (
                current_order >= zone.pageblock_order // 2
                or start_migratetype == MIGRATE_RECLAIMABLE
                or k.page_group_by_mobility_disabled
            ):
                claim_pageblock(k, zone, page, start_migratetype)
                migratetype = start_migratetype
            del_from_free_list(zone, page)
            if current_order >= zone.pageblock_order:
                for pfn in range(
                    page.pfn, page.pfn + (1 << current_order), zone.pageblock_nr_pages
                ):
                    zone.set_pageblock_type(pfn, start_migratetype)
            expand(k, zone, page, order, current_order, migratetype)
            return page
    return None


def claim_pageblock(k: Kernel, zone: Zone, page: Page, migratetype: int) -> None:
    """Let what is free around `page` change sides, and the pageblock if it is half."""
    moved = move_freepages_block(k, zone, page.pfn, migratetype)
    if moved >= zone.pageblock_nr_pages // 2 or k.page_group_by_mobility_disabled:
        zone.set_pageblock_type(page.pfn, migratetype)


def move_freepages_block(k: Kernel, zone: Zone, pfn: int, migratetype: int) -> int:
    """Put all free blocks of a pageblock on the lists of another type.

    Returns how many pages that were: none if the pageblock crosses the zone's end.
    """
    start = pfn & -zone.pageblock_nr_pages
    end = start + zone.pageblock_nr_pages
    if not zone.contains(start):
        start = pfn
    if not zone.contains(end - 1):
        return 0
    moved = 0
    while start < end:
        page = k.mem_map.get(start)
        if page is None or not page.flags & PG_buddy:
            start += 1
            continue
        order = del_from_free_list(zone, page)
        add_to_free_list(zone, page, order, migratetype)
        moved += 1 << order
        start += 1 << order
    return moved


# Giving it back.


def free_one_page(
    k: Kernel, zone: Zone, page: Page, order: int, migratetype: int
) -> None:
    """Give a block back, merged with its buddy as often as that is free.

    __free_one_page, as of 2.6.35: a block that will merge again as soon as its buddy
    is freed goes to the tail of its list, so that it is not handed out at once.
    """
    pfn: int = page.pfn
    bug_on(pfn & ((1 << order) - 1) != 0, "mm/page_alloc.c:VM_BUG_ON")
    zone.nr_free_pages += 1 << order
    while order < MAX_ORDER - 1:
        buddy = free_buddy(k, zone, pfn, order)
        if buddy is None:
            break
        del_from_free_list(zone, buddy)
        pfn &= ~(1 << order)
        order += 1
    will_merge = (
        order < MAX_ORDER - 1
        and free_buddy(k, zone, pfn & ~(1 << order), order + 1) is not None
    )
    add_to_free_list(zone, k.mem_map[pfn], order, migratetype, tail=will_merge)


def free_buddy(k: Kernel, zone: Zone, pfn: int, order: int) -> Page | None:
    """The buddy of a block, if that is free and whole (page_is_buddy).

    What is isolated does not merge with what is not.  (Linux does not ask: there, what
    goes away is memory sections of 128 MiB, over whose ends no block reaches.)
    """
    buddy = k.mem_map.get(pfn ^ (1 << order))
    if buddy is None or buddy.zone is not zone:
        return None  # another zone's has another lock
    if not buddy.flags & PG_buddy or buddy.private != order:
        return None
    bug_on(buddy.count != 0, "mm/page_alloc.c:VM_BUG_ON")
    if is_isolated(zone, pfn) != is_isolated(zone, buddy.pfn):
        return None
    return buddy


def is_isolated(zone: Zone, pfn: int) -> bool:
    """Whether the pageblock of a frame gives no pages at present."""
    return zone.pageblock_type(pfn) == MIGRATE_ISOLATE


# Taking blocks apart for those who look for frames themselves.


def split_at(k: Kernel, zone: Zone, pfn: int) -> None:
    """See to it that no free block reaches over the start of `pfn`.

    (The model's own, for pageblocks that are smaller than the largest block.)
    """
    for order in range(MAX_ORDER - 1, 0, -1):
        head = k.mem_map.get(pfn & -(1 << order))
        if (
            head is not None
            and head.pfn != pfn
            and head.flags & PG_buddy
            and head.private == order
        ):
            del_from_free_list(zone, head)
            for half in (head.pfn, head.pfn + (1 << (order - 1))):
                migratetype = zone.pageblock_type(half)
                add_to_free_list(zone, k.mem_map[half], order - 1, migratetype)


def split_free_page(k: Kernel, zone: Zone, page: Page) -> int:
    """Take a whole free block off the lists, as single pages with a reference each.

    Returns how many; for compaction, which has looked at the watermark (in Linux this
    does).
    """
    bug_on(not page.flags & PG_buddy, "mm/page_alloc.c:BUG_ON")
    order = del_from_free_list(zone, page)
    zone.nr_free_pages -= 1 << order
    for pfn in range(page.pfn, page.pfn + (1 << order)):
        k.mem_map[pfn].count = 1
    if order >= zone.pageblock_order - 1:
        for pfn in range(page.pfn, page.pfn + (1 << order), zone.pageblock_nr_pages):
            zone.set_pageblock_type(pfn, MIGRATE_MOVABLE)
    return 1 << order
