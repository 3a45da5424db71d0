"""Virtual memory areas: found, made, merged, given new bounds, split.

Linux: mm/mmap.c (later kernels keep this apart, in mm/vma.c).  Used by all that changes
an address space: `mmap`, `mprotect`, `mremap`, `madvise`, `mlock`, fork and exec.

An address space is a list of VMAs that do not overlap.  Two neighbours that differ in
nothing are merged, and a call that changes a part of one splits it, which keeps the
list short.  (Neighbours with different anon_vmas stay apart.)  What makes this hard is
that pages know their VMAs only by way of anon_vmas: a VMA that takes over pages from a
neighbour must be on the neighbour's anon_vmas too, and both must agree with walks of
the reverse map on who covers what.
All changes of bounds go through `vma_adjust`, whose rivals are a question, `rmap-walk`.
(The growth of a stack does not: see `mmap.expand_stack`.)

Callers hold mmap_sem for writing, but for those who only look, who hold it for reading.
Addresses are in bytes, vm_pgoff and pgoff in pages; ranges do not include their ends.

Left out: mmap_cache and the tree (the list is searched by halves), policies, vm_ops.
Memory for structures never runs out here, so what can be -ENOMEM in Linux for want of
an anon_vma_chain is always 0.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from operator import attrgetter

from attrs import evolve, frozen

from ..hw.memory import PAGE_SHIFT, VirtAddr
from ..sim.access import write_once, write_plain
from ..sim.failure import bug_on, not_null
from .errno import ENOMEM
from .kernel import Kernel
from .list_head import list_del
from .mm_types import VM_SPECIAL, VMA, AnonVma, File, Mm, VmArea
from .pgtable import vm_get_page_prot
from .rmap import anon_vma_clone, unlink_anon_vmas

SYSCTL_MAX_MAP_COUNT = 65530

by_end = attrgetter("vm_end")


# Looking up.  Needs mmap_sem.


def find_vma(mm: Mm, address: int) -> VmArea | None:
    """The lowest VMA that ends above `address`; it may start above it too."""
    place = bisect_right(mm.mmap, address, key=by_end)
    return mm.mmap[place] if place < len(mm.mmap) else None


def find_vma_prev(mm: Mm, address: int) -> tuple[VmArea | None, VmArea | None]:
    """The same, and the VMA before it; the last one, if there is none above."""
    place = bisect_right(mm.mmap, address, key=by_end)
    vma = mm.mmap[place] if place < len(mm.mmap) else None
    return vma, mm.mmap[place - 1] if place else None


def find_vma_intersection(mm: Mm, start: int, end: int) -> VmArea | None:
    """The lowest VMA that has a part of [start, end)."""
    vma = find_vma(mm, start)
    return vma if vma is not None and vma.vm_start < end else None


def vma_pages(vma: VmArea) -> int:
    """Its size in pages."""
    return (vma.vm_end - vma.vm_start) >> PAGE_SHIFT


def next_vma(vma: VmArea) -> VmArea | None:
    """The VMA after this one by address (vma->vm_next); None if it is the last.

    Needs mmap_sem.
    """
    place = bisect_right(vma.mm.mmap, vma.vm_start, key=by_end)
    while vma.mm.mmap[place] is not vma:
        place += 1
    return vma.mm.mmap[place + 1] if place + 1 < len(vma.mm.mmap) else None


# Making one, and putting it among the others.


def vm_area_alloc(
    k: Kernel,
    mm: Mm,
    start: VirtAddr,
    end: VirtAddr,
    vm_flags: int,
    file: File | None = None,
    pgoff: int | None = None,
) -> VmArea:
    """A VMA that is on no list yet.

    Without a `pgoff` its pages are numbered by their addresses.
    """
    return VmArea(
        k.next_name("vma"),
        mm,
        start,
        end,
        start >> PAGE_SHIFT if pgoff is None else pgoff,
        vm_flags,
        vm_get_page_prot(vm_flags),
        file,
    )


def link_vma(mm: Mm, vma: VmArea) -> None:
    """Into the list by address (__vma_link); BUG if it overlaps another.

    In Linux only __insert_vm_struct asks that, which vma_adjust calls.  For a VMA that
    no walk can find yet, or under the locks of those who could.
    """
    place = bisect_right(mm.mmap, vma.vm_start, key=by_end)
    if place < len(mm.mmap):
        bug_on(mm.mmap[place].vm_start < vma.vm_end, "mm/mmap.c:479")
    mm.mmap.insert(place, vma)


def insert_vm_struct(mm: Mm, vma: VmArea) -> None:
    """Put a new anonymous VMA, which has no anon_vma yet, among the others.

    Linux's takes a file's too, goes by vma_link, and where it overlaps another says
    -ENOMEM, which here is a BUG.
    """
    bug_on(vma.anon_vma is not None, "mm/mmap.c:2290")
    link_vma(mm, vma)


async def vma_link(mm: Mm, vma: VmArea) -> None:
    """The same for a VMA that walks may find already.

    Takes i_mmap_lock, and when it has given that back, the lock of the VMA's anon_vma.
    Linux takes the second inside of the first.
    """
    await vma_link_file(vma)
    if vma.anon_vma is not None:
        async with vma.anon_vma.lock:
            link_vma(mm, vma)
    else:
        link_vma(mm, vma)


async def vma_link_file(vma: VmArea) -> None:
    """Let the file's walks find a VMA.  Takes i_mmap_lock."""
    if vma.vm_file is not None:
        mapping = vma.vm_file.f_mapping
        async with mapping.i_mmap_lock:
            mapping.i_mmap.append(vma)


