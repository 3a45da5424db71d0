"""Growing, shrinking and moving a mapping.

Linux: mm/mremap.c.  A mapping that moves takes its pages along by their page-table
entries; the pages stay where they are, and keep their index, so that the VMA at the new
place must have the old one's vm_pgoff.  exec moves a new stack by the same means.

How does a walk of the reverse map that comes by meanwhile find an entry that moves?  By
visiting the source before the destination, as `copy_vma` says; and by the page-table
lock, without which it may find neither (`move_ptes`).

All of it needs mmap_sem for writing.  Addresses and lengths are in bytes.

Left out: huge pages, the commit limit, limits of locked memory.
"""

from __future__ import annotations

from attrs import evolve

from ..hw.memory import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE, VirtAddr
from ..sim.access import write_once
from ..sim.failure import might_sleep, not_null
from .errno import EFAULT, EINVAL, ENOMEM
from .gup import make_pages_present
from .kernel import Kernel
from .ksm import ksm_madvise
from .mm_types import (
    VM_ACCOUNT,
    VM_DONTEXPAND,
    VM_LOCKED,
    VM_PFNMAP,
    VMA,
    Mm,
    VmArea,
)
from .mmap import MAP_FIXED, TASK_SIZE, do_munmap, get_unmapped_area, page_align
from .pgtable import PMD_SIZE, filled_entries, find_pte, pte_alloc, pte_lockptr
from .rmap import anon_vma_clone
from .tlb import ptep_clear_flush
from .vma import (
    SYSCTL_MAX_MAP_COUNT,
    find_vma,
    find_vma_prev,
    next_vma,
    vma_link,
    vma_merge,
)

MREMAP_MAYMOVE = 1
MREMAP_FIXED = 2

LATENCY_LIMIT = 64 * PAGE_SIZE  # bytes moved under one hold of the lock


# The system call.


async def do_mremap(
    k: Kernel,
    mm: Mm,
    address: int,
    old_length: int,
    new_length: int,
    flags: int,
    new_address: int = 0,
) -> int:
    """Change a mapping's size, its place, or both; where it is now, or an error.

    `flags` are MREMAP_ bits; `new_address` counts with MREMAP_FIXED only.
    """
    if flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE) or address & ~PAGE_MASK:
        return -EINVAL
    old_length, new_length = page_align(old_length), page_align(new_length)
    if not new_length:
        return -EINVAL
    if flags & MREMAP_FIXED:
        if not flags & MREMAP_MAYMOVE:
            return -EINVAL
        return await k.call_rules.mremap_to(
            k, mm, address, old_length, new_address, new_length
        )
    if old_length >= new_length:
        return await k.call_rules.shrink_in_place(
            k, mm, address, old_length, new_length
        )
    vma = vma_to_resize(mm, address, old_length, new_length)
    if isinstance(vma, int):
        return vma
    if await k.call_rules.expand_in_place(k, vma, address, old_length, new_length):
        await fill_if_locked(k, mm, address + old_length, address + new_length)
        return address
    if not flags & MREMAP_MAYMOVE:
        return -ENOMEM
    where = get_unmapped_area(mm, 0, new_length, 0)
    if where < 0:
        return where
    return await move_vma(
        k, vma, VirtAddr(address), old_length, new_length, VirtAddr(where)
    )


async def shrink_in_place(
    k: Kernel, mm: Mm, address: int, old_length: int, new_length: int
) -> int:
    """Unmap the end of a range; nobody asks whether there is anything at its start.

    The address, or an error.
    """
    error = await do_munmap(k, mm, address + new_length, old_length - new_length)
    return error if error and old_length != new_length else address


async def expand_in_place(
    k: Kernel, vma: VmArea, address: int, old_length: int, new_length: int
) -> bool:
    """Let a VMA grow where it is, if its end is meant and there is room.

    Says whether it has.  It does not join a neighbour that it comes to touch.
    """
    if old_length != vma.vm_end - address:
        return False
    end = VirtAddr(address + new_length)
    following = next_vma(vma)
    if end > TASK_SIZE or (following is not None and following.vm_start < end):
        return False
    adjust = k.rmap_walk.vma_adjust
    if await adjust(k, vma, vma.vm_start, end, vma.vm_pgoff, None):
        return False
    account_growth(vma, new_length - old_length)
    return True


