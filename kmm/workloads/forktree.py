"""forktree: moving a page, and giving one up, in a family of 1 to 1000 processes.

A server writes to some pages and forks so many clients, each of which writes to some
of its own.  Then a kernel thread takes some pages, one after the other: it migrates one
that the last client alone has, the same once more, and one that all have; and it gives
two such pages up, as reclaim does: a look at who has used the page, then it is unmapped
and written to swap.  Nobody else is about.

After that three of the clients, on the other three CPUs, take a page's right to be
written and give it back, again and again, which changes VMAs.  While they do, the
thread migrates eight pages of the last client, and one that all have eight times over.

Times are those of its CPU: a disk's are not in them, what it spins for a lock is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from statistics import fmean

from attrs import define, evolve, field, frozen

from ..hw.memory import PAGE_SIZE, VirtAddr
from ..kernel.syscalls import sys_mprotect, user_mm
from ..mm.gfp import GFP_HIGHUSER_MOVABLE
from ..mm.kernel import Kernel
from ..mm.migrate import migrate_pages, migrate_prep
from ..mm.mm_types import Page, Task
from ..mm.mmap import PROT_READ, PROT_WRITE
from ..mm.page_alloc import alloc_page
from ..mm.pgtable import find_pte, pte_pfn, pte_present
from ..mm.rmap import page_referenced
from ..mm.vmscan import (
    count_isolated,
    isolate_lru_page,
    putback_lru_page,
    shrink_page_list,
)
from ..sim.clock import sleep
from .benchmark import (
    CPUS,
    MACHINE,
    Conditions,
    Result,
    TakesTooLong,
    check,
    machine_for,
)
from .comparison import MICROSECONDS, MILLISECONDS, Comparison, Measure
from .counting import Counts
from .program import fill
from .userland import Program, System, User

CHILDREN = (1, 10, 100, 1000)
# A thousand processes have some eight frames each.
LARGER = evolve(MACHINE, frames=16384, swap_slots=64)

AREA = VirtAddr(0x7F00_0000_0000)
BUSY = 3  # clients that change VMAs
ROUNDS = 8  # migrations meanwhile

# Its pages.  First the server's, which all have; then each client's own; then more of
# the last client's; then one that nobody has, and behind it others of that kind.
MIGRATED, RECLAIMED, OWN_MIGRATED, OWN_RECLAIMED, LAST_CLIENTS = range(5)
CHANGED = LAST_CLIENTS + ROUNDS
PAGES = CHANGED + 3
MOMENT = 0.000_02  # seconds between two looks at whether it is time
FOREVER = 60.0  # seconds


@define
class Family:
    """The server and its clients, and what was found out about them."""

    children: int
    last: Task | None = None  # of the clients
    forked: int = 0
    is_busy: bool = False
    is_over: bool = False
    changes: int = 0  # of VMAs, by the busy ones
    figures: dict[str, float] = field(factory=dict)
    counts: dict[str, float] = field(factory=dict)


def forktree(test: str, conditions: Conditions) -> Result:
    """So many clients as the test's name says.  Raises RunFailed, TakesTooLong."""
    family = Family(int(test))
    with machine_for(conditions, LARGER) as system:
        system.start("server", server(family), cpu=0)
        go_on_until(system, lambda: family.forked == family.children, test)
        measuring = Measuring(system, family, Counts(len(system.machine.threads)))
        system.machine.watchers.append(measuring.counted)
        system.start_kernel_thread("migration", measuring.all_of_it(), cpu=0)
        go_on_until(system, lambda: family.is_over, test)
    return Result(family.figures, family.counts)


def go_on_until(system: System, is_so: Callable[[], bool], what: str) -> None:
    """Raises RunFailed and TakesTooLong."""
    table, machine = system.table, system.machine
    while not is_so():
        if machine.at > table.cycles(FOREVER / 2):
            raise TakesTooLong(f"{what} takes longer than {FOREVER / 2:.0f} virtual s")
        machine.run_until(machine.at + table.cycles(10 * MOMENT))
        check(system, what)


# The programs.


def server(family: Family) -> Program:
    async def program(user: User) -> int:
        await user.mmap(PAGES, AREA)
        for page in (MIGRATED, RECLAIMED):
            await user.touch(address(page))
        for number in range(family.children):
            cpu = 1 + number % (CPUS - 1)
            assert await user.fork(client(family, number), cpu) > 0
        return await for_ever(user)

    return program


def client(family: Family, number: int) -> Program:
    async def program(user: User) -> int:
        for page in (OWN_MIGRATED, OWN_RECLAIMED):
            await user.touch(address(page))
        if number == family.children - 1:
            await fill(user, address(LAST_CLIENTS), ROUNDS)
            family.last = user.task
        family.forked += 1
        if number >= BUSY:
            return await for_ever(user)
        while not family.is_busy:
            await user.sleep(user.system.table.cycles(MOMENT))
        while not family.is_over:
            await change(user, PROT_READ)
            await change(user, PROT_READ | PROT_WRITE)
            family.changes += 2
        return 0

    return program


