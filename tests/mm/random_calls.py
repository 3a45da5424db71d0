"""Random programs of processes and system calls, on several CPUs at once.

Each CPU has a list of actions, which it takes one after the other, on processes of its
own; the processes of all CPUs may share memory by fork.  Meanwhile one more thread
compacts, scans for equal pages and reclaims.  What each process wrote is kept, and
compared with what it reads.

On most kernels of 2010 such programs meet the races that the letter is about, sooner or
later.  So that this does not hide everything else, they run on 2.6.36, unless they are
told otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from attrs import define, field

from kmm.designs import parse_kernel
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.exit import do_exit
from kmm.kernel.fork import copy_process
from kmm.kernel.mm_end import mmput
from kmm.kernel.process import start_process
from kmm.kernel.syscalls import (
    sys_madvise,
    sys_mmap,
    sys_mprotect,
    sys_mremap,
    sys_munmap,
)
from kmm.mm.audit import audit, check_always
from kmm.mm.boot import interrupt_threads, start_kernel
from kmm.mm.compaction import compact_nodes
from kmm.mm.fault import FatalSignal
from kmm.mm.gfp import GFP_KERNEL
from kmm.mm.kernel import Config, Kernel
from kmm.mm.ksm import ksm_do_scan
from kmm.mm.madvise import MADV_DONTNEED, MADV_MERGEABLE, MADV_UNMERGEABLE
from kmm.mm.memory import OutOfMemory
from kmm.mm.mm_types import MM, Task
from kmm.mm.mmap import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE
from kmm.mm.move_pages import sys_move_pages
from kmm.mm.swap import lru_add_drain_all
from kmm.mm.vma import (
    find_vma,
)
from kmm.mm.vmscan import try_to_free_pages
from kmm.sim.access import atomic_inc_not_zero
from kmm.sim.failure import Corruption
from kmm.sim.machine import Machine
from kmm.sim.thread import KThread

ARENA = VirtAddr(0x7F00_0000_0000)


PAGES = 6

# What a program does: a name, and numbers that say where and with what.
Action = tuple[str, int, int, int]

PROGRAM = [
    "map",
    "write",
    "write",
    "write",
    "write",
    "read",
    "read",
    "read",
    "unmap",
    "protect",
    "advise",
    "discard",
    "move",
    "fork",
    "exit",
    "switch",
    "write",
    "read",
    "write",
    "read",
]
KERNEL = ("compact", "merge", "reclaim", "drain", "balance")


def address(page: int) -> VirtAddr:
    return VirtAddr(ARENA + page % PAGES * PAGE_SIZE)


def random_action(random: Random, kinds: Sequence[str]) -> Action:
    return (
        random.choice(kinds),
        random.randrange(64),
        random.randrange(64),
        random.randrange(64),
    )


@define(eq=False)
class Program:
    """A process, and what it has written: a page's first bytes, or None for zeros."""

    task: Task
    written: dict[int, bytes] = field(factory=dict)


@define(eq=False)
class Driver:
    """What one CPU does."""

    k: Kernel
    cpu: int
    thread: KThread | None = None
    programs: list[Program] = field(factory=list)
    current: int = 0
    stamp: int = 0

    @property
    def program(self) -> Program:
        return self.programs[self.current % len(self.programs)]

    async def run(self, actions: Sequence[Action]) -> None:
        for kind, *numbers in actions:
            if not self.programs:
                return
            assert self.thread is not None
            self.thread.task = self.program.task
            try:
                await getattr(self, kind)(*numbers)
            except FatalSignal:
                pass  # it touched what it may not, and would have been told
            except OutOfMemory:
                await self.exit(0, 0, 0)
        while self.programs:
            await self.exit(0, 0, 0)

    async def map(self, page: int, length: int, prot: int) -> None:
        length = 1 + length % 3
        await sys_mmap(
            self.k,
            self.program.task,
            address(page),
            length * PAGE_SIZE,
            3 if prot % 4 else 1,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
        )
        self.forget(page, length)

    def forget(self, page: int, length: int) -> None:
        for number in range(page % PAGES, page % PAGES + length):
            self.program.written.pop(number, None)

    async def write(self, page: int, value: int, _: int) -> None:
        # Few different values, so that there are equal pages to be merged.
        data = bytes([value % 3]) * 8 if value % 2 else self.next_stamp()
        await self.program.task.cpu.store(address(page), data, user=True)
        self.program.written[page % PAGES] = data

    def next_stamp(self) -> bytes:
        self.stamp += 1
        return (self.cpu << 32 | self.stamp).to_bytes(8, "little")

    async def read(self, page: int, *_: int) -> None:
        found = await self.program.task.cpu.load(address(page), 8, user=True)
        expected = self.program.written.get(page % PAGES, bytes(8))
        if found != expected:
            task = self.program.task
            raise Corruption(
                f"{task.comm}[{task.pid}] read {found!r} at {address(page):#x}, "
                f"and had written {expected!r}"
            )

    async def unmap(self, page: int, length: int, _: int) -> None:
        length = 1 + length % 3
        await sys_munmap(self.k, self.program.task, address(page), length * PAGE_SIZE)
        self.forget(page, length)

    async def protect(self, page: int, length: int, prot: int) -> None:
        await sys_mprotect(
            self.k,
            self.program.task,
            address(page),
            (1 + length % 3) * PAGE_SIZE,
            3 if prot % 2 else 1,
        )

    async def advise(self, page: int, length: int, how: int) -> None:
        behaviour = MADV_UNMERGEABLE if how % 4 == 0 else MADV_MERGEABLE
        await sys_madvise(
            self.k, self.program.task, address(0), PAGES * PAGE_SIZE, behaviour
        )

    async def discard(self, page: int, *_: int) -> None:
        mm = self.program.task.mm
        assert mm is not None
        vma = find_vma(mm, address(page))
        await sys_madvise(
            self.k, self.program.task, address(page), PAGE_SIZE, MADV_DONTNEED
        )
        if vma is not None and vma.vm_start <= address(page):
            self.program.written.pop(page % PAGES, None)

    async def move(self, page: int, to: int, _: int) -> None:
        """mremap one page to a fixed place."""
        written = self.program.written
        result = await sys_mremap(
            self.k,
            self.program.task,
            address(page),
            PAGE_SIZE,
            PAGE_SIZE,
            3,
            address(to),
        )
        if page % PAGES == to % PAGES:
            return
        data = written.pop(page % PAGES, None) if result > 0 else None
        written.pop(to % PAGES, None)
        if data is not None:
            written[to % PAGES] = data

    async def fork(self, *_: int) -> None:
        if len(self.programs) >= 4:
            return
        child = await copy_process(self.k, self.program.task)
        if isinstance(child, Task):
            self.programs.append(Program(child, dict(self.program.written)))

    async def exit(self, *_: int) -> None:
        """The end, after a last look at everything that was written."""
        program = self.program
        assert self.thread is not None
        self.thread.task = program.task
        for page in sorted(program.written):
            await self.read(page)
        self.programs.remove(program)
        await do_exit(self.k, program.task, 0)

    async def switch(self, which: int, *_: int) -> None:
        self.current = which


