"""Random programs of several threads in one address space, on a CPU each.

`mm.random_calls` has a process on each CPU.  Here all share one, so that they fault,
map and unmap in each other's way: each writes and reads its own bytes of pages that
all of them touch, private ones and those of a file, and has an area of its own to map
and to unmap.  Two more threads do what the kernel does: move pages, merge them, give
them up.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from attrs import define, field
from mm.random_calls import audited

from kmm.designs import parse_kernel
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.exit import do_exit
from kmm.kernel.fork import copy_process
from kmm.kernel.mm_end import mmput
from kmm.kernel.process import start_process
from kmm.kernel.syscalls import (
    sys_madvise,
    sys_mlock,
    sys_mmap,
    sys_mprotect,
    sys_mremap,
    sys_munmap,
)
from kmm.mm.boot import run_task, start_kernel
from kmm.mm.compaction import compact_nodes
from kmm.mm.fault import FatalSignal
from kmm.mm.gfp import GFP_HIGHUSER_MOVABLE, GFP_KERNEL, GFP_WAIT
from kmm.mm.gup import get_user_page
from kmm.mm.kernel import Config, Kernel
from kmm.mm.ksm import (
    KSM_RUN_MERGE,
    KSM_RUN_UNMERGE,
    ksm_do_scan,
    ksmd,
    run_store,
)
from kmm.mm.madvise import MADV_DONTNEED, MADV_MERGEABLE, MADV_UNMERGEABLE
from kmm.mm.memory import OutOfMemory
from kmm.mm.memory_hotplug import offline_pages
from kmm.mm.mm_types import PAGE, Mm, Task
from kmm.mm.mmap import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED
from kmm.mm.mmu_notifier import mmu_notifier_register
from kmm.mm.mmzone import PAGE_ALLOC_COSTLY_ORDER
from kmm.mm.move_pages import sys_move_pages
from kmm.mm.page_alloc import alloc_pages, free_pages
from kmm.mm.swap import lru_add_drain_all, mark_page_accessed, put_page
from kmm.mm.vmscan import kswapd, try_to_free_pages
from kmm.sim.access import read_once
from kmm.sim.failure import Corruption
from kmm.sim.machine import Machine
from kmm.sim.thread import KThread

COMMON = VirtAddr(0x7F00_0000_0000)  # private pages that all threads touch
FILE = VirtAddr(0x7F00_0010_0000)  # those of a file without a name
OWN = VirtAddr(0x7F00_0020_0000)  # an area for each thread
OWN_SIZE = 16 * PAGE_SIZE
PAGES = 3  # of each
LARGE_ORDER = PAGE_ALLOC_COSTLY_ORDER + 1  # worth compacting for

Action = tuple[str, int, int]

PROGRAM = (
    *("write", "read") * 6,
    *("write_file", "read_file") * 2,
    *("map_own", "unmap_own", "write_own", "write_own", "write_own"),
    *("discard_own", "protect_own", "lock_own", "move_own", "map_file", "map_private"),
    *("fork", "fork_and_write", "advise", "unadvise", "advise_own"),
)
KERNEL = (
    *("compact", "merge", "reclaim", "reclaim", "drain", "balance"),
    *("where", "ksmd", "unmerge", "notify", "offline", "block", "use", "use", "hold"),
)
# Of which much is merged, and given up, and brought back.
ALIKE = (
    *("make_alike", "make_alike", "read_own", "read_own", "write_own", "write_own"),
    *("write_own", "move_own", "lock_own", "unadvise_own", "fork", "fork_and_write"),
    *("write", "read", "advise"),
)
MERGING = (
    *("merge", "merge", "merge", "reclaim", "reclaim", "compact", "unmerge"),
    *("use_own", "hold"),
)
# Of which much is given up, and wanted by all at once.
WANTED = ("write", "write", "read", "read", "read_file", "write_file", "fork")
RECLAIMING = ("reclaim", "reclaim", "reclaim", "hold", "block", "balance")
# What is given up moves besides.
MOVING = ("reclaim", "reclaim", "compact", "move", "move", "large")
# Several address spaces with the same pages are locked as a whole.
NOTIFIED = (
    *("write", "write", "read", "map_file", "write_own"),
    *("fork_and_notify", "fork_and_notify", "fork_and_leave", "fork_and_leave"),
)
NOTIFYING = ("notify", "notify", "notify", "move", "reclaim")


@define(eq=False)
class Thread:
    """One thread of the process, and what it has written where."""

    k: Kernel
    number: int
    task: Task
    written: dict[int, bytes] = field(factory=dict)
    stamp: int = 0

    @property
    def own(self) -> int:
        return OWN + self.number * OWN_SIZE

    async def run(self, actions: Sequence[Action]) -> None:
        for kind, *numbers in actions:
            try:
                await getattr(self, kind)(*numbers)
            except FatalSignal:
                pass  # nothing is mapped there, or it may not be written
            except OutOfMemory:
                break
        for address in sorted(self.written):
            await self.check(address)
        await do_exit(self.k, self.task, 0)

    # Memory that all threads share.

    async def write(self, page: int, value: int) -> None:
        await self.store(COMMON + page % PAGES * PAGE_SIZE + 8 * self.number, value)

    async def read(self, page: int, _: int) -> None:
        await self.check(COMMON + page % PAGES * PAGE_SIZE + 8 * self.number)

    async def write_file(self, page: int, value: int) -> None:
        await self.store(FILE + page % PAGES * PAGE_SIZE + 8 * self.number, value)

    async def read_file(self, page: int, _: int) -> None:
        await self.check(FILE + page % PAGES * PAGE_SIZE + 8 * self.number)

    async def fork(self, *_: int) -> None:
        """A child that reads what this thread has written, and ends."""
        child = await copy_process(self.k, self.task)
        if isinstance(child, Task):
            await do_exit(self.k, child, 0)

    async def fork_and_write(self, page: int, _: int) -> None:
        """A child that writes to what it has from this thread, and ends."""
        child = await copy_process(self.k, self.task)
        if isinstance(child, Task):
            await self.write_as(child, page)
            await do_exit(self.k, child, 0)

    async def fork_and_leave(self, page: int, value: int) -> None:
        """The same, after this thread has taken a copy: the page is the child's."""
        child = await copy_process(self.k, self.task)
        if isinstance(child, Task):
            await self.write(page, value)
            await self.write_as(child, page)
            await do_exit(self.k, child, 0)

    async def write_as(self, child: Task, page: int) -> None:
        assert child.mm is not None
        where = VirtAddr(COMMON + page % PAGES * PAGE_SIZE)
        async with child.mm.mmap_sem.for_read:
            found = await get_user_page(self.k, child.mm, where, write=True)
        if found is not None:
            await put_page(self.k, found)

    async def fork_and_notify(self, *_: int) -> None:
        """A child that somebody wants to hear of, and that ends."""
        child = await copy_process(self.k, self.task)
        if isinstance(child, Task):
            assert child.mm is not None
            await mmu_notifier_register(self.k, child.mm, "somebody")
            await do_exit(self.k, child, 0)

    async def advise(self, *_: int) -> None:
        await self.madvise(COMMON, MADV_MERGEABLE)

    async def unadvise(self, *_: int) -> None:
        await self.madvise(COMMON, MADV_UNMERGEABLE)

    async def advise_own(self, *_: int) -> None:
        await self.madvise(self.own, MADV_MERGEABLE)

    async def unadvise_own(self, *_: int) -> None:
        await self.madvise(self.own, MADV_UNMERGEABLE)

    async def make_alike(self, *_: int) -> None:
        """Pages of its own that have the same contents, to be merged."""
        await self.map_area(MAP_PRIVATE)
        await self.advise_own()
        for page in range(PAGES):
            await self.store(self.own + page * PAGE_SIZE, 2)

    async def madvise(self, start: int, advice: int) -> None:
        await sys_madvise(self.k, self.task, start, PAGES * PAGE_SIZE, advice)

    # An area of its own.

    async def map_own(self, *_: int) -> None:
        await self.map_area(MAP_PRIVATE)

    async def map_file(self, *_: int) -> None:
        await self.map_area(MAP_SHARED)

    async def map_area(self, flags: int) -> None:
        flags |= MAP_ANONYMOUS | MAP_FIXED
        size = PAGES * PAGE_SIZE
        await sys_mmap(self.k, self.task, self.own, size, 3, flags)
        self.forget(self.own, PAGES)

    async def map_private(self, *_: int) -> None:
        """The file that all have, of which what is written here is one's own."""
        assert self.task.mm is not None
        file = next(vma.vm_file for vma in self.task.mm.mmap if vma.vm_file)
        size, flags = PAGES * PAGE_SIZE, MAP_PRIVATE | MAP_FIXED
        await sys_mmap(self.k, self.task, self.own, size, 3, flags, file)
        self.forget(self.own, PAGES)

    async def unmap_own(self, page: int, _: int) -> None:
        start = self.own + page % PAGES * PAGE_SIZE
        await sys_munmap(self.k, self.task, start, PAGE_SIZE)
        self.forget(start, 1)

    async def write_own(self, page: int, value: int) -> None:
        await self.store(self.own + page % PAGES * PAGE_SIZE, value)

    async def read_own(self, *_: int) -> None:
        for page in range(PAGES):
            await self.check(self.own + page * PAGE_SIZE)

    async def discard_own(self, *_: int) -> None:
        size = PAGES * PAGE_SIZE
        await sys_munmap(self.k, self.task, self.own, size)
        await self.map_area(MAP_PRIVATE)
        await self.write_own(0, 0)
        await sys_madvise(self.k, self.task, self.own, size, MADV_DONTNEED)
        self.forget(self.own, PAGES)

    async def protect_own(self, page: int, prot: int) -> None:
        start = self.own + page % PAGES * PAGE_SIZE
        rights = (3, 1, 7, 5)[prot % 4]  # read, and perhaps write, execute
        await sys_mprotect(self.k, self.task, start, PAGE_SIZE, rights)

    async def lock_own(self, *_: int) -> None:
        await sys_mlock(self.k, self.task, self.own, PAGES * PAGE_SIZE)

    async def move_own(self, page: int, _: int) -> None:
        """To somewhere else, where it is given up."""
        start, to = self.own + page % PAGES * PAGE_SIZE, self.own + 8 * PAGE_SIZE
        moved = await sys_mremap(self.k, self.task, start, PAGE_SIZE, PAGE_SIZE, 3, to)
        if moved != to:
            return
        data = self.written.pop(start, None)
        if data is not None:
            self.written[to] = data
            await self.check(to)
        await sys_munmap(self.k, self.task, to, PAGE_SIZE)
        self.written.pop(to, None)

    # Memory.

    async def store(self, address: int, value: int) -> None:
        self.stamp += 1
        data = bytes([value % 3] * 8)
        if value % 2:
            data = (self.number << 32 | self.stamp).to_bytes(8, "little")
        await self.task.cpu.store(VirtAddr(address), data, user=True)
        self.written[address] = data

    async def check(self, address: int) -> None:
        expected = self.written.get(address)
        if expected is None:
            return
        found = await self.task.cpu.load(VirtAddr(address), 8, user=True)
        if found != expected:
            raise Corruption(
                f"thread {self.number} read {found!r} at {address:#x}, "
                f"and had written {expected!r}"
            )

    def forget(self, start: int, pages: int) -> None:
        for page in range(pages):
            self.written.pop(start + page * PAGE_SIZE, None)