async def unlink_file_vma(vma: VmArea) -> None:
    """Take a VMA off its file's list.  Takes i_mmap_lock."""
    if vma.vm_file is not None:
        mapping = vma.vm_file.f_mapping
        async with mapping.i_mmap_lock:
            list_del(mapping.i_mmap, vma)


# Merging.


def is_mergeable_vma(vma: VmArea, file: File | None, vm_flags: int) -> bool:
    """Whether a VMA maps the same file, or none, with the same flags."""
    return vma.vm_flags == vm_flags and vma.vm_file is file


def is_mergeable_anon_vma(one: AnonVma | None, other: AnonVma | None) -> bool:
    """Two VMAs can share an anon_vma if they do, or if one of them has none."""
    return one is None or other is None or one is other


def can_merge_before(
    vma: VmArea, vm_flags: int, anon_vma: AnonVma | None, file: File | None, pgoff: int
) -> bool:
    """Whether something that ends where `vma` starts, at `pgoff`, can join it."""
    return (
        is_mergeable_vma(vma, file, vm_flags)
        and is_mergeable_anon_vma(anon_vma, vma.anon_vma)
        and vma.vm_pgoff == pgoff
    )


def can_merge_after(
    vma: VmArea, vm_flags: int, anon_vma: AnonVma | None, file: File | None, pgoff: int
) -> bool:
    """Whether something that starts where `vma` ends, at `pgoff`, can join it."""
    return (
        is_mergeable_vma(vma, file, vm_flags)
        and is_mergeable_anon_vma(anon_vma, vma.anon_vma)
        and vma.vm_pgoff + vma_pages(vma) == pgoff
    )


@frozen
class Merge:
    """Which VMA is to get which bounds, and which covers the range then."""

    adjusted: VmArea
    start: VirtAddr
    end: VirtAddr
    pgoff: int
    covers: VmArea


