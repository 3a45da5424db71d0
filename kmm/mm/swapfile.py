"""The swap device: slots for pages that are not in memory, and who refers to them.

Linux: mm/swapfile.c, mm/page_io.c.

A slot holds one page.  `swap_map` says of each slot how many page-table entries refer
to it, and whether the swap cache has its page in memory (SWAP_HAS_CACHE); a slot for
which it says 0 is free.  Slot 0 is the device's header, so that no swap entry is 0.

Called by `swap_state`, and by those who make, copy or drop swap entries.

swap_lock protects the map; it is taken inside of the page-table lock.  The device
takes its time: whoever reads or writes waits for that (`swap_device_read`, and
`swap_device_write`).

Left out: more than one device with priorities, discarding.  Linux has a byte for each
slot, and needs memory for what goes beyond 62 (add_swap_count_continuation); here a
count has no end.
"""

from __future__ import annotations

from attrs import define, field, fields

from ..hw.memory import PAGE_SHIFT, PAGE_SIZE, PhysAddr, frame_key
from ..sim.access import read_once, write_once
from ..sim.failure import Leak
from ..sim.locks import SpinLock
from ..sim.trap import READ, WRITE, Kind, Op, trap
from .kernel import Kernel
from .mm_types import Page
from .swapops import is_swap_entry, swp_entry, swp_offset
from .vmstat import count_vm_events

SWAP_HAS_CACHE = 1 << 30  # beside a slot's count (Linux: 0x40): the cache has its page
SWAPFILE_CLUSTER = 256  # slots


@define(eq=False)
class SwapInfo:
    """struct swap_info_struct: one device, and which of its slots are in use."""

    slots: int  # the header included; 0 is no device at all
    name: str = "swap"
    lock: SpinLock = field(factory=lambda: SpinLock("swap_lock"))
    # Under `lock`.
    swap_map: dict[int, int] = field(factory=dict)  # slot -> count and flag, if not 0
    cluster_next: int = 1  # where the next search begins
    cluster_nr: int = 0  # slots that are left of the present cluster
    inuse_pages: int = 0  # looked at without it, by those who want to know roughly
    # What is on the device: written and read by transfers only.
    device: dict[int, bytes] = field(factory=dict)

    @property
    def nr_swap_pages(self) -> int:
        """Free slots."""
        return max(0, self.slots - 1) - self.inuse_pages

    @property
    def total_swap_pages(self) -> int:
        return max(0, self.slots - 1)


SWAP = fields(SwapInfo)


async def any_swap_left(k: Kernel) -> bool:
    """Whether there is a free slot: nr_swap_pages > 0, without swap_lock."""
    return await read_once(k.swap, SWAP.inuse_pages) < k.swap.total_swap_pages


async def vm_swap_full(k: Kernel) -> bool:
    """Whether more than half of the slots are in use; without swap_lock."""
    total = k.swap.total_swap_pages
    return (total - await read_once(k.swap, SWAP.inuse_pages)) * 2 < total


async def get_swap_page(k: Kernel) -> int:
    """A free slot, for the swap cache; its entry, or 0 if there is none.

    Takes swap_lock.
    """
    swap = k.swap
    async with swap.lock:
        slot = scan_swap_map(swap)
        if slot:
            swap.swap_map[slot] = SWAP_HAS_CACHE
            await write_once(swap, SWAP.inuse_pages, swap.inuse_pages + 1)
    return swp_entry(0, slot) if slot else 0


def scan_swap_map(swap: SwapInfo) -> int:
    """The next slot to use; 0 if none is free.  Needs swap_lock.

    Slots are given out one after the other, so that neighbours lie together.  After 256
    of them, the search goes on at the first run of 256 free ones, or at the first free
    one if there is no such run.  With fewer than 256 free it goes on where it is.
    """
    if swap.inuse_pages >= swap.total_swap_pages:
        return 0
    if swap.cluster_nr == 0:
        swap.cluster_nr = SWAPFILE_CLUSTER
        if swap.nr_swap_pages >= SWAPFILE_CLUSTER:
            swap.cluster_next = first_free_cluster(swap) or 1
    swap.cluster_nr -= 1
    slot = swap.cluster_next
    while slot in swap.swap_map or slot >= swap.slots:
        slot = slot + 1 if slot < swap.slots else 1
    swap.cluster_next = slot + 1
    return slot


