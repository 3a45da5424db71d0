"""The page cache: a file's pages in memory.

Linux: mm/filemap.c, mm/shmem.c, fs/ramfs.  A file here lives in memory only, so a page
that is not in the cache is one that nobody has written: it is made of zeros.  The cache
holds a reference to each page, and the page stays until the file goes.

Which page is there to be mapped at an offset of a file?  Faults ask.  An `index` is the
offset in pages.  Locks: PG_locked of the page, then tree_lock of the file.

Left out: reading and writing files, writing back, readahead, truncation of files that
are mapped.
"""

from __future__ import annotations

from ..hw.memory import PAGE_SHIFT, PAGE_SIZE
from ..sim.access import read_once
from .gfp import GFP_HIGHUSER_MOVABLE, GFP_ZERO
from .kernel import Kernel
from .mm_types import (
    ADDRESS_SPACE,
    AddressSpace,
    File,
    Page,
    PG_swapbacked,
    PG_uptodate,
    address_space,
)
from .mmzone import LRU_UNEVICTABLE
from .page_alloc import alloc_page, get_page
from .swap import lru_cache_add_lru, put_page
from .vmstat import add_page_state


class NotInFile(LookupError):
    """A page beyond the end of its file: whoever touches it gets SIGBUS."""


async def find_lock_page(k: Kernel, mapping: AddressSpace, index: int) -> Page | None:
    """The file's page, locked and with a reference; made if there is none yet.

    None if there is no memory.  Raises NotInFile.  Takes tree_lock.
    """
    if index << PAGE_SHIFT >= await i_size_read(mapping):
        raise NotInFile(f"{mapping.name} has no page {index}")
    return await find_or_create_page(k, mapping, index)


async def i_size_read(mapping: AddressSpace) -> int:
    """A file's size in bytes.  Only one with a name can change while others look."""
    if mapping.host is None:
        return mapping.size
    return await read_once(mapping, ADDRESS_SPACE.size)


async def find_or_create_page(
    k: Kernel, mapping: AddressSpace, index: int
) -> Page | None:
    """The page at a place, which may be beyond the file's end, as `find_lock_page`."""
    while True:
        page = await find_get_page(mapping, index)
        if page is None:
            page = await add_new_page(k, mapping, index)
            if page is None:
                return None
        await page.locked.lock()
        if page.mapping is mapping:
            return page
        await page.locked.unlock()  # it was moved meanwhile
        await put_page(k, page)


async def find_get_page(mapping: AddressSpace, index: int) -> Page | None:
    """The file's page, with a reference; None if it is not in memory."""
    async with mapping.tree_lock:
        page = mapping.page_tree.get(index)
        if page is not None:
            await get_page(page)
    return page


async def add_new_page(k: Kernel, mapping: AddressSpace, index: int) -> Page | None:
    """A page of zeros in the file (add_to_page_cache_lru), with a reference.

    Somebody else's, if he was faster; None if there is no memory.  Takes tree_lock.
    """
    page = await alloc_page(k, mapping.gfp_mask | GFP_ZERO)
    if page is None:
        return None
    async with mapping.tree_lock:
        found = mapping.page_tree.get(index)
        if found is not None:
            await get_page(found)
        else:
            page.mapping, page.index = mapping, index
            page.flags |= PG_uptodate | PG_swapbacked
            await get_page(page)
            mapping.page_tree[index] = page
    if found is not None:
        await put_page(k, page)
        return found
    add_page_state(page, "nr_file_pages", +1)
    await lru_cache_add_lru(k, page, LRU_UNEVICTABLE)
    return page


async def truncate_inode_pages(k: Kernel, mapping: AddressSpace) -> None:
    """The file is gone, and nothing maps it: give its pages up.

    Takes tree_lock, and PG_locked of each page after it.
    """
    async with mapping.tree_lock:
        pages = [mapping.page_tree[index] for index in sorted(mapping.page_tree)]
        mapping.page_tree.clear()
    for page in pages:
        async with page.locked:
            page.mapping = None
        add_page_state(page, "nr_file_pages", -1)
        await put_page(k, page)


def new_mapping(
    k: Kernel, name: str, gfp_mask: int = GFP_HIGHUSER_MOVABLE
) -> AddressSpace:
    """The address_space of a new file."""
    mapping = address_space(k.next_name(name))
    mapping.gfp_mask = gfp_mask
    k.mappings[mapping.name] = mapping
    return mapping


def shmem_file(k: Kernel, size: int) -> File:
    """A file without a name, behind shared anonymous memory (shmem_file_setup).

    `size` in bytes.
    """
    mapping = new_mapping(k, "shm")
    mapping.size = -(-size // PAGE_SIZE) * PAGE_SIZE
    return File("/dev/zero", mapping, unlinked=True)


async def file_unmapped(k: Kernel, file: File) -> None:
    """A VMA that mapped a file is gone; a file without a name goes with the last one.

    Takes i_mmap_lock, and what truncate_inode_pages takes when it has given that back.
    (Linux: fput, as it counts a reference for each VMA; here their list says whether
    there is one.)
    """
    mapping = file.f_mapping
    if file.f_op is not None and file.f_op.unmapped is not None:
        await file.f_op.unmapped(k, file)
        return
    if not file.unlinked:
        return
    async with mapping.i_mmap_lock:
        is_last = not mapping.i_mmap and k.mappings.pop(mapping.name, None) is not None
    if is_last:
        await truncate_inode_pages(k, mapping)
