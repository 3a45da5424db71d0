"""Linux 6.1 to 6.18: what all of them do and 2.6.34 did not.

move_pages deals with one page after the other, so that a bad node ends the call after
pages before it have moved; the zero page, and a hole between mappings, are -EFAULT.

Recorded on 6.1, 6.12 and 6.18; where these differ among themselves, nothing is said
here.  mremap to a fixed place looks first whether there is something mapped to move.
A mapping that grows in place joins the neighbour that it comes to touch, if the two are
alike.  mprotect takes the promise of memory (VM_ACCOUNT) back from anonymous memory
that was never touched and may not be written to any more, so that it is not like one
that was (6.1 does not, and keeps the two apart for another reason).
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from ...hw.memory import PAGE_SHIFT, VirtAddr
from ...mm.errno import EFAULT, ENODEV
from ...mm.kernel import Kernel
from ...mm.mm_types import VM_ACCOUNT, VM_WRITE, Mm, VmArea
from ...mm.mmap import TASK_SIZE
from ...mm.move_pages import (
    PageToNode,
    do_move_page_to_node_array,
    is_node,
)
from ...mm.mprotect import accounted_flags as accounted_flags_2_6_34
from ...mm.mremap import account_growth
from ...mm.mremap import mremap_to as mremap_to_2_6_34
from ...mm.mremap import shrink_in_place as shrink_in_place_2_6_34
from ...mm.pgtable import find_pte, pte_special
from ...mm.vma import find_vma, next_vma, vma_merge
from .k0_2_6_34 import LINUX_2_6_34


async def expand_in_place(
    k: Kernel, vma: VmArea, address: int, old_length: int, new_length: int
) -> bool:
    """Let a VMA grow where it is, and join what it comes to touch; say whether it did.

    Needs mmap_sem for writing.
    """
    if old_length != vma.vm_end - address:
        return False
    end = VirtAddr(address + new_length)
    following = next_vma(vma)
    if end > TASK_SIZE or (following is not None and following.vm_start < end):
        return False
    pgoff = vma.vm_pgoff + ((vma.vm_end - vma.vm_start) >> PAGE_SHIFT)
    merged = await vma_merge(
        k,
        vma.mm,
        vma,
        vma.vm_end,
        end,
        vma.vm_flags,
        vma.anon_vma,
        vma.vm_file,
        pgoff,
    )
    if merged is None:
        return False
    account_growth(merged, new_length - old_length)
    return True


async def shrink_in_place(
    k: Kernel, mm: Mm, address: int, old_length: int, new_length: int
) -> int:
    """Unmap the end of a range, if there is a mapping at its start."""
    if not is_mapped(mm, address):
        return -EFAULT
    return await shrink_in_place_2_6_34(k, mm, address, old_length, new_length)


def accounted_flags(vma: VmArea, newflags: int) -> int:
    """The new flags; a promise of memory is taken back if none was ever touched."""
    untouched = vma.vm_file is None and vma.anon_vma is None
    if untouched and not newflags & VM_WRITE:
        return newflags & ~VM_ACCOUNT
    return accounted_flags_2_6_34(vma, newflags)


async def mremap_to(
    k: Kernel,
    mm: Mm,
    address: int,
    old_length: int,
    new_address: int,
    new_length: int,
) -> int:
    """Move a mapping to a fixed place, if there is one at `address`."""
    if not is_mapped(mm, address):
        return -EFAULT
    return await mremap_to_2_6_34(k, mm, address, old_length, new_address, new_length)


def is_mapped(mm: Mm, address: int) -> bool:
    """Whether a VMA covers an address.  Needs mmap_sem, to be sure for how long."""
    vma = find_vma(mm, address)
    return vma is not None and vma.vm_start <= address


async def do_pages_move(
    k: Kernel, mm: Mm, wanted: Sequence[PageToNode], move_all: bool
) -> tuple[int, dict[int, int]]:
    """Page by page: a node that is none ends the call, after what came before it.

    Outside of every VMA, and where the zero page is, there is a fault to report.  Takes
    mmap_sem for reading, page by page; the two looks before that are without.
    """
    statuses: dict[int, int] = {}
    for place, one in enumerate(wanted):
        if not is_node(k, one.node):
            return -ENODEV, statuses
        if not is_mapped(mm, one.address) or await has_zero_page(k, mm, one.address):
            one.status = -EFAULT
        else:
            error = await do_move_page_to_node_array(k, mm, [one], move_all)
            if error < 0:
                return error, statuses
        statuses[place] = one.status
    return 0, statuses


async def has_zero_page(k: Kernel, mm: Mm, address: VirtAddr) -> bool:
    """Whether the zero page is mapped at an address, at one look."""
    ptep = await find_pte(k, mm, address)
    return ptep is not None and pte_special(await ptep.read())


LINUX_6_X = evolve(
    LINUX_2_6_34,
    name="6.x",
    title="the rules that 6.1, 6.12 and 6.18 share",
    tag="K1",
    source="recorded on Linux 6.1, 6.12 and 6.18",
    story=__doc__,
    base=LINUX_2_6_34,
    expand_in_place=expand_in_place,
    shrink_in_place=shrink_in_place,
    accounted_flags=accounted_flags,
    do_pages_move=do_pages_move,
    mremap_to=mremap_to,
)