async def move_things(k: Kernel, mm: Mm, actions: Sequence[Action]) -> None:
    """What the kernel does meanwhile.  The caller has counted it among the users."""
    places = [VirtAddr(COMMON + page * PAGE_SIZE) for page in range(PAGES)]
    for kind, which, _ in actions:
        if kind == "compact":
            await compact_nodes(k)
        elif kind == "merge":
            await lru_add_drain_all(k)
            for _ in range(3):
                async with k.ksm.thread_mutex:
                    await ksm_do_scan(k, 100)
        elif kind == "ksmd":
            await run_store(k, KSM_RUN_MERGE)
            await ksmd(k, 2)
        elif kind == "unmerge":
            await run_store(k, KSM_RUN_UNMERGE)
        elif kind == "reclaim":
            await try_to_free_pages(k, k.zones, 0, GFP_KERNEL)
        elif kind == "drain":
            await lru_add_drain_all(k)
        elif kind == "notify":
            await mmu_notifier_register(k, mm, "somebody")
        elif kind == "block":
            order = 1 + which % 3
            block = await alloc_pages(k, GFP_KERNEL, order)
            if block is not None:
                await free_pages(k, block, order)
        elif kind == "large":
            await want_large_block(k)
        elif kind == "use":
            await use(k, mm, [COMMON, FILE][which % 2] + which % PAGES * PAGE_SIZE)
        elif kind == "use_own":
            await use(k, mm, OWN + which % 2 * OWN_SIZE + which % PAGES * PAGE_SIZE)
        elif kind == "hold":
            await hold(k, mm, COMMON + which % PAGES * PAGE_SIZE)
        elif kind == "offline":
            start = 32 + which % 4 * 16
            await offline_pages(k, start, start + 16)
        elif kind == "where":
            await sys_move_pages(k, mm, places, None, 0)
        else:
            await sys_move_pages(k, mm, places, [which % len(k.nodes)] * PAGES, 4)
    await mmput(k, mm)


