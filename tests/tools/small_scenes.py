"""Small scenes for what random programs hardly ever meet: two threads, few steps.

All runs of each are searched, or the first of them; on the model as it is none fails.
"""

from __future__ import annotations

from attrs import evolve

from kmm.designs import KernelSpec, parse_kernel
from kmm.fs.open import sys_open
from kmm.fs.ramfs import init_rootfs
from kmm.fs.read_write import sys_write
from kmm.hw.memory import PAGE_SIZE
from kmm.kernel.exit import do_exit
from kmm.kernel.files import O_CREAT, O_RDWR
from kmm.kernel.fork import copy_process
from kmm.kernel.process import Process, start_process
from kmm.kernel.syscalls import (
    sys_madvise,
    sys_mmap,
    sys_mmap_pgoff,
    sys_mremap,
    sys_munmap,
)
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.gup import get_user_page
from kmm.mm.kernel import Config, Kernel
from kmm.mm.ksm import ksm_do_scan
from kmm.mm.madvise import MADV_MERGEABLE
from kmm.mm.memory import follow_page
from kmm.mm.migrate import putback_lru_pages
from kmm.mm.mm_types import Mm, Page
from kmm.mm.mmap import MAP_ANONYMOUS, MAP_FIXED, MAP_SHARED
from kmm.mm.mmu_notifier import mmu_notifier_register
from kmm.mm.mremap import MREMAP_FIXED, MREMAP_MAYMOVE
from kmm.mm.page_alloc import get_page
from kmm.mm.rmap import page_referenced
from kmm.mm.swap import lru_add_drain_all, put_page
from kmm.mm.vmscan import count_isolated, isolate_lru_page, shrink_page_list
from kmm.scenarios.migrating import compact
from kmm.scenarios.mremap import ELSEWHERE
from kmm.scenarios.process import BASE, DATA, start_in_scene
from kmm.scenarios.running import race_scene
from kmm.sim.scene import Scene
from kmm.sim.thread import KThread

SMALL = Config(cpus=2, frames=48, migrate_passes=1)
UNLOCKED: KernelSpec = parse_kernel("2.6.36,pte-peek=unlocked")
BASE_KERNEL: KernelSpec = parse_kernel(
    "2.6.34,anon-vma-pin=refcount-locked,take-all-locks=newest-first"
)


def file_moves() -> Scene:
    """A file's page migrates while its mapping moves, and a walk looks unlocked.

    Nothing is read afterwards: a fault would try again as long as it must.
    """
    k = start_kernel(SMALL, UNLOCKED)
    run_task(k, "compact", 3977, cpu=0)
    process = start_in_scene(k, "program", 4021, 1, 1, DATA)
    flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED
    where, size = process.address(1), PAGE_SIZE
    process.run(sys_mmap(k, process.task, where, size, 3, flags))
    page = process.store(1, b"data")

    async def move() -> None:
        how = MREMAP_MAYMOVE | MREMAP_FIXED
        await sys_mremap(k, process.task, where, size, size, how, ELSEWHERE)
        process.written[ELSEWHERE] = process.written.pop(where)

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("program", 4021, 1, move()),
        ]

    return race_scene(k, threads, [process])


def looked_for_in_vain() -> Scene:
    """Somebody follows a page to its mappings, while the last process exits."""
    k = start_kernel(SMALL, BASE_KERNEL)
    run_task(k, "kswapd", 3977, cpu=0)
    process = start_in_scene(k, "program", 4021, 1, 1, DATA)
    page = process.store(0, b"data")
    process.written.clear()
    process.run(get_page(page))

    async def look() -> None:
        await look_at(k, page)
        await put_page(k, page)

    def threads() -> list[KThread]:
        return [
            KThread("kswapd", 3977, 0, look()),
            KThread("program", 4021, 1, do_exit(k, process.task, 0)),
        ]

    return race_scene(k, threads)


def two_notified() -> Scene:
    """Parent and child have an anon_vma in common, and both are locked as a whole."""
    k = start_kernel(SMALL, BASE_KERNEL)
    parent = start_process(k, "parent", 0)
    parent.map_anonymous(BASE, 1)
    parent.store(BASE, b"data")
    both = [parent, parent.fork(1)]

    def threads() -> list[KThread]:
        return [
            KThread(
                process.task.comm,
                process.task.pid,
                number,
                mmu_notifier_register(k, process.mm, "guest"),
            )
            for number, process in enumerate(both)
        ]

    return race_scene(k, threads)


