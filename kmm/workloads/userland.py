"""Programs of the model: coroutines over system calls, on a machine with clocks.

A program is `async def program(user)`.  It computes, touches its memory, makes system
calls, forks and waits, and returns its exit code.  What it does between two calls is
user time; an exception or a system call is system time, and the way into the kernel and
back costs what the table says.

The kernel under it is that of the explorations, unchanged.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing
from typing import Any, TypeVar

from attrs import define, field

from ..designs import KernelSpec
from ..fs.binfmt_elf import load_elf_binary
from ..fs.exec import prepare_exec
from ..hw.cpu import Cpu
from ..hw.memory import PAGE_SIZE, VirtAddr
from ..kernel.fork import copy_process
from ..kernel.process import run_program, start_process
from ..kernel.syscalls import sys_mmap, sys_wait
from ..mm.boot import interrupt_threads, start_kernel
from ..mm.kernel import Config, Kernel
from ..mm.mm_types import Task
from ..mm.mmap import MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE
from ..mm.vmscan import kswapd
from ..sim.clock import compute, enter_kernel, return_to_user, sleep
from ..sim.failure import Corruption
from ..sim.thread import KThread
from ..sim.timed import Entity, TimedMachine
from ..sim.trap import start_thread
from .cycles import Prices, Table

T = TypeVar("T")

FIRST_PID = 1000


@define(eq=False)
class System:
    """A kernel, the machine that it runs on, and what things cost there."""

    k: Kernel
    machine: TimedMachine
    prices: Prices
    chance: random.Random
    counts: dict[str, int] = field(factory=dict)  # what programs did

    @property
    def table(self) -> Table:
        return self.prices.table

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + number

    @property
    def now(self) -> int:
        """The moment of the step that is being done, in cycles."""
        return self.machine.at

    def start(self, comm: str, program: Program, cpu: int | None = None) -> User:
        """A process that nobody is the parent of."""
        process = start_process(self.k, comm, self.place(cpu))
        user = User(self, process.task)
        self.machine.add(user.thread(program))
        return user

    def start_kernel_thread(
        self, comm: str, body: Coroutine[Any, Any, object], cpu: int
    ) -> None:
        pid = max(self.k.tasks, default=FIRST_PID) + 1
        task = Task(comm, pid, self.k.cpus[cpu], None, self.k.init_mm)
        self.k.tasks[pid] = task
        self.k.init_mm.mm_count += 1
        self.machine.add(KThread(comm, pid, cpu, body, daemon=True, task=task))

    def place(self, cpu: int | None) -> int:
        return self.machine.least_loaded() if cpu is None else cpu


@define(eq=False)
class User:
    """A process, as its program sees it."""

    system: System
    task: Task
    entity: Entity | None = None

    @property
    def k(self) -> Kernel:
        return self.system.k

    @property
    def chance(self) -> random.Random:
        return self.system.chance

    def thread(self, program: Program) -> KThread:
        async def body(k: Kernel, task: Task) -> int:
            await return_to_user(0)
            code = await program(self)
            await enter_kernel(self.system.table.system_call.cycles)
            return code

        task = self.task
        body_of_all = run_program(self.k, task, body)
        return KThread(task.comm, task.pid, task.cpu.number, body_of_all, task=task)

    # What a program does.

    async def compute(self, cycles: int) -> None:
        await compute(cycles)

    async def sleep(self, cycles: int) -> None:
        await self.call(sleep(cycles))

    async def touch(self, address: VirtAddr, *, write: bool = True) -> None:
        """One byte of a page, read or written."""
        if write:
            await self.task.cpu.store(address, b"\x5a", user=True)
        else:
            await self.task.cpu.load(address, 1, user=True)

    async def memset(self, address: VirtAddr, pages: int, value: int) -> None:
        data = bytes([value]) * PAGE_SIZE
        for n in range(pages):
            place = VirtAddr(address + n * PAGE_SIZE)
            await self.task.cpu.store(place, data, user=True)

    async def expect(self, address: VirtAddr, value: int) -> None:
        """Read a byte that the program has written.  Raises Corruption."""
        found = await self.task.cpu.load(address, 1, user=True)
        if found[0] != value:
            task = self.task
            raise Corruption(
                f"{task.comm}[{task.pid}]: {found[0]:#x} is at {address:#x}, "
                f"where it wrote {value:#x}"
            )

    async def call(self, body: Coroutine[Any, Any, T]) -> T:
        """A system call."""
        cost = self.system.table.system_call.cycles
        with closing(body):  # which has not begun, if the machine is dropped before
            await enter_kernel(cost)
            result = await body
        await return_to_user(0)
        return result

    async def mmap(self, pages: int, address: int = 0) -> VirtAddr:
        """Anonymous memory of one's own."""
        prot, flags = PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS
        size = pages * PAGE_SIZE
        where = await self.call(sys_mmap(self.k, self.task, address, size, prot, flags))
        assert where > 0, f"mmap: {where}"
        return VirtAddr(where)

    async def fork(self, program: Program) -> int:
        """A child that runs `program`; its pid, or an error."""
        return await self.call(self._fork(program))

    async def _fork(self, program: Program) -> int:
        child = await copy_process(self.k, self.task, self.system.place(None))
        if isinstance(child, int):
            return child
        self.system.count("forks")
        await start_thread(User(self.system, child).thread(program))
        return child.pid

    async def wait(self) -> tuple[int, int]:
        return await self.call(sys_wait(self.k, self.task))

    async def execve(self, filename: str, argv: list[bytes]) -> VirtAddr:
        """Become another program; its stack pointer."""
        return await self.call(self._execve(filename, argv))

    async def _execve(self, filename: str, argv: list[bytes]) -> VirtAddr:
        bprm = await prepare_exec(self.k, filename, argv)
        sp = await load_elf_binary(self.k, self.task, bprm)
        self.system.count("execs")
        return sp


Program = Callable[[User], Awaitable[int]]


def boot(spec: KernelSpec, config: Config, table: Table, seed: int = 0) -> System:
    """A kernel on a machine with clocks, its own threads running."""
    k = start_kernel(config, spec)
    prices = Prices(table)
    machine = TimedMachine([], interrupt_threads(k), prices, model=k)
    system = System(k, machine, prices, random.Random(seed))
    for cpu in k.cpus:
        cpu.page_fault = timed_fault(cpu.page_fault, table)
    for node in range(config.nodes):
        system.start_kernel_thread(f"kswapd{node}", kswapd(k, node), cpu=0)
    return system


def timed_fault(
    handler: Callable[[Cpu, VirtAddr, int, bool], Awaitable[None]], table: Table
) -> Callable[[Cpu, VirtAddr, int, bool], Awaitable[None]]:
    """The page-fault handler, with the exception's own cost."""
    cost = table.page_fault.cycles

    async def page_fault(
        cpu: Cpu, address: VirtAddr, error_code: int, user: bool
    ) -> None:
        if not user:
            await handler(cpu, address, error_code, user)
            return
        await enter_kernel(cost)
        await handler(cpu, address, error_code, user)
        await return_to_user(0)

    return page_fault