async def want_large_block(k: Kernel) -> None:
    """Ask for more than there is in one piece, while there are many small ones."""
    taken = []
    while page := await alloc_pages(k, GFP_HIGHUSER_MOVABLE & ~GFP_WAIT):
        taken.append(page)
    kept = [page for page in taken if page.pfn % 8 == 0]
    for page in taken:
        if page not in kept:
            await put_page(k, page)
    block = await alloc_pages(k, GFP_KERNEL, LARGE_ORDER)
    if block is not None:
        await free_pages(k, block, LARGE_ORDER)
    for page in kept:
        await put_page(k, page)


async def use(k: Kernel, mm: Mm, where: int) -> None:
    """Look at a page of a process, as somebody who will come again."""
    async with mm.mmap_sem.for_read:
        page = await get_user_page(k, mm, VirtAddr(where), write=False)
    if page is None:
        return
    for _ in range(2):
        await mark_page_accessed(k, page)
    await put_page(k, page)


async def hold(k: Kernel, mm: Mm, where: int) -> None:
    """Keep a page of a process locked for a while."""
    async with mm.mmap_sem.for_read:
        page = await get_user_page(k, mm, VirtAddr(where), write=False)
    if page is None:
        return
    async with page.locked:
        for _ in range(40):
            await read_once(page, PAGE.flags)
    await put_page(k, page)


