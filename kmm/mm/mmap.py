"""Virtual memory areas: found, made, merged, split, given new bounds, unmapped.

Linux: mm/mmap.c.

An address space is a list of VMAs that do not overlap.  Two neighbours that differ in
nothing are merged, and a call that changes a part of one splits it, so the list is as
short as it can be.  What makes this hard is that pages know their VMAs only by way of
anon_vmas: a VMA that takes over pages from a neighbour must be on the neighbour's
anon_vmas too, and both must agree with walks of the reverse map on who covers what.
All changes of bounds go through `vma_adjust`, whose rivals are a question, `rmap-walk`.

Callers hold mmap_sem for writing, but for the growth of stacks.

Reading order: looking up, `vma_merge`, `vma_adjust`, splitting, mmap, munmap, brk,
stacks, exit.

Left out: policies, huge pages, nonlinear mappings, the commit limit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

from attrs import evolve, frozen

from ..hw.memory import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE, VirtAddr
from ..sim.access import write_once
from ..sim.failure import bug_on
from .errno import EACCES, EINVAL, ENOMEM
from .filemap import fput, shmem_file
from .kernel import Kernel
from .memory import free_pgtables, unmap_vmas
from .mm_types import (
    VM_ACCOUNT,
    VM_GROWSDOWN,
    VM_LOCKED,
    VM_MAYEXEC,
    VM_MAYREAD,
    VM_MAYSHARE,
    VM_MAYWRITE,
    VM_NORESERVE,
    VM_SHARED,
    VM_SPECIAL,
    VM_WRITE,
    VMA,
    AnonVma,
    File,
    Mm,
    VmArea,
)
from .pgtable import vm_get_page_prot
from .rmap import anon_vma_clone, anon_vma_prepare, unlink_anon_vmas
from .swap import lru_add_drain
from .tlb import MmuGather

RLIMIT_STACK = 8 << 20  # bytes; the default
SYSCTL_MAX_MAP_COUNT = 65530

TASK_SIZE = (1 << 47) - PAGE_SIZE  # where a program's addresses end
STACK_GAP = 128 << 20  # bytes below the stack that mmap leaves alone, at least
MMAP_BASE = VirtAddr(TASK_SIZE - STACK_GAP)  # mmap goes down from here
MMAP_MIN_ADDR = 65536

PROT_READ = 0x1
PROT_WRITE = 0x2
PROT_EXEC = 0x4

MAP_SHARED = 0x01
MAP_PRIVATE = 0x02
MAP_FIXED = 0x10
MAP_ANONYMOUS = 0x20
MAP_GROWSDOWN = 0x0100
MAP_LOCKED = 0x2000
MAP_NORESERVE = 0x4000
MAP_POPULATE = 0x8000

VM_MAY_ALL = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC

by_end = attrgetter("vm_end")


def page_align(length: int) -> int:
    """Rounded up to whole pages (PAGE_ALIGN)."""
    return (length + PAGE_SIZE - 1) & PAGE_MASK


# Looking up.  Needs mmap_sem.


def find_vma(mm: Mm, address: int) -> VmArea | None:
    """The lowest VMA that ends above `address`; it may start above it too."""
    place = bisect_right(mm.mmap, address, key=by_end)
    return mm.mmap[place] if place < len(mm.mmap) else None


def find_vma_prev(mm: Mm, address: int) -> tuple[VmArea | None, VmArea | None]:
    """The same, and the VMA before it."""
    place = bisect_right(mm.mmap, address, key=by_end)
    vma = mm.mmap[place] if place < len(mm.mmap) else None
    return vma, mm.mmap[place - 1] if place else None


def find_vma_intersection(mm: Mm, start: int, end: int) -> VmArea | None:
    vma = find_vma(mm, start)
    return vma if vma is not None and vma.vm_start < end else None


def vma_pages(vma: VmArea) -> int:
    return (vma.vm_end - vma.vm_start) >> PAGE_SHIFT


def next_vma(vma: VmArea) -> VmArea | None:
    """vma->vm_next."""
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
    """Into the list by address; BUG if it overlaps another (__vma_link)."""
    place = bisect_right(mm.mmap, vma.vm_start, key=by_end)
    if place < len(mm.mmap):
        bug_on(mm.mmap[place].vm_start < vma.vm_end, "mm/mmap.c:479")
    mm.mmap.insert(place, vma)


def insert_vm_struct(mm: Mm, vma: VmArea) -> None:
    """Put a new anonymous VMA among the others."""
    bug_on(vma.anon_vma is not None, "mm/mmap.c:2290")
    link_vma(mm, vma)


async def vma_link(mm: Mm, vma: VmArea) -> None:
    """The same for a VMA that walks may find already.

    Takes i_mmap_lock, then the lock of the VMA's anon_vma.
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