def first_free_cluster(swap: SwapInfo) -> int:
    """Where 256 slots in a row are free; 0 if nowhere."""
    start = 1
    while start + SWAPFILE_CLUSTER <= swap.slots:
        used = [s for s in range(start, start + SWAPFILE_CLUSTER) if s in swap.swap_map]
        if not used:
            return start
        start = used[-1] + 1
    return 0


async def swap_duplicate(k: Kernel, entry: int) -> None:
    """One more page-table entry refers to a slot.

    A migration entry has no slot, and is fine as it is; so is one whose slot is free,
    which is left so.  Takes swap_lock.
    """
    if not is_swap_entry(entry):
        return
    async with k.swap.lock:
        slot = swp_offset(entry)
        count = k.swap.swap_map.get(slot, 0)
        if count:
            k.swap.swap_map[slot] = count + 1


async def swapcache_prepare(k: Kernel, entry: int) -> bool:
    """The swap cache is about to read a slot; False if it has it, or nobody wants it.

    Takes swap_lock.
    """
    async with k.swap.lock:
        slot = swp_offset(entry)
        count = k.swap.swap_map.get(slot, 0)
        if count == 0 or count & SWAP_HAS_CACHE:
            return False
        k.swap.swap_map[slot] = count | SWAP_HAS_CACHE
    return True


async def swap_free(k: Kernel, entry: int) -> int:
    """One page-table entry less refers to a slot; what is left of its count.

    Takes swap_lock.
    """
    async with k.swap.lock:
        return await swap_entry_free(k.swap, swp_offset(entry), 1)


async def swapcache_free(k: Kernel, entry: int) -> None:
    """The swap cache gives a slot up.  Takes swap_lock."""
    async with k.swap.lock:
        await swap_entry_free(k.swap, swp_offset(entry), SWAP_HAS_CACHE)


async def swap_entry_free(swap: SwapInfo, slot: int, usage: int) -> int:
    """Take a user off a slot: 1 entry, or SWAP_HAS_CACHE; what is left.

    Needs swap_lock.  Raises Leak if the slot has no user.
    """
    if slot not in swap.swap_map:
        raise Leak(f"swap_free: Unused swap offset entry {swp_entry(0, slot):08x}")
    left = swap.swap_map[slot] - usage
    if left:
        swap.swap_map[slot] = left
    else:
        del swap.swap_map[slot]
        swap.device.pop(slot, None)
        await write_once(swap, SWAP.inuse_pages, swap.inuse_pages - 1)
    return left


async def swap_count(k: Kernel, entry: int) -> int:
    """How many page-table entries refer to a slot.  Takes swap_lock."""
    async with k.swap.lock:
        return k.swap.swap_map.get(swp_offset(entry), 0) & ~SWAP_HAS_CACHE


# The device.


class SwapOp(Op):
    """A page is transferred to its slot (the frame is read), or from there."""

    __slots__ = ("also", "slot")

    takes_time = True

    def __init__(self, slot: int, frame: Kind, pfn: int) -> None:
        super().__init__(WRITE, f"swap slot {slot}")
        self.slot = slot
        self.also = ((frame, frame_key(pfn)),)


async def swap_device_write(k: Kernel, entry: int, page: Page) -> None:
    """Put a page into its slot.  The caller waits until that is done.

    Needs PG_writeback set, so that the slot stays.  (mm/page_io.c)
    """
    await trap(SwapOp(swp_offset(entry), READ, page.pfn))
    data = k.memory.read(PhysAddr(page.pfn << PAGE_SHIFT), PAGE_SIZE)
    k.swap.device[swp_offset(entry)] = data
    count_vm_events(k, "pswpout")


async def swap_device_read(k: Kernel, entry: int, page: Page) -> None:
    """Fill a page from its slot.  The caller waits until that is done.

    Needs the page locked, and in the swap cache.  (mm/page_io.c)
    """
    await trap(SwapOp(swp_offset(entry), WRITE, page.pfn))
    data = k.swap.device.get(swp_offset(entry), bytes(PAGE_SIZE))
    k.memory.write(PhysAddr(page.pfn << PAGE_SHIFT), data)
    count_vm_events(k, "pswpin")