async def fill_if_locked(k: Kernel, mm: Mm, start: int, end: int) -> None:
    """What is added to memory that is locked is brought in at once."""
    vma = find_vma(mm, start)
    if vma is not None and vma.vm_flags & VM_LOCKED and start < end:
        await make_pages_present(k, mm, VirtAddr(start), VirtAddr(end))


def account_growth(vma: VmArea, length: int) -> None:
    """Count `length` bytes more in total_vm, and in locked_vm if they are locked."""
    vma.mm.total_vm += length >> PAGE_SHIFT
    if vma.vm_flags & VM_LOCKED:
        vma.mm.locked_vm += length >> PAGE_SHIFT


async def mremap_to(
    k: Kernel,
    mm: Mm,
    address: int,
    old_length: int,
    new_address: int,
    new_length: int,
) -> int:
    """Move a mapping to a fixed place; what is there is unmapped first.

    Even if it turns out then that there is nothing to move.  `new_address`, or an
    error.
    """
    if new_address & ~PAGE_MASK or new_address > TASK_SIZE - new_length:
        return -EINVAL
    if overlaps(address, old_length, new_address, new_length):
        return -EINVAL
    error = await do_munmap(k, mm, new_address, new_length)
    if error:
        return error
    if old_length >= new_length:
        error = await do_munmap(k, mm, address + new_length, old_length - new_length)
        if error and old_length != new_length:
            return error
        old_length = new_length
    vma = vma_to_resize(mm, address, old_length, new_length)
    if isinstance(vma, int):
        return vma
    where = get_unmapped_area(mm, new_address, new_length, MAP_FIXED)
    if where < 0:
        return where
    return await move_vma(
        k, vma, VirtAddr(address), old_length, new_length, VirtAddr(new_address)
    )


def overlaps(address: int, length: int, other: int, other_length: int) -> bool:
    return address < other + other_length and other < address + length


def vma_to_resize(
    mm: Mm, address: int, old_length: int, new_length: int
) -> VmArea | int:
    """The VMA that has the whole range, if it may change its size; or an error."""
    vma = find_vma(mm, address)
    if vma is None or vma.vm_start > address or old_length > vma.vm_end - address:
        return -EFAULT
    if vma.vm_flags & (VM_DONTEXPAND | VM_PFNMAP) and new_length > old_length:
        return -EFAULT
    return vma


async def move_vma(
    k: Kernel,
    vma: VmArea,
    old_address: VirtAddr,
    old_length: int,
    new_length: int,
    new_address: VirtAddr,
) -> int:
    """Make a VMA at the new place, move the entries, unmap the old place.

    The new address, or an error.  Takes back what KSM has merged in the range first,
    since it knows its places by their addresses.
    """
    mm, vm_flags = vma.mm, vma.vm_flags
    if mm.map_count >= SYSCTL_MAX_MAP_COUNT - 3:
        return -ENOMEM
    error, _ = await ksm_madvise(
        k, vma, old_address, VirtAddr(old_address + old_length), mergeable=False
    )
    if error:
        return error
    pgoff = vma.vm_pgoff + ((old_address - vma.vm_start) >> PAGE_SHIFT)
    new_vma, vma = await copy_vma(k, vma, new_address, new_length, pgoff)

    result = new_address
    moved = await move_page_tables(
        k, vma, old_address, new_vma, new_address, old_length
    )
    if moved < old_length:
        # There was no memory for a table: back with what was moved, and away with the
        # new place instead of the old.
        await move_page_tables(k, new_vma, new_address, vma, old_address, moved)
        vma, old_address, old_length = new_vma, new_address, new_length
        result = VirtAddr(-ENOMEM)
    await unmap_old_place(k, vma, old_address, old_length)
    account = new_length >> PAGE_SHIFT
    mm.total_vm += account
    if vm_flags & VM_LOCKED:
        mm.locked_vm += account
        await fill_if_locked(k, mm, result + old_length, result + new_length)
    return result


async def unmap_old_place(
    k: Kernel, vma: VmArea, address: VirtAddr, length: int
) -> None:
    """Unmap what was moved away, without giving back the memory it was promised.

    That goes with the new place.  Linux hides VM_ACCOUNT from munmap meanwhile, and
    gives it back to what is left on either side.
    """
    if not vma.vm_flags & VM_ACCOUNT:
        await do_munmap(k, vma.mm, address, length)
        return
    below = address > vma.vm_start
    above = address + length < vma.vm_end
    await write_once(vma, VMA.vm_flags, vma.vm_flags & ~VM_ACCOUNT)
    await do_munmap(k, vma.mm, address, length)
    if below or above:
        await write_once(vma, VMA.vm_flags, vma.vm_flags | VM_ACCOUNT)
    if below and above:
        rest = not_null(next_vma(vma), f"{vma.name} is the last")
        await write_once(rest, VMA.vm_flags, rest.vm_flags | VM_ACCOUNT)


