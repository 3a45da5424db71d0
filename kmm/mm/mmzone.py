"""Nodes and zones: how physical memory is divided, and what is known of each part.

Linux: include/linux/mmzone.h; mm/page_alloc.c for what is worked out at boot.

A node is the memory near to some CPUs.  A zone is the part of a node that some devices
can reach: ZONE_DMA ends at 16 MiB, ZONE_DMA32 at 4 GiB, ZONE_NORMAL takes the rest.
Within a zone, memory is grouped in *pageblocks* of 2 MiB, each marked with what kind of
page should go there, so that pages that cannot be moved do not come to lie everywhere.

Sizes are in pages, and so is what is called pfn.  Which lock protects what is said
beside it.

Left out: ZONE_HIGHMEM and ZONE_MOVABLE, hashed wait queues, holes in a node.
"""

from __future__ import annotations

from collections import Counter
from math import isqrt

from attrs import define, field

from ..hw.memory import Pfn
from ..sim.locks import SpinLock
from ..sim.trap import READ, WRITE, Kind, Op, trap
from .list_head import ListHead
from .mm_types import Page

MAX_ORDER = 11  # blocks have orders 0 to 10: up to 1024 pages
PAGE_ALLOC_COSTLY_ORDER = 3  # beyond it an allocation may fail rather than try on

# Kinds of pages, by how they can be got rid of.  The first three have per-CPU lists.
MIGRATE_UNMOVABLE = 0
MIGRATE_RECLAIMABLE = 1
MIGRATE_MOVABLE = 2
MIGRATE_PCPTYPES = 3
MIGRATE_RESERVE = 3
MIGRATE_ISOLATE = 4  # nothing may be allocated from here
MIGRATE_TYPES = 5
MIGRATETYPE_NAMES = ("Unmovable", "Reclaimable", "Movable", "Reserve", "Isolate")

# A page's place among those that may be reclaimed.
LRU_INACTIVE_ANON = 0
LRU_ACTIVE_ANON = 1
LRU_INACTIVE_FILE = 2
LRU_ACTIVE_FILE = 3
LRU_UNEVICTABLE = 4
NR_LRU_LISTS = 5
LRU_NAMES = (
    "inactive_anon",
    "active_anon",
    "inactive_file",
    "active_file",
    "unevictable",
)

WMARK_MIN = 0
WMARK_LOW = 1
WMARK_HIGH = 2

# Where zones end on x86-64, in frames.
ZONE_LIMITS = (("DMA", (16 << 20) >> 12), ("DMA32", (4 << 30) >> 12))
LOWMEM_RESERVE_RATIO = 256  # for DMA and DMA32


class FreeArea:
    """Free blocks of one order, a list for each migratetype.  Under zone.lock."""

    __slots__ = ("free_list", "nr_free")

    def __init__(self) -> None:
        self.free_list: list[ListHead[Page]] = [
            ListHead() for _ in range(MIGRATE_TYPES)
        ]
        self.nr_free = 0


class PerCpuPages:
    """struct per_cpu_pages: single pages that one CPU keeps for itself.

    Touched by that CPU alone, with interrupts off.
    """

    __slots__ = ("batch", "count", "high", "lists")

    def __init__(self, present: int) -> None:
        self.count = 0
        self.lists: list[ListHead[Page]] = [ListHead() for _ in range(MIGRATE_PCPTYPES)]
        batch = zone_batchsize(present)
        self.high = 6 * batch
        self.batch = max(1, batch)


