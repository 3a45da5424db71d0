"""What a caller of the page allocator may be put through, and where its page may lie.

Linux: include/linux/gfp.h.  The numbers are those of 2.6.34.  Used by `page_alloc`, and
by all who call it.

Left out: flags about warnings, huge pages and cpusets, and __GFP_REPEAT, which makes
Linux try longer for a page table.
"""

from __future__ import annotations

from .mmzone import MIGRATE_MOVABLE, MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE

GFP_DMA = 0x1  # __GFP_DMA: only from ZONE_DMA
GFP_HIGHMEM = 0x2  # __GFP_HIGHMEM
GFP_DMA32 = 0x4
GFP_MOVABLE = 0x8  # __GFP_MOVABLE: the page can be migrated or reclaimed
GFP_WAIT = 0x10  # __GFP_WAIT: the caller may sleep
GFP_HIGH = 0x20  # __GFP_HIGH: half of the reserve may be used
GFP_IO = 0x40  # __GFP_IO: reclaim may write to the swap device
GFP_FS = 0x80  # __GFP_FS: reclaim may call into a file system
GFP_NORETRY = 0x1000
GFP_ZERO = 0x8000  # __GFP_ZERO: the frame must hold zeros
GFP_THISNODE = 0x40000  # no other node
GFP_IS_RECLAIMABLE = 0x80000  # __GFP_RECLAIMABLE: a slab that can be shrunk

# What callers use.
GFP_ATOMIC = GFP_HIGH
GFP_KERNEL = GFP_WAIT | GFP_IO | GFP_FS
GFP_HIGHUSER = GFP_KERNEL | GFP_HIGHMEM
GFP_HIGHUSER_MOVABLE = GFP_HIGHUSER | GFP_MOVABLE
GFP_PGTABLE = GFP_KERNEL | GFP_ZERO


def allocflags_to_migratetype(gfp: int) -> int:
    """With which pages a new one belongs, by how it can be got rid of later."""
    if gfp & GFP_MOVABLE:
        return MIGRATE_MOVABLE
    return MIGRATE_RECLAIMABLE if gfp & GFP_IS_RECLAIMABLE else MIGRATE_UNMOVABLE
