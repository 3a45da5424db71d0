"""The page allocator: free blocks, zones, counters, and how fragmented memory is.

Linux: mm/vmstat.c.  The files are vmstat, buddyinfo, pagetypeinfo, zoneinfo, and the
two below extfrag.  What counts, and the two indices, are in `kmm.mm.vmstat`.  What the
model does not count is 0.
"""

from __future__ import annotations

from collections.abc import Callable

from ...mm.kernel import Kernel
from ...mm.mmzone import (
    MAX_ORDER,
    MIGRATE_TYPES,
    MIGRATETYPE_NAMES,
    WMARK_HIGH,
    WMARK_LOW,
    WMARK_MIN,
    Node,
    Zone,
)
from ...mm.vmscan import DEF_PRIORITY
from ...mm.vmstat import fragmentation_index, free_blocks_by_order, unusable_free_index

ZONES = ("DMA", "DMA32", "Normal", "Movable")  # of x86-64, there or not


def of_each_zone(event: str) -> tuple[str, ...]:
    """The names of an event that is counted for each zone, e.g. `pgalloc_dma`."""
    return tuple(f"{event}_{name.lower()}" for name in ZONES)


# What each zone counts, in the order of 2.6.35 (with CONFIG_NUMA).
ZONE_ITEMS = (
    "nr_free_pages",
    "nr_inactive_anon",
    "nr_active_anon",
    "nr_inactive_file",
    "nr_active_file",
    "nr_unevictable",
    "nr_mlock",
    "nr_anon_pages",
    "nr_mapped",
    "nr_file_pages",
    "nr_dirty",
    "nr_writeback",
    "nr_slab_reclaimable",
    "nr_slab_unreclaimable",
    "nr_page_table_pages",
    "nr_kernel_stack",
    "nr_unstable",
    "nr_bounce",
    "nr_vmscan_write",
    "nr_writeback_temp",
    "nr_isolated_anon",
    "nr_isolated_file",
    "nr_shmem",
    "numa_hit",
    "numa_miss",
    "numa_foreign",
    "numa_interleave",
    "numa_local",
    "numa_other",
)

# How often these happened, in all zones together, in the order of 2.6.35.
EVENTS = (
    "pgpgin",
    "pgpgout",
    "pswpin",
    "pswpout",
    *of_each_zone("pgalloc"),
    "pgfree",
    "pgactivate",
    "pgdeactivate",
    "pgfault",
    "pgmajfault",
    *of_each_zone("pgrefill"),
    *of_each_zone("pgsteal"),
    *of_each_zone("pgscan_kswapd"),
    *of_each_zone("pgscan_direct"),
    "zone_reclaim_failed",
    "pginodesteal",
    "slabs_scanned",
    "kswapd_steal",
    "kswapd_inodesteal",
    "kswapd_low_wmark_hit_quickly",
    "kswapd_high_wmark_hit_quickly",
    "kswapd_skip_congestion_wait",
    "pageoutrun",
    "allocstall",
    "pgrotated",
    "compact_blocks_moved",
    "compact_pages_moved",
    "compact_pagemigrate_failed",
    "compact_stall",
    "compact_fail",
    "compact_success",
    "htlb_buddy_alloc_success",
    "htlb_buddy_alloc_fail",
    "unevictable_pgs_culled",
    "unevictable_pgs_scanned",
    "unevictable_pgs_rescued",
    "unevictable_pgs_mlocked",
    "unevictable_pgs_munlocked",
    "unevictable_pgs_cleared",
    "unevictable_pgs_stranded",
    "unevictable_pgs_mlockfreed",
)


def vmstat_show(k: Kernel) -> str:
    """A counter a line."""
    lines = [
        f"{item} {sum(zone_page_state(zone, item) for zone in k.zones)}"
        for item in ZONE_ITEMS
    ]
    lines += [f"{event} {k.vm_events[event]}" for event in EVENTS]
    return "\n".join([*lines, ""])


def zone_page_state(zone: Zone, item: str) -> int:
    """A zone's count; one that is below 0 for a moment is shown as 0."""
    if item == "nr_free_pages":
        return zone.nr_free_pages
    return max(0, zone.vm_stat[item])


# Free blocks.


def frag_show(k: Kernel) -> str:
    """How many free blocks of each order a zone has."""
    return "".join(
        f"{zone_label(zone)}{columns(free_blocks_by_order(zone), 6)}\n"
        for zone in k.zones
    )


def pagetypeinfo_show(k: Kernel) -> str:
    """The same by migratetype, and how many pageblocks are of which; node by node."""
    return "".join(node_pagetypes(node) for node in k.nodes)


