"""A process that is driven from outside: a task, and what its program does.

Linux has nothing like it: there, programs run by themselves.  Used one call at a time
by recorded cases, workloads, tests and benchmarks.  Each call runs on the process's CPU
to its end, with nobody else about.  Where processes are to run against each other, the
coroutines that these methods run are awaited instead (`kmm.kernel.syscalls`,
`Task.cpu`), or whole programs are made threads (`thread_of`, `fork_and_run`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from attrs import define

from ..hw.memory import PAGE_SIZE, VirtAddr
from ..mm.boot import run_on, run_task
from ..mm.fault import FatalSignal
from ..mm.kernel import Kernel
from ..mm.memory import OutOfMemory
from ..mm.mm_types import Mm, Task
from ..mm.mmap import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE
from ..sim.thread import KThread
from ..sim.trap import start_thread
from .exit import do_exit
from .fork import copy_process, mm_alloc
from .sched import share_cpus
from .signal import SIGKILL
from .syscalls import sys_mmap

T = TypeVar("T")

# What a program does, and the code that it exits with.
Program = Callable[[Kernel, Task], Awaitable[int]]

KILLED = 128  # what a shell adds to the number of the signal that ended a program


@define(eq=False)
class Process:
    """A task, whose calls are made from outside; none of them awaits."""

    k: Kernel
    task: Task

    @property
    def mm(self) -> Mm:
        """Its address space, which it has until it ends."""
        assert self.task.mm is not None, f"{self.task.comm} has ended"
        return self.task.mm

    def run(self, body: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine as this process, on its CPU."""
        return run_on(self.k, body, self.task.cpu.number, self.task)

    def load(self, address: VirtAddr, size: int) -> bytes:
        """Read in user mode.  Raises FatalSignal."""
        return self.run(self.task.cpu.load(address, size, user=True))

    def store(self, address: VirtAddr, data: bytes) -> None:
        """Write in user mode.  Raises FatalSignal."""
        self.run(self.task.cpu.store(address, data, user=True))

    def fetch(self, address: VirtAddr, size: int) -> bytes:
        """Execute in user mode.  Raises FatalSignal."""
        return self.run(self.task.cpu.fetch(address, size, user=True))

    def map_anonymous(self, address: VirtAddr, pages: int) -> None:
        """Map private memory to read and write, in place of what is there."""
        prot = PROT_READ | PROT_WRITE
        flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
        size = pages * PAGE_SIZE
        where = self.run(sys_mmap(self.k, self.task, address, size, prot, flags))
        assert where == address, f"nothing can be mapped at {address:#x}: {where}"

    def fork(self, cpu: int | None = None) -> Process:
        """A child, on the same CPU or another."""
        child = self.run(copy_process(self.k, self.task, cpu))
        assert isinstance(child, Task), "there is no memory for a child"
        return Process(self.k, child)

    def exit(self, code: int = 0) -> None:
        """End it; its parent, if it has one, can wait for it."""
        self.run(do_exit(self.k, self.task, code))


async def run_program(k: Kernel, task: Task, program: Program) -> None:
    """A program from its first instruction to the end of its process.

    Which exception ends what: FatalSignal and OutOfMemory end the process, which exits
    with 128 and the number of the signal (137 for want of memory).  But while the
    kernel copies to or from the program's memory (`uaccess`), both only make that a bad
    address.  Every other ModelFailure ends the run, `binfmt_elf.Killed` among them; and
    so do these two in a thread of a scenario that is not started by `thread_of`.
    """
    try:
        code = await program(k, task)
    except FatalSignal as fatal:
        code = KILLED + fatal.signal
    except OutOfMemory:
        code = KILLED + SIGKILL
    await do_exit(k, task, code)


def thread_of(k: Kernel, task: Task, program: Program) -> KThread:
    """The thread in which a process runs a program."""
    body = run_program(k, task, program)
    return KThread(task.comm, task.pid, task.cpu.number, body, task=task)


async def fork_and_run(
    k: Kernel, task: Task, program: Program, cpu: int | None = None
) -> int:
    """fork, with what the child does; the child's pid, or -ENOMEM."""
    child = await copy_process(k, task, cpu)
    if isinstance(child, int):
        return child
    await start_thread(thread_of(k, child, program))
    return child.pid


def start_process(k: Kernel, comm: str, cpu: int = 0) -> Process:
    """A process with an empty address space.  Processes may share CPUs from here on."""
    share_cpus(k)
    mm = run_on(k, mm_alloc(k), cpu)
    assert isinstance(mm, Mm), "there is no memory to start with"
    pid = max(k.tasks, default=0) + 1
    return Process(k, run_task(k, comm, pid, cpu, mm))