# Merging.


def is_mergeable_vma(vma: VmArea, file: File | None, vm_flags: int) -> bool:
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
    area = next_vma(prev) if prev is not None else (mm.mmap[0] if mm.mmap else None)
    after = area
    if after is not None and after.vm_end == end:
        after = next_vma(after)
    adjust = k.rmap_walk.vma_adjust

    joins_prev = (
        prev is not None
        and prev.vm_end == start
        and can_merge_after(prev, vm_flags, anon_vma, file, pgoff)
    )
    joins_after = (
        after is not None
        and after.vm_start == end
        and can_merge_before(
            after, vm_flags, anon_vma, file, pgoff + ((end - start) >> PAGE_SHIFT)
        )
    )
    if joins_prev:
        assert prev is not None
        both = (
            joins_after
            and after is not None
            and is_mergeable_anon_vma(prev.anon_vma, after.anon_vma)
        )
        upto = after.vm_end if both and after is not None else end
        error = await adjust(k, prev, prev.vm_start, upto, prev.vm_pgoff, None)
        return None if error else prev
    if joins_after:
        assert after is not None
        if prev is not None and start < prev.vm_end:
            # The end of `prev` changes sides: the boundary goes down.
            error = await adjust(k, prev, prev.vm_start, start, prev.vm_pgoff, None)
            return None if error else after
        assert area is not None
        error = await adjust(
            k,
            area,
            start,
            after.vm_end,
            after.vm_pgoff - ((after.vm_start - start) >> PAGE_SHIFT),
            None,
        )
        return None if error else area
    return None


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

    @property
    def moved(self) -> VmArea | None:
        """The neighbour, if it stays, and its start moves."""
        return None if self.removes else self.following


async def vma_adjust(
    k: Kernel,
    vma: VmArea,
    start: VirtAddr,
    end: VirtAddr,
    pgoff: int,
    insert: VmArea | None = None,
) -> int:
    """Give a VMA new bounds, and its neighbours what that means for them; 0 or -ENOMEM.

    Needs mmap_sem for writing.  2.6.34 takes no anon_vma lock here (2.6.33 did), so a
    walk on another CPU may read the fields between any two of these stores.
    """
    while True:
        change = plan_adjustment(vma, start, end, pgoff, insert)
        await share_anon_vma(change)
        async with AdjustedFile(change):
            await write_once(vma, VMA.vm_start, change.start)
            await write_once(vma, VMA.vm_end, change.end)
            await write_once(vma, VMA.vm_pgoff, change.pgoff)
            if change.moved is not None:
                after = change.moved
                start = VirtAddr(after.vm_start + (change.shift << PAGE_SHIFT))
                await write_once(after, VMA.vm_start, start)
                await write_once(after, VMA.vm_pgoff, after.vm_pgoff + change.shift)
            relink(change)
        await drop_following(change)
        if not change.again:
            return 0


