"""Programs whose pages are touched, given up, swapped out, or those of a file."""

from __future__ import annotations

from areas import AREA, Area, area
from building import alone, boot, settle

from kmm.hw.memory import PAGE_SHIFT, PAGE_SIZE, EntryPointer, PhysAddr
from kmm.kernel.process import start_process
from kmm.kernel.syscalls import sys_madvise, sys_mmap
from kmm.mm.filemap import new_mapping
from kmm.mm.kernel import Kernel
from kmm.mm.madvise import MADV_DONTNEED
from kmm.mm.memory import handle_mm_fault
from kmm.mm.mm_types import AddressSpace, File, Page
from kmm.mm.mmap import MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE
from kmm.mm.page_alloc import get_page
from kmm.mm.pgtable import find_pte
from kmm.mm.rmap import SWAP_SUCCESS, TTU_IGNORE_ACCESS, TTU_UNMAP, try_to_unmap
from kmm.mm.swap import put_page
from kmm.mm.swap_state import add_to_swap, delete_from_swap_cache, swap_writepage
from kmm.mm.swapops import is_swap_entry


def touched(letters: str = "a", **config: int) -> Area:
    """A program that has filled its pages, which are on the LRU."""
    one = area(boot("2.6.34", **{"frames": 48, **config}), len(letters))
    one.fill_all(letters)
    settle(one.k)
    return one


def forked(letters: str = "a", **config: int) -> tuple[Area, Area]:
    """A program and its child, on CPU 1, which have not touched anything since."""
    one = touched(letters, **config)
    return one, one.fork(cpu=1)


def pointer(one: Area, page: int = 0) -> EntryPointer:
    ptep = alone(find_pte(one.k, one.process.mm, one.address(page)))
    assert ptep is not None
    return ptep


def fault(one: Area, page: int = 0, *, write: bool) -> int:
    """Let the fault handler deal with a page; what it says."""
    mm = one.process.mm
    body = handle_mm_fault(one.k, mm, one.vma, one.address(page), write=write)
    return alone(body, one.k)


def in_memory(k: Kernel, page: Page) -> str:
    """What a page begins with, whoever maps it."""
    return k.memory.read(PhysAddr(page.pfn << PAGE_SHIFT), 1).decode()


async def zap(one: Area, page: int, pages: int = 1) -> None:
    call = sys_madvise(
        one.k,
        one.process.task,
        one.address(page),
        pages * PAGE_SIZE,
        MADV_DONTNEED,
    )
    assert await call == 0


def swap_out(one: Area, page: int = 0, *, keep: bool = False) -> None:
    """Write a page to swap; `keep` it in the swap cache, or not."""
    settle(one.k)
    alone(push_out(one.k, one.page(page), keep=keep), one.k)
    assert is_swap_entry(one.pte(page))


async def push_out(k: Kernel, page: Page, *, keep: bool) -> None:
    await get_page(page)
    await page.locked.lock()
    assert await add_to_swap(k, page)
    flags = TTU_UNMAP | TTU_IGNORE_ACCESS
    assert await try_to_unmap(k, page, flags) == SWAP_SUCCESS
    await swap_writepage(k, page)
    if not keep:
        async with page.locked:
            await delete_from_swap_cache(k, page)
    await put_page(k, page)


def mapped(*, shared: bool, pages: int = 2, size: int = 2) -> tuple[Area, AddressSpace]:
    """A program that maps a file of `size` pages."""
    k = boot(frames=48)
    mapping = new_mapping(k, "file")
    mapping.size = size * PAGE_SIZE
    return map_again(k, mapping, shared=shared, pages=pages), mapping


def map_again(
    k: Kernel, mapping: AddressSpace, *, shared: bool, pages: int = 2, cpu: int = 0
) -> Area:
    """Another program, which maps the same file."""
    made = start_process(k, "reader", cpu)
    flags = MAP_FIXED | (MAP_SHARED if shared else MAP_PRIVATE)
    prot = PROT_READ | PROT_WRITE
    length = pages * PAGE_SIZE
    call = sys_mmap(k, made.task, AREA, length, prot, flags, File("file", mapping))
    assert made.run(call) == AREA
    return Area(made, pages)
