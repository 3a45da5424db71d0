"""KSM: which memory may be merged, and how ksmd goes round it.

Linux: mm/ksm.c.  A program says which of its memory may be merged (MADV_MERGEABLE); a
kernel thread, ksmd, goes round all such memory, address space by address space, and
makes one page of those with the same contents (`ksm_merge`).

What it knows of each place that it has come by is an `RmapItem`, on its address
space's list.

Locks, outer to inner: ksm_thread_mutex for the cursor, the items and the counters;
mmap_sem of the address space that is looked at, for reading; mmlist_lock for the list
of address spaces.  madvise and fork come to the list with mmap_sem for writing, and
without the mutex.

Left out: ksmd's sleeping between its rounds, and the error of a signal in the midst.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter

from attrs import define, field, fields

from ..hw.memory import PAGE_SIZE, VirtAddr
from ..sim.access import atomic_add, modify_once, read_once, write_once
from ..sim.locks import Mutex, SpinLock
from .errno import EINVAL
from .kernel import Kernel
from .ksm_merge import (
    cmp_and_merge_page,
    remove_rmap_item_from_tree,
    unmerge_ksm_pages,
)
from .memory import follow_page
from .mm_types import (
    MM,
    VM_DONTEXPAND,
    VM_IO,
    VM_MAYSHARE,
    VM_MERGEABLE,
    VM_PFNMAP,
    VM_RESERVED,
    VM_SHARED,
    VMA,
    Mm,
    Page,
    PageAnon,
    PageKsm,
    RmapItem,
    StableNode,
    VmArea,
)
from .swap import put_page

NOT_MERGEABLE = (
    VM_MERGEABLE
    | VM_SHARED
    | VM_MAYSHARE
    | VM_PFNMAP
    | VM_IO
    | VM_DONTEXPAND
    | VM_RESERVED
)

KSM_RUN_STOP = 0
KSM_RUN_MERGE = 1
KSM_RUN_UNMERGE = 2

by_address = attrgetter("address")


@define(eq=False)
class MmSlot:
    """struct mm_slot: one address space that ksmd visits.

    Its items are under ksm_thread_mutex.
    """

    mm: Mm
    rmap_list: list[RmapItem] = field(factory=list)  # by address

    @property
    def name(self) -> str:
        return f"mm_slot of {self.mm.name}"


@define(eq=False)
class KsmScan:
    """struct ksm_scan: how far ksmd has come.

    Under ksm_thread_mutex; `slot` and `begun` under mmlist_lock besides.
    """

    slot: int = 0  # index into the list of address spaces
    address: VirtAddr = VirtAddr(0)
    seqnr: int = 0  # rounds that are over: full_scans
    begun: bool = False  # whether a round is under way


@define(eq=False)
class Ksm:
    """What ksmd keeps, and the files in /sys/kernel/mm/ksm."""

    thread_mutex: Mutex = field(factory=lambda: Mutex("ksm_thread_mutex"))
    mmlist_lock: SpinLock = field(factory=lambda: SpinLock("ksm_mmlist_lock"))
    name: str = "ksm"
    # Under mmlist_lock; whether there are any is looked at without it.
    mm_slots: list[MmSlot] = field(factory=list)
    scan: KsmScan = field(factory=KsmScan)
    # Under thread_mutex.  A tree is a list in order of contents.
    stable_tree: list[StableNode] = field(factory=list)
    unstable_tree: list[RmapItem] = field(factory=list)
    pages_shared: int = 0  # stable nodes with users
    pages_sharing: int = 0  # further places that use them
    pages_unshared: int = 0  # in the unstable tree
    rmap_items: int = 0
    # Set by hand.
    run: int = KSM_RUN_STOP  # under thread_mutex
    pages_to_scan: int = 100  # at each wake-up
    sleep_millisecs: int = 20  # shown, but nothing here sleeps by the clock

    @property
    def pages_volatile(self) -> int:
        """Places that changed too fast to be put into a tree."""
        known = self.pages_shared + self.pages_sharing + self.pages_unshared
        return max(0, self.rmap_items - known)


KSM = fields(Ksm)


# Entering and leaving.


async def ksm_madvise(
    k: Kernel, vma: VmArea, start: VirtAddr, end: VirtAddr, *, mergeable: bool
) -> tuple[int, int]:
    """MADV_MERGEABLE or MADV_UNMERGEABLE: 0 or an error, and the VMA's new flags.

    Those are for the caller to store.  Needs mmap_sem for writing.
    """
    flags = vma.vm_flags
    if mergeable:
        if flags & NOT_MERGEABLE:
            return 0, flags
        if not await read_once(vma.mm, MM.merge_any):
            await ksm_enter(k, vma.mm)
        return 0, flags | VM_MERGEABLE
    if not flags & VM_MERGEABLE:
        return 0, flags
    if vma.anon_vma is not None:
        error = await unmerge_ksm_pages(k, vma, start, end)
        if error:
            return error, flags
    return 0, flags & ~VM_MERGEABLE


async def ksm_enter(k: Kernel, mm: Mm) -> None:
    """Let ksmd visit an address space, after all others: just behind the cursor.

    Needs its mmap_sem for writing.  Takes mmlist_lock.  (__ksm_enter)
    """
    async with k.ksm.mmlist_lock:
        slots, scan = await modify_once(k.ksm, KSM.mm_slots), k.ksm.scan
        if scan.begun:
            slots.insert(scan.slot, MmSlot(mm))
            scan.slot += 1
        else:
            slots.append(MmSlot(mm))
    await write_once(mm, MM.merge_any, True)
    await atomic_add(mm, MM.mm_count, +1)


async def ksm_fork(k: Kernel, mm: Mm, parent: Mm) -> None:
    """A child's memory may be merged as its parent's.

    Needs both mmap_sems for writing.  Takes mmlist_lock.
    """
    if await read_once(parent, MM.merge_any):
        await ksm_enter(k, mm)


async def ksm_exit(k: Kernel, mm: Mm) -> None:
    """An address space is about to go: forget the places in it.

    Linux leaves it to ksmd to forget them, and waits only until ksmd is not looking.
    Takes ksm_thread_mutex, and mmlist_lock.
    """
    if not await read_once(mm, MM.merge_any):
        return
    async with k.ksm.thread_mutex:
        async with k.ksm.mmlist_lock:
            slot = next((s for s in k.ksm.mm_slots if s.mm is mm), None)
        if slot is not None:
            await remove_trailing_rmap_items(k, slot, 0)
            await remove_slot(k, slot)


async def remove_slot(k: Kernel, slot: MmSlot) -> None:
    """Do not visit an address space any more.

    Needs ksm_thread_mutex.  Takes mmlist_lock.
    """
    async with k.ksm.mmlist_lock:
        slots, scan = await modify_once(k.ksm, KSM.mm_slots), k.ksm.scan
        place = slots.index(slot)
        del slots[place]
        if place < scan.slot:
            scan.slot -= 1
        elif place == scan.slot:
            scan.address = VirtAddr(0)
    await write_once(slot.mm, MM.merge_any, False)
    await atomic_add(slot.mm, MM.mm_count, -1)


# Going round.


async def ksm_do_scan(k: Kernel, pages: int) -> None:
    """Look at so many pages, or at as many as are left of this round.

    Needs ksm_thread_mutex.
    """
    for _ in range(pages):
        found = await scan_get_next_rmap_item(k)
        if found is None:
            return
        item, page = found
        if not PageKsm(page) or item.stable_node is None:
            await cmp_and_merge_page(k, page, item)
        await put_page(k, page)


async def ksmd(k: Kernel, wakeups: int) -> None:
    """Look at `pages_to_scan` pages at each wake-up, if run is 1.

    Linux's goes on for ever, with `sleep_millisecs` in between; here it is said how
    often it wakes up.  Takes ksm_thread_mutex.
    """
    for _ in range(wakeups):
        await k.ksm.thread_mutex.lock()
        if k.ksm.run & KSM_RUN_MERGE:
            await ksm_do_scan(k, k.ksm.pages_to_scan)
        await k.ksm.thread_mutex.unlock()


async def scan_get_next_rmap_item(k: Kernel) -> tuple[RmapItem, Page] | None:
    """The next place and its page, with a reference; None at the end of a round.

    Needs ksm_thread_mutex.  Takes mmap_sem of each address space for reading, and
    mmlist_lock when it has given that back.
    """
    if not await read_once(k.ksm, KSM.mm_slots):
        return None
    slot = await first_slot(k)
    while slot is not None:
        async with slot.mm.mmap_sem.for_read:
            found = await next_in_mm(k, slot)
            if found is not None:
                return found
            await remove_trailing_rmap_items(k, slot, k.ksm.scan.address)
            mergeable = any(vma.vm_flags & VM_MERGEABLE for vma in slot.mm.mmap)
        slot = await next_slot(k, slot, keep=mergeable)
    return None


async def first_slot(k: Kernel) -> MmSlot | None:
    """The address space at which to go on, or to begin.

    Where a round begins, the unstable tree is thrown away.  Takes mmlist_lock.
    """
    ksm, scan = k.ksm, k.ksm.scan
    async with ksm.mmlist_lock:
        if not scan.begun:
            scan.begun = True
            ksm.unstable_tree.clear()
        return slot_at_cursor(k)


async def next_slot(k: Kernel, slot: MmSlot, *, keep: bool) -> MmSlot | None:
    """The address space after `slot`, which is visited again only if it is kept.

    None at the end of a round.  Takes mmlist_lock.
    """
    if not keep:
        await remove_slot(k, slot)
    async with k.ksm.mmlist_lock:
        k.ksm.scan.address = VirtAddr(0)
        k.ksm.scan.slot += keep
        return slot_at_cursor(k)


def slot_at_cursor(k: Kernel) -> MmSlot | None:
    """Where the cursor is; None if that is the end of the round, which is then over.

    Needs mmlist_lock.
    """
    slots, scan = k.ksm.mm_slots, k.ksm.scan
    if scan.slot < len(slots):
        return slots[scan.slot]
    scan.slot, scan.begun = 0, False
    scan.seqnr += 1
    return None


async def next_in_mm(k: Kernel, slot: MmSlot) -> tuple[RmapItem, Page] | None:
    """The next mergeable page of one address space, from the cursor on.

    Needs mmap_sem, and ksm_thread_mutex.
    """
    for vma in slot.mm.mmap:
        if not vma.vm_flags & VM_MERGEABLE:
            continue
        if await read_once(vma, VMA.anon_vma) is None:
            continue
        first = max(k.ksm.scan.address, vma.vm_start)
        for address in range(first, vma.vm_end, PAGE_SIZE):
            page = await follow_page(k, slot.mm, VirtAddr(address), write=False)
            if page is not None and PageAnon(page):
                item = await get_next_rmap_item(k, slot, VirtAddr(address))
                k.ksm.scan.address = VirtAddr(address + PAGE_SIZE)
                return item, page
            if page is not None:
                await put_page(k, page)
    return None


async def get_next_rmap_item(k: Kernel, slot: MmSlot, address: VirtAddr) -> RmapItem:
    """The item for an address, made if need be.

    Those from the cursor up to it go: this round found no page there.  Needs
    ksm_thread_mutex.
    """
    items = slot.rmap_list
    place = bisect_left(items, k.ksm.scan.address, key=by_address)
    while place < len(items) and items[place].address < address:
        await free_rmap_item(k, slot, place)
    if place < len(items) and items[place].address == address:
        return items[place]
    item = RmapItem(slot.mm, address)
    items.insert(place, item)
    k.ksm.rmap_items += 1
    return item


async def remove_trailing_rmap_items(k: Kernel, slot: MmSlot, address: int) -> None:
    """Forget all places from an address on.  Needs ksm_thread_mutex."""
    while slot.rmap_list and slot.rmap_list[-1].address >= address:
        await free_rmap_item(k, slot, len(slot.rmap_list) - 1)


async def free_rmap_item(k: Kernel, slot: MmSlot, place: int) -> None:
    """Forget the place with this number.  Needs ksm_thread_mutex."""
    item = slot.rmap_list.pop(place)
    await remove_rmap_item_from_tree(k, item)
    k.ksm.rmap_items -= 1


# Switching it on and off.


async def run_store(k: Kernel, run: int) -> int:
    """Write to /sys/kernel/mm/ksm/run; 0 or an error.  Takes ksm_thread_mutex."""
    if run not in (KSM_RUN_STOP, KSM_RUN_MERGE, KSM_RUN_UNMERGE):
        return -EINVAL
    async with k.ksm.thread_mutex:
        if k.ksm.run != run:
            k.ksm.run = run
            if run == KSM_RUN_UNMERGE:
                error = await unmerge_and_remove_all_rmap_items(k)
                if error:
                    k.ksm.run = KSM_RUN_STOP
                    return error
    return 0


async def unmerge_and_remove_all_rmap_items(k: Kernel) -> int:
    """Take all merging back, and forget all places; the address spaces stay known.

    0 or -ENOMEM.  Needs ksm_thread_mutex.  Takes each mmap_sem for reading.
    """
    async with k.ksm.mmlist_lock:
        slots = list(k.ksm.mm_slots)
    for slot in slots:
        async with slot.mm.mmap_sem.for_read:
            for vma in slot.mm.mmap:
                if not vma.vm_flags & VM_MERGEABLE:
                    continue
                if await read_once(vma, VMA.anon_vma) is not None:
                    error = await unmerge_ksm_pages(k, vma, vma.vm_start, vma.vm_end)
                    if error:
                        return error
        await remove_trailing_rmap_items(k, slot, 0)
    async with k.ksm.mmlist_lock:
        k.ksm.scan = KsmScan()
    return 0