def node_pagetypes(node: Node) -> str:
    zones = node.node_zones
    free = "Free pages count per migrate type at order"
    lines = [
        f"Page block order: {zones[0].pageblock_order}",
        f"Pages per block:  {zones[0].pageblock_nr_pages}",
        "",
        f"{free:43} {columns(range(MAX_ORDER), 6)}",
    ]
    for zone in zones:
        lines += free_by_type(zone)
    lines += ["", f"{'Number of blocks type ':23}{columns(MIGRATETYPE_NAMES, 12)}"]
    lines += [f"{zone_label(zone)}{columns(block_types(zone), 12)}" for zone in zones]
    return "\n".join([*lines, ""])


def free_by_type(zone: Zone) -> list[str]:
    """A line for each migratetype: how many free blocks of each order it has."""
    lines = []
    for migratetype, name in enumerate(MIGRATETYPE_NAMES):
        free = [len(area.free_list[migratetype]) for area in zone.free_area]
        label = f"Node {zone.node:4}, zone {zone.name:>8}, type {name:>12} "
        lines.append(f"{label}{columns(free, 6)}")
    return lines


def block_types(zone: Zone) -> list[int]:
    """How many pageblocks are marked with each migratetype."""
    counts = [0] * MIGRATE_TYPES
    for pfn in range(zone.zone_start_pfn, zone.end_pfn, zone.pageblock_nr_pages):
        counts[zone.pageblock_type(pfn)] += 1
    return counts


def zone_label(zone: Zone) -> str:
    return f"Node {zone.node}, zone {zone.name:>8} "


def columns(values: range | list[int] | tuple[str, ...], width: int) -> str:
    """Right-aligned, each with a space behind it."""
    return "".join(f"{value:>{width}} " for value in values)


# Zones.


def zoneinfo_show(k: Kernel) -> str:
    """Sizes in pages, watermarks, and the lists of each CPU."""
    return "".join(f"{line}\n" for zone in k.zones for line in zone_lines(zone))


def zone_lines(zone: Zone) -> list[str]:
    """What there is to know of one zone.

    Counters are exact here, so no CPU keeps some back (threshold 0).
    """
    sizes = {
        "min": zone.watermark[WMARK_MIN],
        "low": zone.watermark[WMARK_LOW],
        "high": zone.watermark[WMARK_HIGH],
        "scanned": zone.pages_scanned,
        "spanned": zone.spanned_pages,
        "present": zone.present_pages,
    }
    lines = [zone_label(zone).rstrip(), f"  pages free     {zone.nr_free_pages}"]
    lines += [f"        {name:8} {pages}" for name, pages in sizes.items()]
    lines += [f"    {item:12} {zone_page_state(zone, item)}" for item in ZONE_ITEMS]
    kept = ", ".join(map(str, protection(zone)))
    lines += [f"        protection: ({kept})", "  pagesets"]
    for cpu, pcp in enumerate(zone.pageset):
        lines += [
            f"    cpu: {cpu}",
            f"              count: {pcp.count}",
            f"              high:  {pcp.high}",
            f"              batch: {pcp.batch}",
            "  vm stats threshold: 0",
        ]
    return [
        *lines,
        "  all_unreclaimable: 0",
        f"  prev_priority:     {DEF_PRIORITY}",
        f"  start_pfn:         {zone.zone_start_pfn}",
        f"  inactive_ratio:    {zone.inactive_ratio}",
    ]


def protection(zone: Zone) -> list[int]:
    """lowmem_reserve: what is kept from those who could take a higher zone, by zone.

    Who asks for a zone that is not there would take the next lower one.
    """
    kept = 0
    reserves = []
    for name in ZONES:
        kept = zone.lowmem_reserve.get(name, kept)
        reserves.append(kept)
    return reserves


# How fragmented a zone is.


def extfrag_show(k: Kernel) -> str:
    """Why a block of each order cannot be had; -1.000 if it can."""
    return indices(k, fragmentation_index)


def unusable_show(k: Kernel) -> str:
    """Of the free memory, the part in blocks too small for each order: 0 to 1."""
    return indices(k, unusable_free_index)


def indices(k: Kernel, index_of: Callable[[list[int], int], int]) -> str:
    """A line for each zone: an index of thousandths, for each order."""
    lines = []
    for zone in k.zones:
        free = free_blocks_by_order(zone)
        found = (thousandths(index_of(free, order)) for order in range(MAX_ORDER))
        lines.append(f"{zone_label(zone)}{''.join(f'{index} ' for index in found)}\n")
    return "".join(lines)


def thousandths(index: int) -> str:
    """A number of thousandths as C prints it in two halves: -1 is 0.-01."""
    whole, rest = divmod(abs(index), 1000)
    sign = -1 if index < 0 else 1
    return f"{sign * whole}.{sign * rest:03}"