async def for_ever(user: User) -> int:
    await user.sleep(user.system.table.cycles(2 * FOREVER))
    return 0


async def change(user: User, prot: int) -> None:
    where = address(CHANGED)
    error = await user.call(sys_mprotect(user.k, user.task, where, PAGE_SIZE, prot))
    assert error == 0, f"mprotect: {error}"


def address(page: int) -> VirtAddr:
    """Where the page with this number of the area is."""
    return VirtAddr(AREA + page * PAGE_SIZE)


# The kernel thread.


@frozen
class Measuring:
    """A kernel thread that does things to pages, one at a time, and times itself."""

    system: System
    family: Family
    counted: Counts  # of the thread's own steps

    @property
    def k(self) -> Kernel:
        return self.system.k

    async def all_of_it(self) -> None:
        await migrate_prep(self.k)  # no page waits in a pagevec
        await self.measure("migrate own", migrate, OWN_MIGRATED)
        await self.measure("migrate again", migrate, OWN_MIGRATED)
        await self.measure("migrate all", migrate, MIGRATED)
        await self.measure("reclaim own", reclaim, OWN_RECLAIMED)
        await self.measure("reclaim all", reclaim, RECLAIMED)
        await self.measure_with_others()
        self.family.is_over = True

    async def measure_with_others(self) -> None:
        """While others change VMAs: the mean of some rounds, and what they achieve."""
        family, system = self.family, self.system
        family.is_busy = True
        await sleep(system.table.cycles(2 * MOMENT))
        pages = range(LAST_CLIENTS, LAST_CLIENTS + ROUNDS)
        await self.measure_mean("busy own", pages)
        began, changes = system.now, family.changes
        await self.measure_mean("busy all", [MIGRATED] * ROUNDS)
        seconds = system.table.seconds(system.now - began)
        changes = family.changes - changes
        family.figures["changes"] = changes / (MILLISECONDS * seconds)

    async def measure_mean(self, name: str, pages: Sequence[int]) -> None:
        """As `measure`, of one page after the other."""
        figures, counts = self.family.figures, self.family.counts
        times, looks = [], []
        for page in pages:
            await self.measure(name, migrate, page)
            times.append(figures[name])
            looks.append(counts[looks_of(name)])
        figures[name] = fmean(times)
        counts[looks_of(name)] = fmean(looks)

    async def measure(
        self, name: str, what: Callable[[Kernel, Page], Awaitable[None]], page: int
    ) -> None:
        """Do it to a page of the last client's; note the time and the looks at VMAs."""
        isolated = await self.isolated(page)
        counted = self.counted
        began, vmas = self.cpu_time(), counted.vmas_visited
        await what(self.k, isolated)
        seconds = self.system.table.seconds(self.cpu_time() - began)
        self.family.figures[name] = MICROSECONDS * seconds
        self.family.counts[looks_of(name)] = counted.vmas_visited - vmas

    async def isolated(self, page: int) -> Page:
        task = self.family.last
        assert task is not None
        ptep = await find_pte(self.k, user_mm(task), address(page))
        assert ptep is not None
        assert pte_present(ptep.value)
        found = self.k.mem_map[pte_pfn(ptep.value)]
        await migrate_prep(self.k)
        assert await isolate_lru_page(self.k, found)
        count_isolated(found, +1)
        return found

    def cpu_time(self) -> int:
        """Cycles that the thread has had."""
        machine = self.system.machine
        entity = machine.entities[self.counted.thread]
        user, system = machine.task_times(entity)
        return user + system


async def migrate(k: Kernel, page: Page) -> None:
    """As compaction does; the page is isolated."""

    async def new_page(k: Kernel, page: Page) -> Page | None:
        return await alloc_page(k, GFP_HIGHUSER_MOVABLE)

    stayed = await migrate_pages(k, [page], new_page)
    assert stayed == 0, f"the page stayed: {stayed}"


async def reclaim(k: Kernel, page: Page) -> None:
    """A look at who has used it, as when it goes to the inactive list; then the end."""
    await page_referenced(k, page, is_locked=False)
    for survivor in await shrink_page_list(k, [page]):
        await putback_lru_page(k, survivor)
        raise AssertionError(f"{survivor} was not given up")


def looks_of(name: str) -> str:
    """How often the bounds of a VMA were read for a figure: its name."""
    return f"{name}: looks"


def time_of(name: str, title: str) -> Measure:
    return Measure(name, title, "µs", "lower", 2, (looks_of(name), "looks at VMAs"))


FORKTREE = Comparison(
    name="forktree",
    question="rmap-walk",
    tests=tuple(map(str, CHILDREN)),
    across="children",
    measures=(
        time_of("migrate own", "one child's page migrates"),
        time_of("migrate again", "the same page migrates again"),
        time_of("migrate all", "a page that all have migrates"),
        time_of("reclaim own", "one child's page is reclaimed"),
        time_of("reclaim all", "a page that all have is reclaimed"),
        time_of("busy own", "one child's page migrates while others change VMAs"),
        Measure(
            "changes",
            "changes of VMAs while a page of all migrates",
            "changes a ms",
            "higher",
            0,
        ),
    ),
    run=forktree,
)
