"""A recorded trace of a buddy allocator, played back to the exact end.

Every allocation and free that came to a running kernel's buddy allocator, behind the
per-CPU lists, with a picture of all frames before and after.  Which of several free
blocks was taken is in the trace, since it depends on the order of lists that no picture
shows.  What is held against the model is all else: that the block was free, that the
lower half is what is handed out when it is split, where the other halves go, and how
freed blocks merge; so that in the end the same frames are free, in the same blocks.

Recorded on Linux 6.12, which splits and merges as 2.6.34 does.
"""

from __future__ import annotations

from ..mm.buddy import del_from_free_list, expand, free_one_page
from ..mm.kernel import Kernel
from ..mm.mm_types import Page, PG_buddy
from ..mm.mmzone import (
    MAX_ORDER,
    MIGRATE_MOVABLE,
    MIGRATE_RECLAIMABLE,
    MIGRATE_UNMOVABLE,
)
from .picture import (
    boot_from,
    buddyinfo,
    check_buddyinfo,
    check_picture,
    free_frames,
    free_in,
)
from .recorded import Case, Malformed
from .shape import required

# By 6.12's number, which is not that of 2.6.34.  Any other counts as movable.
MIGRATETYPES = {0: MIGRATE_UNMOVABLE, 1: MIGRATE_MOVABLE, 2: MIGRATE_RECLAIMABLE}


def check(case: Case) -> None:
    """Raises Malformed."""
    for name in ("kpf0", "kpf1"):
        check_picture(name, required(case, name))
    for name in ("buddyinfo0", "buddyinfo1"):
        check_buddyinfo(name, required(case, name))
    events = required(case, "events")
    if not isinstance(events, list):
        raise Malformed("events should be a list")
    for place, event in enumerate(events):
        if not isinstance(event, list) or len(event) < 3 or event[0] not in ("a", "f"):
            raise Malformed(f"event {place}: {event!r} is no a or f with its numbers")
        _, pfn, order, *_ = event
        if not isinstance(pfn, int) or pfn < 0 or order not in range(MAX_ORDER):
            raise Malformed(f"event {place}: {event!r} has no such block")


def hold(case: Case) -> tuple[str, str, str] | None:
    """Play the trace; what was asked, expected and got where it first differs."""
    k = boot_from(case["kpf0"])
    if buddyinfo(k) != case["buddyinfo0"]:
        return "free blocks at first", str(case["buddyinfo0"]), str(buddyinfo(k))
    for place, (kind, pfn, order, *rest) in enumerate(case["events"]):
        migratetype = MIGRATETYPES.get(rest[0] if rest else 1, MIGRATE_MOVABLE)
        play = allocate if kind == "a" else free
        wrong = play(k, pfn, order, migratetype)
        if wrong is not None:
            verb = "allocates" if kind == "a" else "frees"
            asked = f"event {place}: {verb} order {order}"
            return asked, f"the block at pfn {pfn}", wrong
    if buddyinfo(k) != case["buddyinfo1"]:
        return "free blocks at the end", str(case["buddyinfo1"]), str(buddyinfo(k))
    expected, got = free_in(case["kpf1"]), free_frames(k)
    if got != expected:
        return "free frames at the end", str(expected), str(got)
    return None


def allocate(k: Kernel, pfn: int, order: int, migratetype: int) -> str | None:
    """Take the free block that has `pfn`, split as the allocator does.

    None if that hands out `pfn`; else what it does.  This is `__rmqueue_smallest`, but
    for the choice of the block.
    """
    block = free_block_with(k, pfn, order)
    if block is None:
        return "no free block there is large enough"
    if block.pfn != pfn:
        return f"the lower half is handed out, at pfn {block.pfn}"
    zone = block.zone
    high = del_from_free_list(zone, block)
    expand(k, zone, block, order, high, migratetype)
    zone.nr_free_pages -= 1 << order
    return None


def free_block_with(k: Kernel, pfn: int, least: int) -> Page | None:
    """The head of the free block that a frame is in, if it is of this order or more."""
    for order in range(least, MAX_ORDER):
        head = k.mem_map.get(pfn & -(1 << order))
        if head is not None and head.flags & PG_buddy and head.private == order:
            return head
    return None


def free(k: Kernel, pfn: int, order: int, migratetype: int) -> str | None:
    """Give a block back; None if it was in use, as it should have been."""
    if free_block_with(k, pfn, 0) is not None:
        return "it is free already"
    page = k.mem_map[pfn]
    free_one_page(k, page.zone, page, order, migratetype)
    return None
