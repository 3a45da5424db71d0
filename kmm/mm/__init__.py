"""Linux's memory manager, as of May 2010 (2.6.34).

Files, functions, fields and flags that Linux has are named as there; what is ours has
plain English.  Reading order, with what builds on what; each line can be read without
those below it:

- `mm_types`, `mmzone`, `list_head`: the structures; `kernel` ties them together;
  `errno` has what fails by name
- `gfp`, `buddy`, `page_alloc`, `smp`, `vmstat`: page frames
- `swap`: the LRU lists, and references
- `pgtable`, `tlb`: page tables, and making CPUs forget them
- `swapops`, `swapfile`, `swap_state`: pages that are elsewhere
- `slab`: where anon_vmas come from, and what RCU promises of them
- `rmap`: from a page to its mappings
- `vmscan`, `migrate`, `compaction`: giving pages up, and moving them
- `filemap`, `memory`: what a fault gives, what fork copies, what munmap takes
- `vma`: the list of VMAs, and changes to it
- `mmap`, `mprotect`, `mremap`, `madvise`, `mlock`, `gup`, `fault`: address spaces
- `mmu_notifier`: holding all locks of an address space
- `ksm_merge`, `ksm`: pages with the same contents become one
- `move_pages`, `page_isolation`, `memory_hotplug`: more who move pages
- `boot`, `audit`, `observe`, `shared`: starting, checking, looking

Three questions that the chapters answer together:

- What protects `vm_start`?  `mm_types.VmArea` says who must hold what, who writes it,
  and who reads it without: `rmap.vma_address`, `rmap.rmap_walk_ksm` and
  `rmap.page_add_anon_rmap`.
- Where can another CPU run?  At every `await` that ends in a trap (`sim.trap`).  What
  it may do there and what not is said where it matters most: `migrate`, at the top.
- What if a TLB flush is left out?  `tlb`, at the top, has every flush and what it is
  for.

And one page's life, from chapter to chapter: `memory.do_anonymous_page` (its first
touch), `swap.lru_cache_add_lru` (it waits in a pagevec), `swap.pagevec_lru_add` (it can
be found), `memory.copy_one_pte` (fork), `migrate.unmap_and_move` (it moves),
`memory.zap_pte_range` and `tlb.MmuGather` (its mappings go), `swap.put_page` and
`page_alloc.free_page` (its frame does).  See docs/reading-guide.md, "One page followed
through".

Order of locks, outer to inner: ksm_thread_mutex, mmap_sem, PG_locked, i_mmap_lock,
anon_vma.lock, page_table_lock, then zone.lru_lock, swap_lock, tree_lock and zone.lock;
a flush takes its tlbstate_lock inside of all of them.  (The top of mm/rmap.c has those
from mmap_sem to tree_lock.)

Where a docstring says *needs*, the caller holds the lock already; where it says
*takes*, the function does, and the caller must not hold it.  What holds for all
functions of a module or of a part of it is said once, at the top.

A function that takes `k` needs the kernel that it runs in.  Where the historic
designs differ, it calls through the kernel's answer, as in `k.rmap_walk.vma_adjust`;
what stands here under the same name is 2.6.34's own answer.  (The kernel that is called
2.6.34 has later ones to two questions; `designs.kernels` says which, and why.)
"""
