"""Linux's memory manager, as of May 2010 (2.6.34).

File, function, field and flag names are Linux's.  Reading order: `mm_types` (the
structures), `kernel` (what ties them together), `page_alloc`, `pgtable`, `swap` (LRU
and references), `tlb` (making CPUs forget), `mmap` (VMAs), `rmap` (from a page to its
mappings), `swapops`, `memory` and `fault` (page faults), `mremap`, `migrate`, `boot`,
`audit`, `observe`.

Order of locks, outer to inner: mmap_sem, PG_locked, anon_vma.lock, page_table_lock,
zone.lru_lock, zone.lock (top of mm/rmap.c); a flush takes its tlbstate_lock inside of
all of them.

A function that takes `k` needs the kernel that it runs in.  Where the historic
designs differ, it calls through the kernel's answer, as in `k.rmap_walk.vma_adjust`;
what stands here under the same name is 2.6.34's own answer.
"""