async def kernel_thread(k: Kernel, actions: Sequence[Action]) -> None:
    """Everything that moves pages under the programs."""
    for kind, which, *_ in actions:
        if kind == "compact":
            await compact_nodes(k)
        elif kind == "merge":
            await lru_add_drain_all(k)
            for _ in range(3):  # it looks twice before it takes a page for quiet
                async with k.ksm.thread_mutex:
                    await ksm_do_scan(k, 100)
        elif kind == "reclaim":
            await try_to_free_pages(k, k.zones, 0, GFP_KERNEL)
        elif kind == "drain":
            await lru_add_drain_all(k)
        elif k.mms:
            alive = [k.mms[name] for name in sorted(k.mms) if k.mms[name].mm_users]
            if not alive:
                continue
            mm = alive[which % len(alive)]
            pages = [address(page) for page in range(PAGES)]
            wanted = [which % len(k.nodes)] * PAGES
            if not await atomic_inc_not_zero(mm, MM.mm_users):
                continue  # it was the last one's until now
            await sys_move_pages(k, mm, pages, wanted, 4)
            await mmput(k, mm)


def machine(
    programs: Sequence[Sequence[Action]],
    kernel: Sequence[Action],
    kernel_name: str = "2.6.36,anon-vma-pin=refcount-locked",
    check: bool = True,
    **config: Any,
) -> Machine:
    """One CPU for each program, and one for the kernel's thread."""
    cpus = len(programs) + 1
    settings = {"frames": 192, "swap_slots": 128, "pageblock_order": 4, **config}
    k = start_kernel(Config(cpus=cpus, **settings), parse_kernel(kernel_name))
    threads = []
    for cpu, actions in enumerate(programs):
        process = start_process(k, f"p{cpu}", cpu)
        driver = Driver(k, cpu, programs=[Program(process.task)])
        driver.thread = KThread(f"p{cpu}", cpu + 1, cpu, driver.run(actions))
        threads.append(driver.thread)
    threads.append(KThread("kcompactd", 99, cpus - 1, kernel_thread(k, kernel)))
    return audited(k, threads, check)


def audited(k: Kernel, threads: Sequence[KThread], check: bool) -> Machine:
    """A machine that holds its kernel to what must hold always, and at the end."""
    made = Machine(
        [*threads, *interrupt_threads(k)],
        check=lambda: audit(k),
        max_steps=200_000,
        always=lambda: check_always(k),
        model=k,
    )
    made.is_checked = check
    return made


def random_machine(
    seed: int, cpus: int = 2, length: int = 12, **config: Any
) -> Machine:
    random = Random(seed)
    programs = [
        [("map", 0, 2, 1), ("map", 3, 2, 1), ("advise", 0, 0, 1)]
        + [random_action(random, PROGRAM) for _ in range(length)]
        for _ in range(cpus)
    ]
    kernel = [random_action(random, KERNEL) for _ in range(length)]
    return machine(programs, kernel, **config)


def varied(seed: int, **config: Any) -> Machine:
    """One of many machines: few or many CPUs, nodes, frames, with swap and without."""
    settings = {
        "cpus": 1 + seed % 3,
        "length": 10 + seed % 20,
        "nodes": 1 + seed % 2,
        "frames": [192, 128, 112][seed // 3 % 3],
        "swap_slots": [128, 0, 40][seed // 7 % 3],
    }
    return random_machine(seed, **{**settings, **config})