async def vma_merge(
    k: Kernel,
    mm: Mm,
    prev: VmArea | None,
    start: VirtAddr,
    end: VirtAddr,
    vm_flags: int,
    anon_vma: AnonVma | None,
    file: File | None,
    pgoff: int,
) -> VmArea | None:
    """Let neighbours cover [start, end), which is to be as described; None if none can.

    The range is either free, or covered by the VMA after `prev` or the end of `prev`
    itself, and about to change.  Returns the VMA that covers it now.
    """
    if vm_flags & VM_SPECIAL:
        return None
    merge = plan_merge(mm, prev, start, end, vm_flags, anon_vma, file, pgoff)
    if merge is None:
        return None
    error = await k.rmap_walk.vma_adjust(
        k, merge.adjusted, merge.start, merge.end, merge.pgoff, None
    )
    return None if error else merge.covers


def plan_merge(
    mm: Mm,
    prev: VmArea | None,
    start: VirtAddr,
    end: VirtAddr,
    vm_flags: int,
    anon_vma: AnonVma | None,
    file: File | None,
    pgoff: int,
) -> Merge | None:
    """Does the range join the VMA before it, the one after it, or both?

    The numbers are those of the cases above Linux's vma_merge.  4 to 8 are of ranges
    that are mapped already.
    """
    area = next_vma(prev) if prev is not None else (mm.mmap[0] if mm.mmap else None)
    after = area
    if after is not None and after.vm_end == end:
        after = next_vma(after)  # the range is all of `area` (6, 7, 8)
    pages = (end - start) >> PAGE_SHIFT
    if after is not None and not (
        after.vm_start == end
        and can_merge_before(after, vm_flags, anon_vma, file, pgoff + pages)
    ):
        after = None

    if (
        prev is not None
        and prev.vm_end == start
        and can_merge_after(prev, vm_flags, anon_vma, file, pgoff)
    ):
        # `prev` takes the range (2, 5, 7), and the one after it too if it can (1, 6).
        upto = end
        if after is not None and is_mergeable_anon_vma(prev.anon_vma, after.anon_vma):
            upto = after.vm_end
        return Merge(prev, prev.vm_start, upto, prev.vm_pgoff, covers=prev)
    if after is None:
        return None
    if prev is not None and start < prev.vm_end:
        # The end of `prev` changes sides: the boundary goes down (4).
        return Merge(prev, prev.vm_start, start, prev.vm_pgoff, covers=after)
    # The one after it comes down to `start` (3), or `area` takes it in (8).
    assert area is not None
    first = after.vm_pgoff - ((after.vm_start - start) >> PAGE_SHIFT)
    return Merge(area, start, after.vm_end, first, covers=area)


# Changing bounds.


@frozen
class Adjustment:
    """What `vma_adjust` is about to do, worked out before anything changes."""

    vma: VmArea
    start: VirtAddr
    end: VirtAddr
    pgoff: int
    following: VmArea | None = None  # the neighbour above, if it changes or goes
    removes: bool = False  # it goes
    shift: int = 0  # pages by which its start moves, if it stays
    again: bool = False  # when it has gone, there is one more to go
    insert: VmArea | None = None  # a VMA that comes in where `vma` makes room


async def vma_adjust(
    k: Kernel,
    vma: VmArea,
    start: VirtAddr,
    end: VirtAddr,
    pgoff: int,
    insert: VmArea | None = None,
) -> int:
    """Give a VMA new bounds, and its neighbours what that means for them; 0 or -ENOMEM.

    `end` may reach into the next VMA, which gives way or goes, or fall short of the
    VMA's old end, which the next one then takes over.  `pgoff` goes with `start`.
    `insert` is a VMA for the room that is made.

    Needs mmap_sem for writing.  Takes i_mmap_lock of the VMA's file.  2.6.34 takes no
    anon_vma lock here (2.6.33 did), so a walk on another CPU may read the fields
    between any two of these stores.
    """
    while True:
        change = plan_adjustment(vma, start, end, pgoff, insert)
        await share_anon_vma(change)
        async with AdjustedFile(change):
            await store_bounds(change)
            await move_following(change)
            relink(change)
        await drop_following(change)
        if not change.again:
            return 0


