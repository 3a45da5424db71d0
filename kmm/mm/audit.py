"""Do the counts add up?  Looked at when every thread of a run has ended.

A lost reference, a mapping that nobody accounts for, or a frame that is free and in
use is a bug even if no program has stumbled over it yet.
"""

from __future__ import annotations

from collections import Counter

from ..hw.memory import Pfn
from ..sim.failure import Leak
from .kernel import Kernel
from .mm_types import Page, PG_buddy, PG_reserved
from .observe import entries_of, page_tables_of
from .pgtable import pte_pfn, pte_present, pte_special


def audit(k: Kernel) -> None:
    """Compare counts with what refers to each page.  Raises Leak."""
    mapped, users = count_users(k)
    kept = free_pages_of(k)
    for page in k.mem_map.in_order():
        if page.flags & PG_reserved:
            continue
        check_counts(page, mapped[page.pfn], users[page.pfn])
        if (page.count == 0) != (page in kept):
            raise Leak(f"{page.name}: {page.count} references, but not so on free list")
    for zone in k.zones:
        free = sum(area.nr_free << order for order, area in enumerate(zone.free_area))
        if free != zone.nr_free_pages:
            raise Leak(
                f"{zone.full_name}: {free} pages on the free lists, "
                f"counted {zone.nr_free_pages}"
            )


def check_counts(page: Page, mapped: int, users: int) -> None:
    if page.mapcount + 1 != mapped:
        raise Leak(
            f"{page.name}: mapcount says {page.mapcount + 1}, page tables say {mapped}"
        )
    if page.count != users:
        raise Leak(f"{page.name}: {page.count} references, {users} users")


def count_users(k: Kernel) -> tuple[Counter[Pfn], Counter[Pfn]]:
    """By pfn: the entries that map it, and everybody who has a reference."""
    mapped: Counter[Pfn] = Counter()
    others: Counter[Pfn] = Counter()
    for mm in k.mms.values():
        others.update(page_tables_of(k, mm))
        for _, pte in entries_of(k, mm):
            if pte_present(pte) and not pte_special(pte):
                mapped[pte_pfn(pte)] += 1
    for pagevecs in k.pagevecs:
        for pages in pagevecs.lru_add:
            others.update(page.pfn for page in pages)
    for mapping in [k.swapper_space, *k.mappings.values()]:
        others.update(page.pfn for page in mapping.page_tree.values())
    return mapped, mapped + others


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