def last_swap_entry_goes() -> Scene:
    """The child's is the last; the parent has the page back, and unmaps it too."""
    k = start_kernel(evolve(SMALL, swap_slots=8), BASE_KERNEL)
    parent = start_process(k, "parent", 0)
    parent.map_anonymous(BASE, 1)
    parent.store(BASE, b"data")
    child = parent.fork(1)
    parent.run(lru_add_drain_all(k))
    parent.run(reclaim(k, parent.mm))
    parent.load(BASE, 4)

    def threads() -> list[KThread]:
        unmap = sys_munmap(k, parent.task, BASE, PAGE_SIZE)
        return [
            KThread("parent", parent.task.pid, 0, unmap),
            KThread("child", child.task.pid, 1, do_exit(k, child.task, 0)),
        ]

    return race_scene(k, threads)


def swapped_in_while_migrating() -> Scene:
    """A page that only the swap cache has is moved, and a program wants it back."""
    k = start_kernel(evolve(SMALL, swap_slots=8), BASE_KERNEL)
    run_task(k, "compact", 3977, cpu=0)
    process = start_process(k, "program", 1)
    process.map_anonymous(BASE, 1)
    process.store(BASE, b"data")
    process.run(lru_add_drain_all(k))
    page = page_of(k, process)
    process.run(get_page(page))  # so that it stays in the cache
    process.run(reclaim(k, process.mm))
    process.run(put_page(k, page))
    process.run(lru_add_drain_all(k))

    def threads() -> list[KThread]:
        load = process.task.cpu.load(BASE, 4, user=True)
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("program", process.task.pid, 1, load),
        ]

    return race_scene(k, threads)


def taken_over_meanwhile() -> Scene:
    """A child writes to a page that its parent left, while its use is looked at."""
    k = start_kernel(SMALL, BASE_KERNEL)
    parent = start_process(k, "parent", 0)
    parent.map_anonymous(BASE, 1)
    parent.store(BASE, b"data")
    child = parent.fork(1)
    page = page_of(k, child)
    parent.exit()

    async def write() -> None:
        async with child.mm.mmap_sem.for_read:
            found = await get_user_page(k, child.mm, BASE, write=True)
        assert found is page
        await put_page(k, page)

    def threads() -> list[KThread]:
        return [
            KThread("kswapd", 3977, 0, look_at(k, page)),
            KThread("child", child.task.pid, 1, write()),
        ]

    return race_scene(k, threads)


def written_to_meanwhile() -> Scene:
    """A CPU writes to a file's page for the first time, while its use is looked at."""
    k = start_kernel(SMALL, BASE_KERNEL)
    process = start_process(k, "program", 1)
    flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED
    process.run(sys_mmap(k, process.task, BASE, PAGE_SIZE, 3, flags))
    process.load(BASE, 4)
    page = page_of(k, process)

    def threads() -> list[KThread]:
        task = process.task
        store = task.cpu.store(BASE, b"data", user=True)
        return [
            KThread("kswapd", 3977, 0, look_at(k, page)),
            KThread("program", task.pid, 1, store),
        ]

    return race_scene(k, threads)


def read_while_forking() -> Scene:
    """A CPU reads a page for the first time in a while, and another thread forks."""
    k = start_kernel(SMALL, BASE_KERNEL)
    process = start_process(k, "program", 0)
    process.map_anonymous(BASE, 1)
    process.store(BASE, b"data")
    process.run(lru_add_drain_all(k))
    other = run_task(k, "program", 4022, 1, process.mm)
    process.mm.mm_users += 1
    page = page_of(k, process)
    process.run(look_at(k, page))

    def threads() -> list[KThread]:
        fork = copy_process(k, process.task)
        load = other.cpu.load(BASE, 4, user=True)
        return [
            KThread("program", process.task.pid, 0, fork),
            KThread("program", other.pid, 1, load),
        ]

    return race_scene(k, threads)