def shared_machine(
    seed: int,
    threads: int = 2,
    length: int = 14,
    kernel_name: str = "2.6.36,anon-vma-pin=refcount-locked",
    check: bool = False,
    program: Sequence[str] = PROGRAM,
    kernel: Sequence[str] = KERNEL,
    **config: Any,
) -> Machine:
    """One CPU for each thread, and two for what the kernel does."""
    random = Random(seed)
    frames = [192, 128, 96][seed % 3]
    settings: dict[str, Any] = {
        "frames": frames,
        "min_free_kbytes": [0, frames * 5 // 2][seed // 4 % 2],
        "nodes": 1 + seed % 2,
        "swap_slots": [128, 40][seed // 2 % 2],
        "pageblock_order": 4,
        "offline_turns": 2,
        **config,
    }
    k = start_kernel(Config(cpus=threads + 2, **settings), parse_kernel(kernel_name))
    process = start_process(k, "threads", 0)
    mm = process.mm
    size = PAGES * PAGE_SIZE
    process.map_anonymous(COMMON, PAGES)
    flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED
    process.run(sys_mmap(k, process.task, FILE, size, 3, flags))
    tasks = [process.task]
    for number in range(1, threads):
        tasks.append(run_task(k, "threads", 1 + number, number, mm))
        mm.mm_users += 1
    mm.mm_users += 2  # for the kernel's threads
    made = []
    for number, task in enumerate(tasks):
        body = Thread(k, number, task).run(some(random, program, length))
        made.append(KThread("threads", task.pid, number, body, task=task))
    for number, comm in enumerate(("kcompactd", "khelper")):
        body_of_kernel = move_things(k, mm, some(random, kernel, 2 + seed % 4))
        made.append(KThread(comm, 98 + number, threads + number, body_of_kernel))
    daemons = [
        KThread(f"kswapd{node}", 90 + node, threads, kswapd(k, node), daemon=True)
        for node in range(len(k.nodes))
    ]
    return audited(k, [*made, *daemons], check)


def some(random: Random, kinds: Sequence[str], number: int) -> list[Action]:
    return [
        (random.choice(kinds), random.randrange(64), random.randrange(64))
        for _ in range(number)
    ]
