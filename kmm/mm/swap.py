"""The LRU lists: how pages get on them, and how the last reference takes them off.

Linux: mm/swap.c.

A page that may be reclaimed is on one of its zone's five lists.  The lists have one
lock, so pages join in batches: each CPU first collects them in a *pagevec* of 14, which
holds a reference to each.  Until it is drained, such a page is not PG_lru: nobody can
isolate it, it has one reference more than one would think, and if that is the last one
it is not free yet.

A pagevec belongs to its CPU.  `lru_add_drain` empties this CPU's, `lru_add_drain_all`
has every CPU empty its own.

Locks: zone.lru_lock for the lists and PG_lru, and nothing for a CPU's pagevecs.  A
reference may be dropped under a page-table lock, and the last one takes zone.lru_lock
and zone.lock below it.

Left out: the rotation of pages that have been written, compound pages.
"""

from __future__ import annotations

from ..sim.access import atomic_add
from ..sim.failure import bug_on
from ..sim.trap import WRITE, Op, trap
from .kernel import Kernel, this_cpu
from .mm_types import (
    PAGE,
    Page,
    PG_active,
    PG_lru,
    PG_mlocked,
    PG_referenced,
    PG_swapbacked,
    PG_unevictable,
)
from .mmzone import (
    LRU_ACTIVE_ANON,
    LRU_ACTIVE_FILE,
    LRU_INACTIVE_ANON,
    LRU_INACTIVE_FILE,
    LRU_NAMES,
    LRU_UNEVICTABLE,
    NR_LRU_LISTS,
    Zone,
)
from .page_alloc import free_page, get_page
from .smp import on_each_cpu
from .vmstat import add_zone_page_state, count_vm_events

PAGEVEC_SIZE = 14


class PageVecs:
    """The pages that one CPU is about to put on LRU lists, by list.

    Touched by that CPU alone, which is not preempted meanwhile.
    """

    def __init__(self, cpu: int) -> None:
        self.name = f"pagevecs of CPU {cpu}"
        self.lru_add: list[list[Page]] = [[] for _ in range(NR_LRU_LISTS)]

    async def push(self, lru: int, page: Page) -> list[Page]:
        """Collect a page; returns the whole batch, to be put on the list, if full.

        Runs on the pagevec's CPU.
        """
        await trap(Op(WRITE, self.name))
        pagevec = self.lru_add[lru]
        pagevec.append(page)
        if len(pagevec) < PAGEVEC_SIZE:
            return []
        self.lru_add[lru] = []
        return pagevec

    async def take(self) -> list[list[Page]]:
        """All that has been collected, by list; the pagevecs are empty then.

        Runs on their CPU.
        """
        await trap(Op(WRITE, self.name))
        taken, self.lru_add = self.lru_add, [[] for _ in range(NR_LRU_LISTS)]
        return taken


# Joining.


async def lru_cache_add_lru(k: Kernel, page: Page, lru: int) -> None:
    """Put a page on a list, by way of this CPU's pagevec, which takes a reference.

    If that makes the pagevec full, takes zone.lru_lock.  `lru` is an LRU_ number.
    """
    page.flags &= ~(PG_active | PG_unevictable)
    await get_page(page)
    cpu = await this_cpu(k)
    full = await k.pagevecs[cpu.number].push(lru, page)
    if full:
        await pagevec_lru_add(k, full, lru)


async def lru_cache_add_anon(k: Kernel, page: Page) -> None:
    """A page that was swapped in: it must show that it is used."""
    await lru_cache_add_lru(k, page, LRU_INACTIVE_ANON)


async def lru_cache_add_file(k: Kernel, page: Page) -> None:
    """A page of a file, not looked at since."""
    await lru_cache_add_lru(k, page, LRU_INACTIVE_FILE)


async def lru_cache_add_active_anon(k: Kernel, page: Page) -> None:
    """A new anonymous page.  In Linux page_add_new_anon_rmap does this."""
    await lru_cache_add_lru(k, page, LRU_ACTIVE_ANON)