def plan_adjustment(
    vma: VmArea, start: VirtAddr, end: VirtAddr, pgoff: int, insert: VmArea | None
) -> Adjustment:
    """Does the VMA swallow its neighbour, or move the boundary to it, or neither?

    Looks only; nothing changes yet.
    """
    following = next_vma(vma)
    if following is None or insert is not None:
        return Adjustment(vma, start, end, pgoff, insert=insert)
    if end >= following.vm_end:
        # It swallows the next one; if it reaches further, the one after it as well,
        # in a second round.
        again = end > following.vm_end
        return Adjustment(
            vma, start, following.vm_end, pgoff, following, removes=True, again=again
        )
    if end > following.vm_start:
        shift = (end - following.vm_start) >> PAGE_SHIFT
        return Adjustment(vma, start, end, pgoff, following, shift=shift)
    if end < vma.vm_end:
        shift = -((vma.vm_end - end) >> PAGE_SHIFT)
        return Adjustment(vma, start, end, pgoff, following, shift=shift)
    return Adjustment(vma, start, end, pgoff)


async def share_anon_vma(change: Adjustment) -> None:
    """Who takes over pages must be found where those pages' walks look.

    The VMA that gives pages away hands on its anon_vmas, if the other has none.  This
    comes before the bounds move, so that at no moment a page is in a VMA that is not on
    its anon_vma's list.  Takes each anon_vma.lock in turn.
    """
    vma, following = change.vma, change.following
    if following is None:
        return
    gives, takes = (vma, following) if change.shift < 0 else (following, vma)
    if gives.anon_vma is not None and takes.anon_vma is None:
        await anon_vma_clone(takes, gives)
        await write_plain(takes, VMA.anon_vma, gives.anon_vma)


async def store_bounds(change: Adjustment) -> None:
    """The VMA's own bounds, one store after the other: all three, as in Linux.

    Where the end moves alone, the other two are stored as they were, and on 2.6.36 none
    of it is under the lock of an anon_vma.  Between any two, walks that hold no lock in
    common with the caller may come by.
    """
    vma = change.vma
    await write_plain(vma, VMA.vm_start, change.start)
    await write_once(vma, VMA.vm_end, change.end)
    await write_plain(vma, VMA.vm_pgoff, change.pgoff)


async def move_following(change: Adjustment) -> None:
    """The bounds of the neighbour above, if it stays and the boundary to it moves.

    Until this is done, both VMAs say that the pages between are theirs, or neither.
    """
    following = change.following
    if following is None or change.removes:
        return
    start = VirtAddr(following.vm_start + (change.shift << PAGE_SHIFT))
    await write_plain(following, VMA.vm_start, start)
    await write_plain(following, VMA.vm_pgoff, following.vm_pgoff + change.shift)


def relink(change: Adjustment) -> None:
    """Take out the neighbour that was swallowed, or put the new one in."""
    mm = change.vma.mm
    if change.removes:
        list_del(mm.mmap, not_null(change.following, f"{change.vma.name} is the last"))
    elif change.insert is not None:
        link_vma(mm, change.insert)


async def drop_following(change: Adjustment) -> None:
    """Free the neighbour that was swallowed.  Takes each anon_vma.lock in turn."""
    vma, gone = change.vma, change.following
    if gone is not None and change.removes and gone.anon_vma is not None:
        # anon_vma_merge: the pages are found by way of the other VMA from here on.
        bug_on(vma.anon_vma is not gone.anon_vma, "include/linux/rmap.h:121")
        await unlink_anon_vmas(gone)


class AdjustedFile:
    """Holds i_mmap_lock of the VMA's file while bounds change; nothing without a file.

    A new VMA joins the file's list at the start, one that was swallowed leaves it at
    the end.  Linux also takes the changed VMAs off and puts them back, since its tree
    is sorted by their bounds; a list is not.
    """

    def __init__(self, change: Adjustment) -> None:
        self.change = change
        file = change.vma.vm_file
        self.mapping = file.f_mapping if file is not None else None

    async def __aenter__(self) -> None:
        if self.mapping is not None:
            await self.mapping.i_mmap_lock.lock()
            if self.change.insert is not None:
                self.mapping.i_mmap.append(self.change.insert)

    async def __aexit__(self, error: type[BaseException] | None, *_: object) -> None:
        if self.mapping is not None and error is None:
            if self.change.removes and self.change.following is not None:
                list_del(self.mapping.i_mmap, self.change.following)
            await self.mapping.i_mmap_lock.unlock()


