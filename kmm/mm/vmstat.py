"""Counters, and two numbers that say how fragmented a zone is.

Linux: mm/vmstat.c.  A counter is bumped without a lock and says how often something
happened; nothing in the model decides by one, so they are no preemption points.
`kmm.fs.proc` shows them.  Linux keeps a share of each on every CPU, and adds them up
now and then; here they are exact.

Left out: what Linux decides by counters that are a little behind.
"""

from __future__ import annotations

from .kernel import Kernel
from .mm_types import Page
from .mmzone import MAX_ORDER, Zone


def count_vm_events(k: Kernel, event: str, number: int = 1) -> None:
    """Bump one of the counters that /proc/vmstat shows, by its name there."""
    k.vm_events[event] += number


def add_zone_page_state(zone: Zone, item: str, number: int) -> None:
    """Bump a zone's count of pages of some sort, by its name in /proc/vmstat."""
    zone.vm_stat[item] += number


def add_page_state(page: Page, item: str, number: int) -> None:
    """The same, for the zone of a page."""
    page.zone.vm_stat[item] += number


def global_page_state(k: Kernel, item: str) -> int:
    """The count over all zones, by its name in /proc/vmstat."""
    return sum(zone.vm_stat[item] for zone in k.zones)


# How fragmented a zone is.


def free_blocks_by_order(zone: Zone) -> list[int]:
    """How many blocks of each order are free; at one moment, if not under zone.lock."""
    return [area.nr_free for area in zone.free_area]


def fragmentation_index(nr_free: list[int], order: int) -> int:
    """Why a block of this order cannot be had, in thousandths, as of 2.6.35.

    Towards 0: there is too little memory.  Towards 1000: there is enough, in pieces.
    -1000: it can be had.
    """
    blocks = sum(nr_free)
    if blocks == 0:
        return 0
    if blocks_suitable(nr_free, order):
        return -1000
    pages = sum(count << o for o, count in enumerate(nr_free))
    return 1000 - quotient(1000 + quotient(pages * 1000, 1 << order), blocks)


def unusable_free_index(nr_free: list[int], order: int) -> int:
    """How many thousandths of the free memory are in blocks that are too small."""
    pages = sum(count << o for o, count in enumerate(nr_free))
    if pages == 0:
        return 1000
    unusable = pages - (blocks_suitable(nr_free, order) << order)
    return quotient(unusable * 1000, pages)


def blocks_suitable(nr_free: list[int], order: int) -> int:
    """Free blocks of this order, counting those that larger ones can be split into."""
    return sum(nr_free[o] << (o - order) for o in range(order, MAX_ORDER))


def quotient(dividend: int, divisor: int) -> int:
    """Division as in C, for numbers that are not negative."""
    return dividend // divisor