async def pagevec_lru_add(k: Kernel, pages: list[Page], lru: int) -> None:
    """Put a batch at the head of its list, and drop the pagevec's references.

    Takes the lru_lock of each zone in turn.
    """
    for zone in k.zones:
        here = [page for page in pages if page.zone is zone]
        if not here:
            continue
        async with zone.lru_lock:
            for page in here:
                bug_on(bool(page.flags & PG_lru), "mm/swap.c:VM_BUG_ON")
                add_page_to_lru_list(zone, page, lru)
    for page in pages:
        await put_page(k, page)


async def lru_add_drain(k: Kernel) -> None:
    """Empty the pagevecs of this CPU.  Takes zone.lru_lock."""
    await drain_cpu_pagevecs(k, (await this_cpu(k)).number)


async def drain_cpu_pagevecs(k: Kernel, cpu: int) -> None:
    """The same, of a CPU by number, which runs this.  Takes zone.lru_lock."""
    for lru, pages in enumerate(await k.pagevecs[cpu].take()):
        if pages:
            await pagevec_lru_add(k, pages, lru)


async def lru_add_drain_all(k: Kernel) -> None:
    """Have every CPU empty its pagevecs.  Linux sleeps for it; this spins.

    No lock may be held that a CPU waits for with interrupts off.
    """
    await on_each_cpu(k, drain_cpu_pagevecs)


# On the lists.  All of this needs the zone's lru_lock.


def page_lru(page: Page) -> int:
    """The list that a page belongs on, by its flags."""
    if page.flags & PG_unevictable:
        return LRU_UNEVICTABLE
    if page.flags & PG_swapbacked:
        return LRU_ACTIVE_ANON if page.flags & PG_active else LRU_INACTIVE_ANON
    return LRU_ACTIVE_FILE if page.flags & PG_active else LRU_INACTIVE_FILE


def add_page_to_lru_list(zone: Zone, page: Page, lru: int) -> None:
    """At the head of a list, with the flags that say so."""
    page.flags |= PG_lru
    if lru in (LRU_ACTIVE_ANON, LRU_ACTIVE_FILE):
        page.flags |= PG_active
    elif lru == LRU_UNEVICTABLE:
        page.flags |= PG_unevictable
    page.lru = zone.lru[lru]
    page.lru.add(page)
    add_zone_page_state(zone, f"nr_{LRU_NAMES[lru]}", +1)


def del_page_from_lru_list(zone: Zone, page: Page) -> None:
    """Off the list, whichever it is; PG_active and PG_unevictable stay.

    Raises ListCorruption if the page is not on the list that its flags say.
    """
    lru = page_lru(page)
    page.flags &= ~PG_lru
    zone.lru[lru].delete(page)
    page.lru = None
    add_zone_page_state(zone, f"nr_{LRU_NAMES[lru]}", -1)


# Being used.


async def mark_page_accessed(k: Kernel, page: Page) -> None:
    """A page was used: referenced the first time, active the second.

    Needs no lock but a reference; takes zone.lru_lock if it becomes active.
    """
    if page.flags & (PG_active | PG_unevictable):
        page.flags |= PG_referenced
    elif page.flags & PG_referenced and page.flags & PG_lru:
        await activate_page(k, page)
        page.flags &= ~PG_referenced
    else:
        page.flags |= PG_referenced


async def activate_page(k: Kernel, page: Page) -> None:
    """To the head of the active list.  Takes zone.lru_lock."""
    zone = page.zone
    async with zone.lru_lock:
        if page.flags & PG_lru and not page.flags & (PG_active | PG_unevictable):
            del_page_from_lru_list(zone, page)
            is_anon = page.flags & PG_swapbacked
            lru = LRU_ACTIVE_ANON if is_anon else LRU_ACTIVE_FILE
            add_page_to_lru_list(zone, page, lru)
            count_vm_events(k, "pgactivate")


# Leaving.


async def put_page(k: Kernel, page: Page) -> None:
    """Drop a reference; with the last one the page leaves the LRU and is free.

    May take zone.lru_lock, and zone.lock after it.
    """
    if await atomic_add(page, PAGE.count, -1) == 0:
        # Nobody can find the page any more: isolating it needs a reference.
        if page.flags & PG_lru:
            async with page.zone.lru_lock:
                bug_on(not page.flags & PG_lru, "mm/swap.c:VM_BUG_ON")
                del_page_from_lru_list(page.zone, page)
        page.flags &= ~(PG_active | PG_unevictable | PG_mlocked)
        await free_page(k, page)
