"""mmap: 1 to 4 threads or processes that do little but change their mappings.

A loop maps some memory, writes to part of it and unmaps it; takes a page's right to be
written in the midst of a larger mapping, which cuts that in three, and gives it back,
which makes it one again.

They are threads of one process, which wait for one mmap_sem, and each has its part of
the address space; or they are processes that a server has forked, as it does for its
clients, and the larger mapping is the server's, so that its VMA has two anon_vmas: one
of their own, and the server's, which is the same for all; or the server is the last of
a line of forks, and it has as many as these are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from attrs import define, field

from ..hw.memory import PAGE_SIZE, VirtAddr
from ..kernel.syscalls import sys_mprotect, sys_munmap, user_mm
from ..mm.mm_types import Task
from ..mm.mmap import PROT_READ, PROT_WRITE
from .benchmark import (
    CPUS,
    Conditions,
    Result,
    machine_for,
    per_operation,
    run_to_the_end,
)
from .comparison import (
    MILLISECONDS,
    AnonVmaWork,
    Comparison,
    Measure,
    tally_of,
    watched,
    work_done,
)
from .program import fill
from .userland import Program, System, User

DURATION = 0.000_3  # seconds
STARTING = 0.000_050  # until all have begun

AREA = VirtAddr(0x7F00_0000_0000)  # the first one's; those of threads lie further up
APART = 1 << 30
DEEP = 10  # forks from the first process to those that are measured
PAGES = 8  # of the larger mapping
CUT = 4  # its page that is changed
FRESH, WRITTEN = 4, 2  # pages that are mapped in each loop, and that are written to


@define
class Rates:
    """What they say at their ends."""

    duration: float  # seconds
    work: AnonVmaWork
    rate: float = 0.0  # loops a millisecond, of all together
    loops: int = 0
    counts: dict[str, float] = field(factory=dict)  # for each loop; of the last one


def mmapload(test: str, conditions: Conditions, duration: float = DURATION) -> Result:
    """So many as the test's name says.  Raises RunFailed, TakesTooLong."""
    figures: dict[str, float] = {}
    counts: dict[str, float] = {}
    for name, start in STARTS.items():
        with machine_for(conditions) as system:
            rates = Rates(duration, watched(system))
            start(system, int(test), rates)
            run_to_the_end(system, f"mmap by {test} {name}")
        figures[name] = rates.rate
        counts |= {f"{name}: {what}": number for what, number in rates.counts.items()}
    return Result(figures, counts)


def start_threads(system: System, number: int, rates: Rates) -> None:
    """Threads of one process, on a CPU each."""
    first = system.start("threads", mapping_and_loops(AREA, rates), cpu=0)
    mm = user_mm(first.task)
    for cpu in range(1, number):
        pid = max(system.k.tasks) + 1
        task = Task("threads", pid, system.k.cpus[cpu], mm, mm)
        system.k.tasks[pid] = task
        mm.mm_users += 1
        user = User(system, task)
        area = VirtAddr(AREA + cpu * APART)
        thread = user.thread(mapping_and_loops(area, rates))
        system.machine.add(thread)
        user.entity = system.machine.entity(thread)


def mapping_and_loops(area: VirtAddr, rates: Rates) -> Program:
    async def program(user: User) -> int:
        await user.mmap(PAGES, area)
        await fill(user, area, PAGES)
        return await loops(user, area, rates)

    return program


def start_children(system: System, number: int, rates: Rates, depth: int = 1) -> None:
    """A server, which sleeps, and its children, on a CPU each.

    With more depth the server is itself the last of a line of children.
    """

    async def child(user: User) -> int:
        await fill(user, AREA, PAGES)
        return await loops(user, AREA, rates)

    def server(above: int) -> Program:
        async def program(user: User) -> int:
            await fill(user, AREA, PAGES)
            if above:
                return await parent(user, [server(above - 1)])
            return await parent(user, [child] * number)

        return program

    async def first(user: User) -> int:
        await user.mmap(PAGES, AREA)
        return await server(depth - 1)(user)

    system.start("server", first, cpu=0)


async def parent(user: User, programs: list[Program]) -> int:
    """Fork children, on a CPU each, and wait for them."""
    for cpu, program in enumerate(programs):
        assert await user.fork(program, cpu) > 0
    for _ in programs:
        await user.wait()
    return 0


async def loops(user: User, area: VirtAddr, rates: Rates) -> int:
    """For so long; the rate is added to the others'."""
    system, done = user.system, 0
    await user.sleep(system.table.cycles(STARTING))
    began, before, others = system.now, work_done(system, rates.work), rates.loops
    while system.now - began < system.table.cycles(rates.duration):
        await loop(user, area)
        done += 1
        rates.loops += 1
    elapsed = system.table.seconds(system.now - began)
    rates.rate += done / (MILLISECONDS * elapsed)
    work = work_done(system, rates.work)
    rates.counts = per_operation(before, work, rates.loops - others)
    return 0


async def loop(user: User, area: VirtAddr) -> None:
    k, task = user.k, user.task
    fresh = await user.mmap(FRESH)
    await fill(user, fresh, WRITTEN)
    assert await user.call(sys_munmap(k, task, fresh, FRESH * PAGE_SIZE)) == 0
    page = VirtAddr(area + CUT * PAGE_SIZE)
    for prot in (PROT_READ, PROT_READ | PROT_WRITE):
        assert await user.call(sys_mprotect(k, task, page, PAGE_SIZE, prot)) == 0


WHO = {
    "threads": "threads of one process",
    "children": "children of a server",
    "deep": f"children {DEEP} forks deep",
}
STARTS: Mapping[str, Callable[[System, int, Rates], None]] = {
    "threads": start_threads,
    "children": start_children,
    "deep": partial(start_children, depth=DEEP),
}

MMAP = Comparison(
    name="mmap",
    question="rmap-walk",
    tests=tuple(str(n) for n in range(1, CPUS + 1)),
    across="at a time",
    measures=tuple(
        Measure(name, who, "loops a ms", "higher", 1) for name, who in WHO.items()
    ),
    run=mmapload,
    tallies=tuple(tally_of(name, f"one loop, {who}") for name, who in WHO.items()),
)
