"""A1, Linux 2.6.34: a walk holds the page's own anon_vma lock, vma_adjust holds none.

Linux 2.6.33 had one anon_vma for each VMA, and vma_adjust took its lock.  Chains of
anon_vmas (5beb49305251) made that many locks, and put a flag, VM_LOCK_RMAP, in its
place.  fc148a5f7e03 removed the flag too, with the argument that a walk might at worst
not find a page.  That is true for swapping, which then leaves the page alone, and fatal
for migration, which must find its own entries again.
"""

from __future__ import annotations

from ...mm.mmap import expand_stack
from ...mm.rmap import (
    anon_vma_fork,
    anon_vma_prepare,
    page_lock_anon_vma,
    rmap_walk_anon,
    rmap_walk_ksm,
)
from ...mm.vma import vma_adjust
from .question import RmapWalk

LOCAL_LOCK = RmapWalk(
    name="local-lock",
    title="walks lock the page's anon_vma, vma_adjust locks nothing",
    tag="A1",
    source="Rik van Riel, 5beb49305251 and fc148a5f7e03; Linux 2.6.34",
    closes="nothing",
    costs="nothing",
    story=__doc__,
    vma_adjust=vma_adjust,
    expand_stack=expand_stack,
    anon_vma_prepare=anon_vma_prepare,
    anon_vma_fork=anon_vma_fork,
    page_lock_anon_vma=page_lock_anon_vma,
    rmap_walk_anon=rmap_walk_anon,
    rmap_walk_ksm=rmap_walk_ksm,
)