def wanted_back_by_both() -> Scene:
    """Parent and child want a page back: who comes second waits until it is there.

    A search of all runs is not fair: if he asked again and again, one would not end.
    """
    k = start_kernel(evolve(SMALL, swap_slots=8), BASE_KERNEL)
    parent = start_process(k, "parent", 0)
    parent.map_anonymous(BASE, 1)
    parent.store(BASE, b"data")
    child = parent.fork(1)
    parent.run(lru_add_drain_all(k))
    parent.run(reclaim(k, parent.mm))

    def threads() -> list[KThread]:
        return [
            KThread("program", process.task.pid, cpu, fault_in(k, process.mm))
            for cpu, process in enumerate((parent, child))
        ]

    return race_scene(k, threads)


def merged_and_wanted_back() -> Scene:
    """Two strangers want a page back that KSM made theirs, and that is swapped out.

    Who comes first has it, and the other a copy.
    """
    k = start_kernel(evolve(SMALL, frames=64, swap_slots=8), BASE_KERNEL)
    both = [start_process(k, name, cpu) for cpu, name in enumerate(("one", "other"))]
    for process in both:
        process.map_anonymous(BASE, 1)
        process.store(BASE, b"data")
        advise = sys_madvise(k, process.task, BASE, PAGE_SIZE, MADV_MERGEABLE)
        process.run(advise)
    one, other = both
    one.run(lru_add_drain_all(k))
    one.run(merge(k))
    assert page_of(k, one) is page_of(k, other)
    one.run(lru_add_drain_all(k))
    one.run(reclaim(k, one.mm))

    def threads() -> list[KThread]:
        store = other.task.cpu.store(BASE, b"else", user=True)
        return [
            KThread("one", one.task.pid, 0, load_data(one)),
            KThread("other", other.task.pid, 1, store),
        ]

    return race_scene(k, threads)


def file_grows() -> Scene:
    """A program reads a file's page for the first time; another makes the file longer.

    The page is there whichever comes first.
    """
    k = start_kernel(SMALL, BASE_KERNEL)
    init_rootfs(k)
    writer, reader = start_process(k, "writer", 0), start_process(k, "reader", 1)
    writer.map_anonymous(BASE, 1)
    writer.store(BASE, b"data")
    to = writer.run(sys_open(k, writer.task, "file", O_CREAT | O_RDWR))
    writer.run(sys_write(k, writer.task, to, BASE, 4))
    fd = reader.run(sys_open(k, reader.task, "file", O_RDWR))
    how = MAP_SHARED | MAP_FIXED
    reader.run(sys_mmap_pgoff(k, reader.task, BASE, PAGE_SIZE, 3, how, fd))

    def threads() -> list[KThread]:
        write = sys_write(k, writer.task, to, BASE, 4)
        return [
            KThread("writer", writer.task.pid, 0, write),
            KThread("reader", reader.task.pid, 1, load_data(reader)),
        ]

    return race_scene(k, threads)


async def fault_in(k: Kernel, mm: Mm) -> None:
    async with mm.mmap_sem.for_read:
        page = await get_user_page(k, mm, BASE, write=False)
    assert page is not None
    await put_page(k, page)


async def load_data(process: Process) -> None:
    found = await process.task.cpu.load(BASE, 4, user=True)
    assert found == b"data"


async def merge(k: Kernel) -> None:
    """Let ksmd go round twice: at first it only sees what each page holds."""
    async with k.ksm.thread_mutex:
        for _ in range(2):
            await ksm_do_scan(k, 4)


async def look_at(k: Kernel, page: Page) -> None:
    await page_referenced(k, page, is_locked=False)


def page_of(k: Kernel, process: Process) -> Page:
    page = process.run(follow_page(k, process.mm, BASE, write=False))
    assert page is not None
    process.run(put_page(k, page))
    return page


async def reclaim(k: Kernel, mm: Mm) -> None:
    """Swap a page out, if that can be.

    Twice: after the first look, nobody seems to use it any more.
    """
    page = await follow_page(k, mm, BASE, write=False)
    assert page is not None
    await put_page(k, page)
    assert await isolate_lru_page(k, page)
    count_isolated(page, +1)
    pages = [page]
    for _ in range(2):
        pages = await shrink_page_list(k, pages)
    await putback_lru_pages(k, pages)


SCENES = (
    file_moves,
    looked_for_in_vain,
    two_notified,
    last_swap_entry_goes,
    swapped_in_while_migrating,
    taken_over_meanwhile,
    written_to_meanwhile,
    read_while_forking,
    wanted_back_by_both,
    merged_and_wanted_back,
    file_grows,
)
