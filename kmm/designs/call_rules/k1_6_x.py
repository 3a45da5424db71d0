"""Linux 6.1 to 6.18: what all of them do and 2.6.34 did not.

Recorded on 6.1, 6.12 and 6.18; where these differ among themselves, nothing is said
here.  mremap to a fixed place looks first whether there is something mapped to move.
A mapping that grows in place joins the neighbour that it comes to touch, if the two are
alike.
"""

from __future__ import annotations

from attrs import evolve

from ...hw.memory import PAGE_SHIFT, VirtAddr
from ...mm.errno import EFAULT
from ...mm.kernel import Kernel
from ...mm.mm_types import Mm, VmArea
from ...mm.mmap import TASK_SIZE, find_vma, next_vma, vma_merge
from ...mm.mremap import account_growth
from ...mm.mremap import mremap_to as mremap_to_2_6_34
from .k0_2_6_34 import LINUX_2_6_34


async def expand_in_place(
    k: Kernel, vma: VmArea, address: int, old_length: int, new_length: int
) -> bool:
    """Let a VMA grow where it is, and join what it comes to touch."""
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


async def mremap_to(
    k: Kernel,
    mm: Mm,
    address: int,
    old_length: int,
    new_address: int,
    new_length: int,
) -> int:
    """Move a mapping to a fixed place, if there is one at `address`."""
    vma = find_vma(mm, address)
    if vma is None or vma.vm_start > address:
        return -EFAULT
    return await mremap_to_2_6_34(k, mm, address, old_length, new_address, new_length)


LINUX_6_X = evolve(
    LINUX_2_6_34,
    name="6.x",
    title="the rules that 6.1, 6.12 and 6.18 share",
    tag="K1",
    source="recorded on Linux 6.1, 6.12 and 6.18",
    story=__doc__,
    base=LINUX_2_6_34,
    expand_in_place=expand_in_place,
    mremap_to=mremap_to,
)