def zone_batchsize(present: int) -> int:
    """How many pages go to or from a per-CPU list at a time; 0 in a very small zone.

    About a thousandth of the zone, 512 KiB at most, a quarter of that, and then the
    nearest number that is one less than a power of two.
    """
    batch = max(1, min(present // 1024, (512 << 10) >> 12) // 4)
    batch += batch // 2
    return (1 << (batch.bit_length() - 1)) - 1


@define(eq=False)
class ReclaimStat:
    """How well the lists have paid: pages looked at, and pages put back as in use.

    Under zone.lru_lock; anon is 0, file is 1.
    """

    recent_rotated: list[int] = field(factory=lambda: [0, 0])
    recent_scanned: list[int] = field(factory=lambda: [0, 0])


@define(eq=False)
class Zone:
    """struct zone."""

    TALLIES = ("vm_stat",)  # see `sim.state`

    name: str  # as /proc shows it: DMA, DMA32 or Normal
    node: int
    zone_start_pfn: Pfn
    spanned_pages: int
    pageblock_order: int
    cpus: int
    present_pages: int = 0  # those of spanned_pages that are there; under `lock`
    lock: SpinLock = field(init=False)
    lru_lock: SpinLock = field(init=False)
    # Under `lock`; looked at without it, through `look_at_free_area`.
    free_area: list[FreeArea] = field(
        factory=lambda: [FreeArea() for _ in range(MAX_ORDER)]
    )
    nr_free_pages: int = 0
    pageblock_flags: dict[int, int] = field(factory=dict)  # block -> migratetype
    pageset: list[PerCpuPages] = field(init=False)  # by CPU
    # Under `lru_lock`.
    lru: list[ListHead[Page]] = field(
        factory=lambda: [ListHead() for _ in range(NR_LRU_LISTS)]
    )
    reclaim_stat: ReclaimStat = field(factory=ReclaimStat)
    pages_scanned: int = 0
    # Set at boot.
    watermark: list[int] = field(factory=lambda: [0, 0, 0])
    lowmem_reserve: dict[str, int] = field(factory=dict)  # by the zone asked for
    inactive_ratio: int = 1
    # Counters of /proc/vmstat; nothing in the model decides by them without a mark.
    vm_stat: Counter[str] = field(factory=Counter)
    # How often compaction failed here lately.  No lock: it is only a habit.
    compact_considered: int = 0
    compact_defer_shift: int = 0

    def __attrs_post_init__(self) -> None:
        self.lock = SpinLock(f"{self.full_name}.lock")
        self.lru_lock = SpinLock(f"{self.full_name}.lru_lock")
        self.present_pages = self.spanned_pages
        self.pageset = [PerCpuPages(self.present_pages) for _ in range(self.cpus)]

    @property
    def full_name(self) -> str:
        return (
            f"zone {self.name}" if self.node == 0 else f"zone {self.node}/{self.name}"
        )

    @property
    def end_pfn(self) -> int:
        """The first frame that is not in the zone."""
        return self.zone_start_pfn + self.spanned_pages

    def contains(self, pfn: int) -> bool:
        return self.zone_start_pfn <= pfn < self.end_pfn

    @property
    def pageblock_nr_pages(self) -> int:
        return 1 << self.pageblock_order

    def pageblock_type(self, pfn: int) -> int:
        """get_pageblock_migratetype.  Needs `lock`, or a look at the free area."""
        return self.pageblock_flags.get(pfn >> self.pageblock_order, MIGRATE_MOVABLE)

    def set_pageblock_type(self, pfn: int, migratetype: int) -> None:
        """set_pageblock_migratetype.  Needs `lock`."""
        self.pageblock_flags[pfn >> self.pageblock_order] = migratetype

    async def look_at_free_area(self) -> None:
        """The moment at which free lists or pageblocks are looked at without `lock`.

        What the caller reads before its next await is of this moment.
        """
        await trap(self.free_area_op(READ))

    async def change_free_area(self) -> None:
        """The moment at which they change, until the next await.  Needs `lock`."""
        await trap(self.free_area_op(WRITE))

    def free_area_op(self, kind: Kind) -> Op:
        return Op(kind, f"{self.full_name}.free_area")


class MemMap(dict[int, "Page"]):
    """mem_map: the struct page of every frame, by pfn.

    Linux has an array.  Here a page is made when it is first asked for, so that memory
    which nobody has touched costs nothing; the inside of a free block has none.
    """

    def __init__(self, nodes: list[Node]) -> None:
        super().__init__()
        self.zones = [zone for node in nodes for zone in node.node_zones]
        self.frames = self.zones[-1].end_pfn

    def __missing__(self, pfn: int) -> Page:
        page = self[pfn] = Page(Pfn(pfn), self.zone_of(pfn))
        return page

    def zone_of(self, pfn: int) -> Zone:
        """Raises IndexError where there is no RAM."""
        for zone in self.zones:
            if zone.contains(pfn):
                return zone
        raise IndexError(f"no RAM at pfn {pfn:#x}")

    def in_order(self) -> list[Page]:
        """The pages that have been made, by pfn."""
        return [self[pfn] for pfn in sorted(self)]


@define(eq=False)
class Node:
    """pg_data_t: the zones of one node, the lowest first."""

    node_id: int
    node_zones: list[Zone]

    @property
    def start_pfn(self) -> int:
        return self.node_zones[0].zone_start_pfn

    @property
    def end_pfn(self) -> int:
        return self.node_zones[-1].end_pfn


def nodes_of(frames: int, nodes: int, cpus: int, pageblock_order: int) -> list[Node]:
    """Divide memory among nodes, and each node's among zones.

    Nodes meet at a multiple of the largest block, so that none spans two of them, if
    there is memory enough for that.
    """
    share = frames // nodes
    if share > 1 << (MAX_ORDER - 1):
        share &= -(1 << (MAX_ORDER - 1))
    bounds = [number * share for number in range(nodes)] + [frames]
    return [
        Node(
            number,
            list(
                zones_of(
                    number, bounds[number], bounds[number + 1], cpus, pageblock_order
                )
            ),
        )
        for number in range(nodes)
    ]


def zones_of(
    node: int, start: int, end: int, cpus: int, pageblock_order: int
) -> list[Zone]:
    """The zones of one node, whose frames are [start, end) in pfn."""
    zones = []
    for name, limit in (*ZONE_LIMITS, ("Normal", end)):
        upto = min(limit, end)
        if start < upto:
            zones.append(
                Zone(name, node, Pfn(start), upto - start, pageblock_order, cpus)
            )
            start = upto
    return zones


def min_free_kbytes_of(lowmem_kbytes: int) -> int:
    """init_per_zone_wmark_min: how much is kept back, by the size of memory."""
    return max(128, min(65536, isqrt(lowmem_kbytes * 16)))


def setup_per_zone_wmarks(zones: list[Zone], min_free_kbytes: int) -> None:
    """Below which number of free pages who is woken, and who is turned away.

    MIN, LOW and HIGH of each zone, in pages; also how long its inactive list should be.
    """
    pages_min = min_free_kbytes >> 2
    lowmem = sum(zone.present_pages for zone in zones)
    for zone in zones:
        share = pages_min * zone.present_pages // lowmem
        zone.watermark = [share, share + share // 4, share + share // 2]
        gigabytes = zone.present_pages >> 18
        zone.inactive_ratio = isqrt(10 * gigabytes) if gigabytes else 1


def setup_per_zone_lowmem_reserve(node: Node) -> None:
    """What a zone keeps for those who cannot take a higher one."""
    above = 0
    for zone in reversed(node.node_zones):
        zone.lowmem_reserve = {}
        above = 0
        for other in node.node_zones[node.node_zones.index(zone) + 1 :]:
            above += other.present_pages
            zone.lowmem_reserve[other.name] = above // LOWMEM_RESERVE_RATIO


def setup_zone_migrate_reserve(zone: Zone) -> None:
    """Mark up to two blocks at the zone's start as the last that are touched."""
    size = zone.pageblock_nr_pages
    reserve = min(2, -(-zone.watermark[WMARK_MIN] // size))
    first = zone.zone_start_pfn - zone.zone_start_pfn % size
    for number in range(reserve):
        zone.set_pageblock_type(first + number * size, MIGRATE_RESERVE)
