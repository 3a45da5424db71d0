"""E10, Linux 2.6.35 (a8bef8ff6ea1): migration leaves a stack alone until it is set up.

Mel Gorman's idea of version 3 with a better test, merged on 25 May 2010.  exec marks
the temporary stack with two flags that no other VMA has together, from its creation
until it has been moved, and the unmapping walk of a migration passes over a VMA so
marked.  The page stays mapped, so it is not moved, and migration tries again later.

It takes no lock and costs nothing.  The restoring walk needs no such test: no entry
is ever made in a marked stack, since it is marked before its first page is mapped.
"""

from __future__ import annotations

from attrs import evolve

from ...fs.exec import ADDRESS_BYTES, STACK_TOP_MAX, BinPrm, expand_new_stack
from ...hw.memory import PAGE_SIZE, VirtAddr
from ...kernel.fork import mm_alloc
from ...mm.kernel import Kernel
from ...mm.memory import OutOfMemory
from ...mm.mm_types import (
    VM_GROWSDOWN,
    VM_STACK_FLAGS,
    VM_STACK_INCOMPLETE_SETUP,
    VMA,
    Page,
    VmArea,
)
from ...mm.rmap import (
    SWAP_AGAIN,
    TTU_ACTION_MASK,
    TTU_MIGRATION,
    page_mapped,
    page_unlock_anon_vma,
    try_to_unmap_one,
    vma_address,
)
from ...mm.vma import insert_vm_struct, vm_area_alloc
from ...sim.access import read_once, write_once
from ...sim.failure import bug_on
from .e00_unprotected import UNPROTECTED


async def bprm_mm_init(k: Kernel, filename: str, argv: list[bytes]) -> BinPrm:
    """Make an address space with one page of stack, as high up as can be.

    Raises OutOfMemory.
    """
    mm = await mm_alloc(k)
    if isinstance(mm, int):
        raise OutOfMemory("Out of memory in execve")
    async with mm.mmap_sem.for_write:
        bug_on(bool(VM_STACK_FLAGS & VM_STACK_INCOMPLETE_SETUP), "fs/exec.c:245")
        vm_flags = VM_STACK_FLAGS | VM_STACK_INCOMPLETE_SETUP
        vma = vm_area_alloc(
            k, mm, VirtAddr(STACK_TOP_MAX - PAGE_SIZE), STACK_TOP_MAX, vm_flags
        )
        insert_vm_struct(mm, vma)
    return BinPrm(filename, argv, mm, vma, VirtAddr(vma.vm_end - ADDRESS_BYTES))


async def setup_arg_pages(k: Kernel, bprm: BinPrm, stack_top: VirtAddr) -> int:
    """Move the stack to where it ends at `stack_top`, and make it ready for use.

    0 or an error, after which the program is killed.  Takes mmap_sem for writing.
    """
    vma, mm = bprm.vma, bprm.mm
    stack_shift = vma.vm_end - stack_top
    bprm.p = VirtAddr(bprm.p - stack_shift)
    mm.arg_start = bprm.p
    async with mm.mmap_sem.for_write:
        if stack_shift:
            error = await k.exec_stack.shift_arg_pages(k, vma, stack_shift)
            if error:
                return error
        vm_flags = vma.vm_flags & ~VM_STACK_INCOMPLETE_SETUP
        await write_once(vma, VMA.vm_flags, vm_flags)
        return await expand_new_stack(k, vma)


async def try_to_unmap_anon(k: Kernel, page: Page, flags: int) -> int:
    """Visit the VMAs of the page's anon_vma until nothing maps the page any more.

    Needs the page locked; takes anon_vma.lock, in an RCU read section.
    """
    anon_vma = await k.rmap_walk.page_lock_anon_vma(k, page)
    if anon_vma is None:
        return SWAP_AGAIN
    result = SWAP_AGAIN
    for avc in anon_vma.head:
        # A migration entry must not get into a stack that is about to be moved.
        migration = flags & TTU_ACTION_MASK == TTU_MIGRATION
        if migration and await is_vma_temporary_stack(avc.vma):
            continue
        address = await vma_address(page, avc.vma)
        if address is None:
            continue
        result = await try_to_unmap_one(k, page, avc.vma, address, flags)
        if result != SWAP_AGAIN or not await page_mapped(page):
            break
    await page_unlock_anon_vma(k, anon_vma)
    return result


async def is_vma_temporary_stack(vma: VmArea) -> bool:
    """Whether exec is still setting this stack up.

    Needs anon_vma.lock, so that the VMA stays; reads its flags without mmap_sem.
    """
    vm_flags = await read_once(vma, VMA.vm_flags)
    setup = vm_flags & VM_STACK_INCOMPLETE_SETUP == VM_STACK_INCOMPLETE_SETUP
    return bool(vm_flags & VM_GROWSDOWN) and setup


SKIP_TEMPORARY = evolve(
    UNPROTECTED,
    name="skip-temporary",
    title="migration skips a stack that is being set up",
    tag="E10",
    source="Mel Gorman, 10 May 2010; a8bef8ff6ea1, Linux 2.6.35",
    closes="exec-stack",
    costs="the pages of a new stack cannot migrate for a moment",
    story=__doc__,
    base=UNPROTECTED,
    bprm_mm_init=bprm_mm_init,
    setup_arg_pages=setup_arg_pages,
    try_to_unmap_anon=try_to_unmap_anon,
)
