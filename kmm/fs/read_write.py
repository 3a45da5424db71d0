"""Reading and writing files.

Linux: fs/read_write.c, and mm/filemap.c for what goes through the page cache.

A writer holds i_mutex; a reader holds nothing, and gets what is there when it comes to
a page.  f_pos, which processes share that have a file from one open, is kept by no lock
in 2.6.34: of two such writers, one may write where the other does.

The data of a write are fetched from the program before the page is locked, as they may
be on that very page.  (Linux has the page in memory by then, and copies under the lock,
where it may not fault.)
"""

from __future__ import annotations

from ..hw.memory import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE
from ..kernel.files import O_ACCMODE, O_APPEND, O_RDONLY, O_WRONLY, fget_light
from ..kernel.uaccess import access_ok, copy_from_user, copy_to_user
from ..mm.errno import EBADF, EFAULT, EINVAL, EISDIR, ENOMEM
from ..mm.filemap import (
    add_new_page,
    find_get_page,
    find_or_create_page,
    i_size_read,
)
from ..mm.kernel import Kernel
from ..mm.mm_types import (
    ADDRESS_SPACE,
    FILE,
    AddressSpace,
    File,
    Page,
    Task,
    page_to_phys,
)
from ..mm.swap import put_page
from ..sim.access import read_plain, write_once, write_plain


async def sys_read(k: Kernel, task: Task, fd: int, buffer: int, count: int) -> int:
    """Read `count` bytes at most to a program's memory; how many were, or an error."""
    file = fget_light(task, fd)
    if file is None or file.f_flags & O_ACCMODE == O_WRONLY:
        return -EBADF
    error = check_area(buffer, count)
    if error:
        return error
    assert file.f_op is not None
    if file.f_op.read is None:
        return -EISDIR  # nothing else that is open to be read lacks it
    return await file.f_op.read(k, task, file, buffer, count)


async def sys_write(k: Kernel, task: Task, fd: int, buffer: int, count: int) -> int:
    """Write `count` bytes from a program's memory; how many were, or an error."""
    file = fget_light(task, fd)
    if file is None or file.f_flags & O_ACCMODE == O_RDONLY:
        return -EBADF
    error = check_area(buffer, count)
    if error:
        return error
    assert file.f_op is not None
    assert file.f_op.write is not None, "what has none is not open to be written"
    return await file.f_op.write(k, task, file, buffer, count)


def check_area(buffer: int, count: int) -> int:
    """Whether a call's memory can be a program's: 0, -EINVAL or -EFAULT."""
    if count < 0:
        return -EINVAL
    return 0 if access_ok(buffer, count) else -EFAULT


# By way of the page cache.


async def generic_file_read(
    k: Kernel, task: Task, file: File, buffer: int, count: int
) -> int:
    pos = await read_plain(file, FILE.f_pos)
    done = await do_generic_file_read(k, task, file.f_mapping, pos, buffer, count)
    if done > 0:
        await write_plain(file, FILE.f_pos, pos + done)
    return done


async def do_generic_file_read(
    k: Kernel, task: Task, mapping: AddressSpace, pos: int, buffer: int, count: int
) -> int:
    """Copy from a file's pages; how many bytes there were, or an error if none."""
    done = 0
    while done < count:
        size = await i_size_read(mapping)
        where = pos + done
        if where >= size:
            break
        page = await page_to_read(k, mapping, where >> PAGE_SHIFT)
        if page is None:
            return done or -ENOMEM
        length = min(PAGE_SIZE - (where & ~PAGE_MASK), size - where, count - done)
        data = await k.memory.load(page_to_phys(page, where), length)
        left = await copy_to_user(task, buffer + done, data)
        await put_page(k, page)
        done += length - left
        if left:
            return done or -EFAULT
    return done


async def page_to_read(k: Kernel, mapping: AddressSpace, index: int) -> Page | None:
    """A page of a file with a reference: of zeros, if nobody has written there."""
    page = await find_get_page(mapping, index)
    return page if page is not None else await add_new_page(k, mapping, index)


async def generic_file_write(
    k: Kernel, task: Task, file: File, buffer: int, count: int
) -> int:
    """Takes i_mutex."""
    mapping = file.f_mapping
    assert mapping.host is not None
    pos = await read_plain(file, FILE.f_pos)
    async with mapping.host.i_mutex:
        if file.f_flags & O_APPEND:
            pos = await i_size_read(mapping)
        done = await generic_perform_write(k, task, mapping, pos, buffer, count)
    if done > 0:
        await write_plain(file, FILE.f_pos, pos + done)
    return done


async def generic_perform_write(
    k: Kernel, task: Task, mapping: AddressSpace, pos: int, buffer: int, count: int
) -> int:
    """Copy to a file's pages; how many bytes, or an error if none.  Needs i_mutex."""
    done = 0
    while done < count:
        where = pos + done
        length = min(PAGE_SIZE - (where & ~PAGE_MASK), count - done)
        data = await copy_from_user(task, buffer + done, length)
        if data is None:
            return done or -EFAULT
        error = await write_to_page(k, mapping, where, data)
        if error:
            return done or error
        done += length
    return done


async def write_to_page(
    k: Kernel, mapping: AddressSpace, where: int, data: bytes
) -> int:
    """Store in one page of a file, which may grow by it; 0 or -ENOMEM.

    Needs i_mutex, and takes the page's lock.
    """
    page = await find_or_create_page(k, mapping, where >> PAGE_SHIFT)
    if page is None:
        return -ENOMEM
    await k.memory.store(page_to_phys(page, where), data)
    end = where + len(data)
    if end > mapping.size:  # which only who has i_mutex changes
        await write_once(mapping, ADDRESS_SPACE.size, end)
    await page.locked.unlock()
    await put_page(k, page)
    return 0