# Splitting.


async def split_vma(
    k: Kernel, mm: Mm, vma: VmArea, address: VirtAddr, *, new_below: bool
) -> int:
    """Cut a VMA in two at `address`, unless there are too many; 0 or -ENOMEM."""
    if mm.map_count >= SYSCTL_MAX_MAP_COUNT:
        return -ENOMEM
    return await split_vma_anyway(k, vma, address, new_below=new_below)


async def split_vma_anyway(
    k: Kernel, vma: VmArea, address: VirtAddr, *, new_below: bool
) -> int:
    """Cut a VMA in two at `address`; 0 or -ENOMEM.  (__split_vma)

    The new structure is the lower part (`new_below`), or the upper one.  It is on the
    anon_vmas' lists before the old one gives pages up, so walks find these in one of
    the two, or, while vm_start and vm_pgoff are being stored, in neither.
    """
    pages = (address - vma.vm_start) >> PAGE_SHIFT
    new = evolve(vma, name=k.next_name("vma"), anon_vma_chain=[])
    if new_below:
        new.vm_end = address
    else:
        new.vm_start = address
        new.vm_pgoff += pages
    await anon_vma_clone(new, vma)
    adjust = k.rmap_walk.vma_adjust
    if new_below:
        return await adjust(k, vma, address, vma.vm_end, vma.vm_pgoff + pages, new)
    return await adjust(k, vma, vma.vm_start, address, vma.vm_pgoff, new)


async def vma_modify(
    k: Kernel,
    vma: VmArea,
    prev: VmArea | None,
    start: VirtAddr,
    end: VirtAddr,
    vm_flags: int,
) -> tuple[int, VmArea]:
    """See to it that one VMA covers just [start, end) of `vma`, to get other flags.

    It joins neighbours that have those flags already, or is cut out.  0 or an error,
    and the VMA; its flags are for the caller to store.  (2.6.34 has these lines in
    mprotect, madvise and mlock each; later kernels made them a function, by this name.)
    """
    pgoff = vma.vm_pgoff + ((start - vma.vm_start) >> PAGE_SHIFT)
    merged = await vma_merge(
        k, vma.mm, prev, start, end, vm_flags, vma.anon_vma, vma.vm_file, pgoff
    )
    if merged is not None:
        return 0, merged
    error = 0
    if start != vma.vm_start:
        error = await split_vma(k, vma.mm, vma, start, new_below=True)
    if not error and end != vma.vm_end:
        error = await split_vma(k, vma.mm, vma, end, new_below=False)
    return error, vma


# Going over a range.


@frozen
class Part:
    """What one VMA covers of a range."""

    vma: VmArea
    prev: VmArea | None  # the one before it; itself, if the range begins within it
    start: VirtAddr
    end: VirtAddr


def parts_of_range(mm: Mm, start: int, end: int) -> Iterator[Part | None]:
    """What VMAs cover of [start, end), from below, and None for each hole.

    The VMA of a part may have been merged or split when the next part is asked for:
    what it covers by then is passed over.  Needs mmap_sem throughout.
    """
    place = start
    while place < end:
        vma, prev = find_vma_prev(mm, place)
        if vma is None or vma.vm_start >= end:
            yield None
            return
        if vma.vm_start > place:
            yield None
            place = vma.vm_start
        elif vma.vm_start < place:
            prev = vma
        upto = VirtAddr(min(vma.vm_end, end))
        yield Part(vma, prev, VirtAddr(place), upto)
        covering = find_vma(mm, upto - 1)
        place = max(upto, covering.vm_end) if covering is not None else upto