def plan_adjustment(
    vma: VmArea, start: VirtAddr, end: VirtAddr, pgoff: int, insert: VmArea | None
) -> Adjustment:
    """Does the VMA swallow its neighbour, or move the boundary to it, or neither?"""
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

    The VMA that gives pages away hands on its anon_vmas, if the other has none.
    """
    vma, following = change.vma, change.following
    if following is None:
        return
    gives, takes = (vma, following) if change.shift < 0 else (following, vma)
    if gives.anon_vma is not None and takes.anon_vma is None:
        await anon_vma_clone(takes, gives)
        takes.anon_vma = gives.anon_vma


def relink(change: Adjustment) -> None:
    """Take out the neighbour that was swallowed, or put the new one in."""
    mm = change.vma.mm
    if change.removes:
        assert change.following is not None
        mm.mmap.remove(change.following)
    elif change.insert is not None:
        link_vma(mm, change.insert)


async def drop_following(change: Adjustment) -> None:
    """Free the neighbour that was swallowed."""
    vma, gone = change.vma, change.following
    if gone is not None and change.removes and gone.anon_vma is not None:
        # anon_vma_merge: the pages are found by way of the other VMA from here on.
        bug_on(vma.anon_vma is not gone.anon_vma, "include/linux/rmap.h:121")
        await unlink_anon_vmas(gone)


class AdjustedFile:
    """While the bounds of a file's VMA change: off the file's list, under its lock."""

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
                self.mapping.i_mmap.remove(self.change.following)
            await self.mapping.i_mmap_lock.unlock()


# Splitting.


async def split_vma(
    k: Kernel, mm: Mm, vma: VmArea, address: VirtAddr, *, new_below: bool
) -> int:
    """Cut a VMA in two at `address`; 0 or -ENOMEM.

    The new structure is the lower part, or the upper one.
    """
    if mm.map_count >= SYSCTL_MAX_MAP_COUNT:
        return -ENOMEM
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
    and the VMA; its flags are for the caller to store.  (2.6.34 has these lines three
    times; later kernels made them a function, by this name.)
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


# mmap.


async def do_mmap(
    k: Kernel,
    mm: Mm,
    file: File | None,
    address: int,
    length: int,
    prot: int,
    flags: int,
    pgoff: int = 0,
) -> int:
    """Map a file or anonymous memory; the address, or an error.  (do_mmap_pgoff)

    `length` in bytes, `pgoff` in pages.  Needs mmap_sem for writing.
    """
    length = page_align(length)
    if not length or not flags & (MAP_SHARED | MAP_PRIVATE):
        return -EINVAL
    if length > TASK_SIZE or mm.map_count > SYSCTL_MAX_MAP_COUNT:
        return -ENOMEM
    where = get_unmapped_area(mm, address, length, flags)
    if where < 0:
        return where
    vm_flags = mm.def_flags | mapping_flags(file, prot, flags)
    if prot & PROT_WRITE and not vm_flags & VM_MAYWRITE:
        return -EACCES
    if file is None and flags & MAP_SHARED:
        pgoff = 0
    elif file is None:
        pgoff = where >> PAGE_SHIFT
    return await mmap_region(
        k, mm, file, VirtAddr(where), length, flags, vm_flags, pgoff
    )


def mapping_flags(file: File | None, prot: int, flags: int) -> int:
    """The flags of a VMA, from what mmap was asked for.

    A shared mapping of a file that is open for reading only is as good as private, and
    can never be made writable.
    """
    vm_flags = prot & (PROT_READ | PROT_WRITE | PROT_EXEC) | VM_MAY_ALL
    if flags & MAP_GROWSDOWN:
        vm_flags |= VM_GROWSDOWN
    if flags & MAP_LOCKED:
        vm_flags |= VM_LOCKED
    if flags & MAP_SHARED:
        vm_flags |= VM_SHARED | VM_MAYSHARE
        if file is not None and not file.writable:
            vm_flags &= ~(VM_MAYWRITE | VM_SHARED)
    return vm_flags


def get_unmapped_area(mm: Mm, address: int, length: int, flags: int) -> int:
    """Where a mapping of `length` bytes goes, or an error."""
    if flags & MAP_FIXED:
        if address & ~PAGE_MASK:
            return -EINVAL
        return address if address + length <= TASK_SIZE else -ENOMEM
    if address:
        address = page_align(address)
        if (
            address >= MMAP_MIN_ADDR
            and address + length <= TASK_SIZE
            and find_vma_intersection(mm, address, address + length) is None
        ):
            return address
    return highest_gap(mm.mmap, length)


def highest_gap(vmas: Sequence[VmArea], length: int) -> int:
    """The highest gap below MMAP_BASE that is long enough; its upper end is used."""
    end = MMAP_BASE
    for vma in reversed(vmas):
        if vma.vm_end <= end - length:
            break
        end = VirtAddr(min(end, vma.vm_start))
    return end - length if end - length >= MMAP_MIN_ADDR else -ENOMEM


async def mmap_region(
    k: Kernel,
    mm: Mm,
    file: File | None,
    address: VirtAddr,
    length: int,
    flags: int,
    vm_flags: int,
    pgoff: int,
) -> int:
    """Unmap what is in the way, then let a neighbour grow, or make a new VMA."""
    end = VirtAddr(address + length)
    if find_vma_intersection(mm, address, end) is not None:
        error = await do_munmap(k, mm, address, length)
        if error:
            return error
    if flags & MAP_NORESERVE:
        vm_flags |= VM_NORESERVE
    elif vm_flags & (VM_SHARED | VM_WRITE) == VM_WRITE:
        vm_flags |= VM_ACCOUNT  # private and writable: it may need that many pages
    _, prev = find_vma_prev(mm, address)
    is_shared_anonymous = file is None and bool(vm_flags & VM_SHARED)
    merged = None
    if not is_shared_anonymous:
        merged = await vma_merge(k, mm, prev, address, end, vm_flags, None, file, pgoff)
    if merged is None:
        if is_shared_anonymous:
            file = shmem_file(k, length)
        vma = vm_area_alloc(k, mm, address, end, vm_flags, file, pgoff)
        await vma_link(mm, vma)
    mm.total_vm += length >> PAGE_SHIFT
    if vm_flags & VM_LOCKED:
        mm.locked_vm += length >> PAGE_SHIFT
    return address


# munmap.


async def do_munmap(k: Kernel, mm: Mm, start: int, length: int) -> int:
    """Unmap a range, holes and all; 0 or an error.  Needs mmap_sem for writing."""
    if start & ~PAGE_MASK or start > TASK_SIZE or length > TASK_SIZE - start:
        return -EINVAL
    length = page_align(length)
    if not length:
        return -EINVAL
    end = VirtAddr(start + length)
    if find_vma_intersection(mm, start, end) is None:
        return 0
    error = await split_at_ends(k, mm, VirtAddr(start), end)
    if error:
        return error
    vmas = detach_vmas_to_be_unmapped(mm, start, end)
    for one in vmas:
        mm.total_vm -= vma_pages(one)
        if one.vm_flags & VM_LOCKED:
            mm.locked_vm -= vma_pages(one)
    await unmap_region(k, mm, vmas, start, end)
    return 0


async def unmap_region(
    k: Kernel, mm: Mm, vmas: list[VmArea], start: int, end: int
) -> None:
    """Empty the page tables of VMAs that are off the list, and free the tables."""
    await lru_add_drain(k)
    tlb = MmuGather(mm)
    await unmap_vmas(k, tlb, vmas, start, end)
    after, before = find_vma_prev(mm, start)
    floor = before.vm_end if before is not None else 0
    ceiling = after.vm_start if after is not None else 0
    await free_pgtables(k, mm, vmas, floor, ceiling)
    await tlb.flush(k)
    await put_files(k, vmas)


async def put_files(k: Kernel, vmas: list[VmArea]) -> None:
    """Give up the files of VMAs that are gone (remove_vma)."""
    for vma in vmas:
        if vma.vm_file is not None:
            await fput(k, vma.vm_file)


async def split_at_ends(k: Kernel, mm: Mm, start: VirtAddr, end: VirtAddr) -> int:
    """See to it that no VMA reaches over either end of a range; 0 or -ENOMEM."""
    first = find_vma(mm, start)
    if first is not None and first.vm_start < start:
        if end < first.vm_end and mm.map_count >= SYSCTL_MAX_MAP_COUNT:
            return -ENOMEM  # it would become three
        error = await split_vma(k, mm, first, start, new_below=False)
        if error:
            return error
    last = find_vma(mm, end)
    if last is not None and last.vm_start < end:
        return await split_vma(k, mm, last, end, new_below=True)
    return 0


def detach_vmas_to_be_unmapped(mm: Mm, start: int, end: int) -> list[VmArea]:
    """Off the list; reverse mapping finds them still."""
    gone = [vma for vma in mm.mmap if start <= vma.vm_start < end]
    first = mm.mmap.index(gone[0])
    del mm.mmap[first : first + len(gone)]
    return gone


# The heap, which ends where the program says.


async def do_brk(k: Kernel, mm: Mm, address: VirtAddr, length: int) -> int:
    """Anonymous memory at a fixed place, replacing what is there; it, or an error."""
    flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS
    prot = PROT_READ | PROT_WRITE
    return await do_mmap(k, mm, None, address, length, prot, flags)


async def set_brk(k: Kernel, mm: Mm, brk: int) -> int:
    """Move the end of the heap to `brk`; where it is now.  (sys_brk)

    Needs mmap_sem for writing.
    """
    if brk < mm.start_brk:
        return mm.brk
    new, old = page_align(brk), page_align(mm.brk)
    if new < old:
        if await do_munmap(k, mm, new, old - new):
            return mm.brk
    elif new > old:
        if find_vma_intersection(mm, old, new + PAGE_SIZE) is not None:
            return mm.brk
        if await do_brk(k, mm, VirtAddr(old), new - old) != old:
            return mm.brk
    mm.brk = VirtAddr(brk)
    return mm.brk


# Exit.


async def exit_mmap(k: Kernel, mm: Mm) -> None:
    """Nobody uses the address space any more: unmap all of it.

    Needs no mmap_sem: only reverse mapping finds it still.
    """
    await lru_add_drain(k)
    tlb = MmuGather(mm)
    vmas = list(mm.mmap)
    await unmap_vmas(k, tlb, vmas, 0, TASK_SIZE)
    await free_pgtables(k, mm, vmas, 0, 0)
    await tlb.flush(k)
    await put_files(k, vmas)
    mm.mmap.clear()
    bug_on(mm.nr_ptes > 0, "mm/mmap.c:2265")


# Stacks.


async def expand_stack(k: Kernel, vma: VmArea, address: VirtAddr) -> bool:
    """Grow a stack down to `address`; False if it may not (-ENOMEM).

    expand_downwards.  mmap_sem may be held for reading only, so the anon_vma lock
    keeps other growers out, and some of the rmap walks.  2.6.34 leaves no gap to the
    neighbour below.
    """
    await anon_vma_prepare(k, vma)
    address = VirtAddr(address & PAGE_MASK)
    if address < MMAP_MIN_ADDR:
        return False
    assert vma.anon_vma is not None
    async with vma.anon_vma.lock:
        if address < vma.vm_start:
            if vma.vm_end - address > RLIMIT_STACK:
                return False
            grow = (vma.vm_start - address) >> PAGE_SHIFT
            vma.mm.total_vm += grow
            await write_once(vma, VMA.vm_start, address)
            await write_once(vma, VMA.vm_pgoff, vma.vm_pgoff - grow)
    return True


async def find_extend_vma(k: Kernel, mm: Mm, address: VirtAddr) -> VmArea | None:
    """The VMA at `address`, grown to reach it if it is a stack; None if none does."""
    vma = find_vma(mm, address)
    if vma is None or vma.vm_start <= address:
        return vma
    if not vma.vm_flags & VM_GROWSDOWN:
        return None
    return vma if await expand_stack(k, vma, address) else None
