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

from attrs import define, field, frozen

from ..designs import KernelSpec
from ..fs.binfmt_elf import load_elf_binary
from ..fs.exec import prepare_exec
from ..hw.cpu import Cpu, PageFaultHandler
from ..hw.memory import PAGE_SIZE, VirtAddr
from ..kernel.exit import do_wait
from ..kernel.fork import copy_process
from ..kernel.process import run_program, start_process
from ..kernel.syscalls import sys_mmap
from ..mm.boot import interrupt_threads, start_kernel
from ..mm.kernel import Config, Kernel
from ..mm.mm_types import Task
from ..mm.mmap import MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE
from ..mm.vmscan import kswapd
from ..sim.clock import compute, enter_kernel, return_to_user, sleep
from ..sim.failure import Corruption
from ..sim.runqueue import Entity
from ..sim.thread import KThread
from ..sim.timed import TimedMachine
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
        thread = user.thread(program)
        self.machine.add(thread)
        user.entity = self.machine.entity(thread)
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
        """The number of the CPU that a new process belongs to from then on."""
        return self.machine.least_loaded() if cpu is None else cpu


@frozen
class Times:
    """What a process took, as `time` prints it and times(2) tells it.

    In seconds.  The children are those that were waited for, with theirs; `time make`
    prints the sum, which is `user_of_all` and `system_of_all`.
    """

    elapsed: float  # from its first moment to its last, or to now
    user: float
    system: float
    children_user: float
    children_system: float
    switches: int  # how often it, or a child, lost its CPU or gave it away

    @property
    def user_of_all(self) -> float:
        return self.user + self.children_user

    @property
    def system_of_all(self) -> float:
        return self.system + self.children_system

    @property
    def percent(self) -> float:
        """Of one CPU, on average; more than 100 if several were busy."""
        busy = self.user_of_all + self.system_of_all
        return 100 * busy / self.elapsed if self.elapsed else 0.0


@define(eq=False)
class User:
    """A process, as its program sees it."""

    system: System
    task: Task
    entity: Entity | None = None  # once it has been started
    children: list[User] = field(factory=list)  # that were not waited for yet
    # Of those that were, and of theirs, in cycles.  (struct signal_struct)
    cutime: int = 0
    cstime: int = 0
    cswitches: int = 0

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

    async def fork(self, program: Program, cpu: int | None = None) -> int:
        """A child that runs `program`; its pid, or an error.

        If its CPU is not given, it is one that the fewest threads want as fork begins.
        """
        return await self.call(self._fork(program, cpu))

    async def _fork(self, program: Program, cpu: int | None) -> int:
        task = await copy_process(self.k, self.task, self.system.place(cpu))
        if isinstance(task, int):
            return task
        self.system.count("forks")
        child = User(self.system, task)
        self.children.append(child)
        thread = child.thread(program)
        await start_thread(thread)
        child.entity = self.system.machine.entity(thread)
        return task.pid

    async def wait(self) -> tuple[int, int]:
        """The pid and exit code of a child that has ended; (-ECHILD, 0) without any."""
        return await self.call(self._wait())

    async def _wait(self) -> tuple[int, int]:
        dead = await do_wait(self.k, self.task)
        if isinstance(dead, int):
            return dead, 0
        # A pid may have been given to another by now; the task is the child's own.
        child = next(child for child in self.children if child.task is dead)
        self.children.remove(child)
        user, system = child._cycles()
        self.cutime += user + child.cutime
        self.cstime += system + child.cstime
        self.cswitches += child._switches() + child.cswitches
        assert dead.exit_code is not None
        return dead.pid, dead.exit_code

    # What it took.

    def times(self) -> Times:
        """Up to this moment, or to its end."""
        assert self.entity is not None, "it has not been started"
        entity, seconds = self.entity, self.system.table.seconds
        ended = self.system.now if entity.ended is None else entity.ended
        user, system = self._cycles()
        return Times(
            elapsed=seconds(ended - entity.started),
            user=seconds(user),
            system=seconds(system),
            children_user=seconds(self.cutime),
            children_system=seconds(self.cstime),
            switches=self._switches() + self.cswitches,
        )

    def _cycles(self) -> tuple[int, int]:
        assert self.entity is not None
        return self.system.machine.task_times(self.entity)

    def _switches(self) -> int:
        assert self.entity is not None
        return self.entity.nvcsw + self.entity.nivcsw

    async def execve(self, filename: str, argv: list[bytes]) -> VirtAddr:
        """Become another program; its stack pointer."""
        return await self.call(self._execve(filename, argv))

    async def _execve(self, filename: str, argv: list[bytes]) -> VirtAddr:
        bprm = await prepare_exec(self.k, filename, argv)
        sp = await load_elf_binary(self.k, self.task, bprm)
        self.system.count("execs")
        return sp


Program = Callable[[User], Awaitable[int]]


def boot(
    spec: KernelSpec,
    config: Config,
    table: Table,
    seed: int = 0,
    *,
    misses: bool = False,
) -> System:
    """A kernel on a machine with clocks, its own threads running.

    `misses` says whether a step may miss the caches; which do, follows from the seed.
    """
    k = start_kernel(config, spec)
    chance = random.Random(seed)
    prices = Prices(table, chance if misses else None)
    machine = TimedMachine([], interrupt_threads(k), prices, model=k)
    system = System(k, machine, prices, chance)
    for cpu in k.cpus:
        cpu.page_fault = timed_fault(cpu.page_fault, table)
    for node in range(config.nodes):
        system.start_kernel_thread(f"kswapd{node}", kswapd(k, node), cpu=0)
    return system


def timed_fault(handler: PageFaultHandler, table: Table) -> PageFaultHandler:
    """The page-fault handler, with the exception's own cost.

    A fault in the kernel, which copies to or from a program, goes back to the kernel.
    """
    cost = table.page_fault.cycles

    async def page_fault(
        cpu: Cpu, address: VirtAddr, error_code: int, user: bool
    ) -> None:
        await enter_kernel(cost)
        await handler(cpu, address, error_code, user)
        if user:
            await return_to_user(0)

    return page_fault
