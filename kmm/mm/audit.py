"""Do the counts add up?  Looked at when every thread of a run has ended.

A lost reference, a mapping that nobody accounts for, or a frame that is free and in
use is a bug even if no program has stumbled over it yet.
"""

from __future__ import annotations

from collections import Counter

from ..hw.memory import Pfn
from ..sim.failure import Leak
from .kernel import Kernel
from .observe import entries_of, page_tables_of
from .pgtable import pte_pfn, pte_present


def audit(k: Kernel) -> None:
    """Compare counts with what the page tables say.  Raises Leak."""
    mapped: Counter[Pfn] = Counter()
    tables: Counter[Pfn] = Counter()
    for mm in k.mms:
        tables.update(page_tables_of(k, mm))
        for _, pte in entries_of(k, mm):
            if pte_present(pte):
                mapped[pte_pfn(pte)] += 1
    free = {page.pfn for page in k.zone.free}
    for page in k.mem_map[1:]:
        if page.mapcount + 1 != mapped[page.pfn]:
            raise Leak(
                f"{page.name}: mapcount says {page.mapcount + 1}, "
                f"page tables say {mapped[page.pfn]}"
            )
        users = mapped[page.pfn] + tables[page.pfn]
        if page.count != users:
            raise Leak(f"{page.name}: {page.count} references, {users} users")
        if (page.count == 0) != (page.pfn in free):
            raise Leak(f"{page.name}: {page.count} references, but not so on free list")
