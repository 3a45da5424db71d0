"""try_to_unmap_one, whole.  Linux: mm/rmap.c."""

from __future__ import annotations

from kmm.hw.memory import VirtAddr
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Page, PG_dirty, VmArea
from kmm.mm.pgtable import pte_dirty, pte_lockptr
from kmm.mm.rmap import (
    SWAP_AGAIN,
    entry_left_behind,
    page_check_address,
    page_remove_rmap,
    refuses_unmapping,
)
from kmm.mm.swap import put_page
from kmm.mm.tlb import ptep_clear_flush


async def try_to_unmap_one(
    k: Kernel, page: Page, vma: VmArea, address: VirtAddr, flags: int
) -> int:
    """Take the entry for `page` at `address` away, if it is there.

    Needs the page locked, and the lock of its list of VMAs.  Takes the page-table lock.
    """
    ptep = await page_check_address(k, page, vma, address)
    if ptep is None:
        return SWAP_AGAIN
    ptl = pte_lockptr(vma.mm)
    refusal = await refuses_unmapping(k, vma, address, ptep, flags)
    if refusal is not None:
        await ptl.unlock()
        return refusal
    pte = await ptep_clear_flush(k, vma, address, ptep)
    if pte_dirty(pte):
        page.flags |= PG_dirty
    entry = await entry_left_behind(k, page, vma, pte, flags)
    if entry:
        await ptep.write(entry)
    await page_remove_rmap(page)
    await put_page(k, page)
    await ptl.unlock()
    return SWAP_AGAIN
