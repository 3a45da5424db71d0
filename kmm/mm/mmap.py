"""mmap, munmap, brk, the growth of stacks, and the end of an address space.

Where does a mapping go, and what becomes of what was there?  Linux: mm/mmap.c.  What
these calls do to the list of VMAs is in `vma`.

Callers (system calls and exec) hold mmap_sem for writing, but for the growth of stacks,
which faults come to with mmap_sem for reading.  Addresses and lengths are in bytes,
`pgoff` in pages.  What fails returns a negated error number.

Left out: policies, huge pages, nonlinear mappings, the commit limit and RLIMIT_AS,
random placing, the older layout in which mmap goes upwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..hw.memory import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE, VirtAddr
from ..sim.access import write_plain
from ..sim.failure import bug_on, not_null
from .errno import EACCES, EINVAL, ENOMEM
from .filemap import file_unmapped, shmem_file
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
    VM_WRITE,
    VMA,
    File,
    Mm,
    VmArea,
)
from .swap import lru_add_drain
from .tlb import MmuGather
from .vma import (
    SYSCTL_MAX_MAP_COUNT,
    find_vma,
    find_vma_intersection,
    find_vma_prev,
    split_vma_anyway,
    vm_area_alloc,
    vma_link,
    vma_merge,
    vma_pages,
)

RLIMIT_STACK = 8 << 20  # bytes; the default

TASK_SIZE = (1 << 47) - PAGE_SIZE  # where a program's addresses end
STACK_GAP = 128 << 20  # bytes below the stack that mmap leaves alone, at least
MMAP_BASE = VirtAddr(TASK_SIZE - STACK_GAP)  # mmap goes down from here
MMAP_MIN_ADDR = 65536  # a program has nothing below this (mmap_min_addr)

PROT_READ = 0x1
PROT_WRITE = 0x2
PROT_EXEC = 0x4

MAP_SHARED = 0x01
MAP_PRIVATE = 0x02
MAP_TYPE = 0x0F  # a mapping is the one or the other
MAP_FIXED = 0x10
MAP_ANONYMOUS = 0x20
MAP_GROWSDOWN = 0x0100
MAP_LOCKED = 0x2000
MAP_NORESERVE = 0x4000
MAP_POPULATE = 0x8000

VM_MAY_ALL = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC


def page_align(length: int) -> int:
    """Rounded up to whole pages (PAGE_ALIGN)."""
    return (length + PAGE_SIZE - 1) & PAGE_MASK


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
    if not length or flags & MAP_TYPE not in (MAP_SHARED, MAP_PRIVATE):
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
    """The upper end of the highest gap below MMAP_BASE that is long enough; or -ENOMEM.

    The address is that of the mapping's first byte.
    """
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
    """Unmap what is in the way, then let a neighbour grow, or make a new VMA.

    The address, or an error.  Shared anonymous memory is a file of its own, and so
    never joins a neighbour.  Needs mmap_sem for writing.
    """
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
    """Empty the page tables of VMAs that are off the list, and free the tables.

    In this order: entries, while walks find the VMAs still; the VMAs off the rmap
    lists; the tables; the pages, after a flush; the files.  Needs mmap_sem for writing.
    """
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
            await file_unmapped(k, vma.vm_file)


async def split_at_ends(k: Kernel, mm: Mm, start: VirtAddr, end: VirtAddr) -> int:
    """See to it that no VMA reaches over either end of a range; 0 or -ENOMEM.

    At the start the new structure is the upper part, at the end the lower one, so the
    part that stays keeps the old structure.
    """
    first = find_vma(mm, start)
    if first is not None and first.vm_start < start:
        if end < first.vm_end and mm.map_count >= SYSCTL_MAX_MAP_COUNT:
            return -ENOMEM  # it would become three
        error = await split_vma_anyway(k, first, start, new_below=False)
        if error:
            return error
    last = find_vma(mm, end)
    if last is not None and last.vm_start < end:
        return await split_vma_anyway(k, last, end, new_below=True)
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

    Needs no mmap_sem: no task has it (mm_users is 0), and only reverse mapping finds it
    still.  Walks come by until free_pgtables has taken the VMAs off their lists.
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

    expand_downwards.  Needs mmap_sem, and reading is enough; so the lock of the VMA's
    own anon_vma keeps other growers out.  Up to 2.6.35 it keeps out walks that hold the
    same lock, but not those of a page whose mapping is another anon_vma, a parent's for
    instance: such a walk may read vm_start and vm_pgoff between the two stores.  On
    2.6.36 the lock is the root's, and keeps out all walks of the family.  2.6.34
    leaves no gap to the neighbour below, and its limit is RLIMIT_STACK.
    """
    await k.rmap_walk.anon_vma_prepare(k, vma)
    address = VirtAddr(address & PAGE_MASK)
    if address < MMAP_MIN_ADDR:
        return False
    anon_vma = not_null(vma.anon_vma, f"{vma.name} has no anon_vma")
    async with anon_vma.lock:
        if address < vma.vm_start:
            if vma.vm_end - address > RLIMIT_STACK:
                return False
            grow = (vma.vm_start - address) >> PAGE_SHIFT
            vma.mm.total_vm += grow
            await write_plain(vma, VMA.vm_start, address)
            await write_plain(vma, VMA.vm_pgoff, vma.vm_pgoff - grow)
    return True


async def find_extend_vma(k: Kernel, mm: Mm, address: VirtAddr) -> VmArea | None:
    """The VMA at `address`, grown to reach it if it is a stack; None if none does.

    Needs mmap_sem, or an address space that nobody else knows.
    """
    vma = find_vma(mm, address)
    if vma is None or vma.vm_start <= address:
        return vma
    if not vma.vm_flags & VM_GROWSDOWN:
        return None
    return vma if await k.rmap_walk.expand_stack(k, vma, address) else None