async def copy_vma(
    k: Kernel, vma: VmArea, address: VirtAddr, length: int, pgoff: int
) -> tuple[VmArea, VmArea]:
    """A VMA for the new place, and what `vma` has become: it may have been merged.

    (mm/mmap.c.)  A new one is behind the old on every list, so that walks come to the
    source before the destination; one that was merged into a neighbour need not be.
    """
    mm = vma.mm
    start, end = vma.vm_start, VirtAddr(address + length)
    if vma.vm_file is None and vma.anon_vma is None:
        pgoff = address >> PAGE_SHIFT  # never touched: nothing knows its pages
    _, prev = find_vma_prev(mm, address)
    merged = await vma_merge(
        k, mm, prev, address, end, vma.vm_flags, vma.anon_vma, vma.vm_file, pgoff
    )
    if merged is not None:
        return merged, merged if merged.vm_start <= start < merged.vm_end else vma
    new = evolve(
        vma,
        name=k.next_name("vma"),
        anon_vma_chain=[],
        vm_start=address,
        vm_end=end,
        vm_pgoff=pgoff,
    )
    await anon_vma_clone(new, vma)
    await vma_link(mm, new)
    return new, vma


# Moving the entries.


async def move_page_tables(
    k: Kernel,
    vma: VmArea,
    old: VirtAddr,
    new_vma: VmArea,
    new: VirtAddr,
    length: int,
) -> int:
    """Move the entries of [old, old + length) to `new`; return the bytes done.

    Needs mmap_sem for writing.  Fewer bytes than asked for means that there was no
    memory for a page table.  May sleep, so no spinlock may be held.  The caller keeps
    rmap walks away, or does not.
    """
    done = 0
    while done < length:
        await might_sleep()  # cond_resched
        extent = min(
            length - done,
            LATENCY_LIMIT,
            to_table_end(old + done),
            to_table_end(new + done),
        )
        if await find_pte(k, vma.mm, VirtAddr(old + done)) is not None:
            if await pte_alloc(k, new_vma.mm, VirtAddr(new + done)) is None:
                break
            # exec's and mremap's both; answers to `exec-stack` replace it for both.
            await k.exec_stack.move_ptes(
                k, vma, VirtAddr(old + done), new_vma, VirtAddr(new + done), extent
            )
        done += extent
    return done


def to_table_end(address: int) -> int:
    """Bytes from `address` to the end of what its bottom table spans."""
    return PMD_SIZE - address % PMD_SIZE


async def move_ptes(
    k: Kernel,
    vma: VmArea,
    old: VirtAddr,
    new_vma: VmArea,
    new: VirtAddr,
    extent: int,
) -> None:
    """Move the entries that two bottom tables hold for `extent` bytes.

    Holds the page-table lock throughout.  An entry goes over as it is, be it present
    or a migration entry.  Between the two stores it is in neither place, and only
    those who take the page-table lock are kept from seeing that.  Walks of a file's
    pages are kept away by i_mmap_lock; nothing keeps those of anonymous pages away.

    Each entry is flushed: else a CPU could go on writing at the old address, by what it
    remembers, after the page has been given up at the new one.
    """
    async with LockedFile(vma), pte_lockptr(vma.mm):
        first = not_null(await find_pte(k, vma.mm, old), f"no table at {old:#x}")
        end = VirtAddr(old + extent)
        for address, source in filled_entries(k, first, old, end):
            pte = await ptep_clear_flush(k, vma, address, source)
            there = VirtAddr(new + address - old)
            destination = await find_pte(k, new_vma.mm, there)
            await not_null(destination, f"no table at {there:#x}").write(pte)


class LockedFile:
    """Holds i_mmap_lock of a VMA's file; nothing if it has none."""

    def __init__(self, vma: VmArea) -> None:
        file = vma.vm_file
        self.lock = file.f_mapping.i_mmap_lock if file is not None else None

    async def __aenter__(self) -> None:
        if self.lock is not None:
            await self.lock.lock()

    async def __aexit__(self, error: type[BaseException] | None, *_: object) -> None:
        if self.lock is not None and error is None:
            await self.lock.unlock()
