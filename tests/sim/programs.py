"""Small programs for the tests of the engine, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from attrs import define, fields
from sim.traces import TracedBoot, TracedMachine

from kmm.sim.access import read_once, write_once
from kmm.sim.failure import Corruption
from kmm.sim.locks import Mutex, RwSem, SpinLock
from kmm.sim.machine import Machine, no_check
from kmm.sim.rcu import Rcu
from kmm.sim.search import Boot
from kmm.sim.strategies import RoundRobin
from kmm.sim.thread import KThread
from kmm.sim.trap import READ, WAIT, WRITE, Gate, GateOp, Op, trap

Body = Coroutine[Any, Any, object]


@define(eq=False)
class Cell:
    """A word of memory that is shared on purpose."""

    name: str
    value: int = 0

    async def read(self) -> int:
        return await read_once(self, CELL.value)

    async def write(self, value: int) -> None:
        await write_once(self, CELL.value, value)


CELL = fields(Cell)


@define(eq=False)
class Flag:
    """Something to wait for that can be taken back, unlike a wake-up."""

    name: str
    up: bool = False

    def admits(self, op: Op) -> bool:
        return self.up

    async def put(self, up: bool) -> None:
        await trap(Op(WRITE, self.name))
        self.up = up

    async def wait(self) -> None:
        await trap(GateOp(WAIT, self.name, self, sleeps=True))


class Along(GateOp):
    """A wait for what may happen to any of several objects."""

    __slots__ = ("also",)

    def __init__(self, keys: Sequence[str], gate: Gate) -> None:
        super().__init__(WAIT, keys[0], gate, sleeps=True)
        self.also = tuple((WAIT, key) for key in keys[1:])


@define(eq=False)
class Either:
    """Lets those go on who wait for the first flag that is up."""

    flags: Sequence[Flag]

    def admits(self, op: Op) -> bool:
        return any(flag.up for flag in self.flags)

    async def wait(self) -> None:
        await trap(Along([flag.name for flag in self.flags], self))


@define(eq=False)
class AllFree:
    """Lets those go on who wait for what is stored under locks, until all are free.

    As kmm.mm.swap_state does, which waits for a page or for a free slot.
    """

    locks: Sequence[Mutex]
    has_come: Callable[[], bool]

    def admits(self, op: Op) -> bool:
        return all(lock.admits(op) for lock in self.locks) and self.has_come()

    async def wait(self) -> None:
        await trap(Along([lock.name for lock in self.locks], self))


class CopyOp(Op):
    """One cell is read and another written, in one step."""

    __slots__ = ("also",)

    def __init__(self, source: Cell, to: Cell) -> None:
        super().__init__(WRITE, f"{to.name}.value")
        self.also = ((READ, f"{source.name}.value"),)


async def copy(source: Cell, to: Cell) -> None:
    await trap(CopyOp(source, to))
    to.value = source.value


def threads(*bodies: Body) -> list[KThread]:
    """Kernel threads a:1, b:2, ... on CPUs 0, 1, ..., one for each body."""
    return [KThread("abcdef"[i], i + 1, i, body) for i, body in enumerate(bodies)]


def run_in_turn(*bodies: Body, max_steps: int = 1000) -> Machine:
    """One run, in turn, to its end."""
    machine = Machine(threads(*bodies), max_steps=max_steps)
    strategy = RoundRobin()
    strategy.next_run()
    assert machine.run(strategy)
    machine.close()
    return machine


def steppers(*steps: int) -> Machine:
    """Threads of so many steps that never wait."""
    cell = Cell("cell")

    async def body(count: int) -> None:
        for _ in range(count):
            await cell.read()

    return Machine(threads(*(body(count) for count in steps)))


# What a machine is made of: threads, and what must hold once they have ended.

Parts = tuple[list[KThread], Callable[[], None]]


def traced(make: Callable[[], Parts]) -> TracedBoot:
    return lambda: TracedMachine(*make())


def untraced(make: Callable[[], Parts]) -> Boot:
    """Machines that remember nothing, for who measures how fast they are."""
    return lambda: Machine(*make())


# Programs whose traces were also counted by model checkers for C.

NONE, PRESENT, MIGRATION = 0, 1, 2
OLD, NEW = 2, 1  # where the moving page is mapped, before and after


def toy(*, fixed: bool, bystander: int = 0) -> TracedBoot:
    return traced(toy_parts(fixed=fixed, bystander=bystander))


def toy_parts(*, fixed: bool, bystander: int = 0) -> Callable[[], Parts]:
    """A page table walk against a move of what it looks for, in miniature.

    The walker makes every migration entry present again, wherever a vma says that the
    page is.  The mover takes an entry elsewhere and then says so.  `fixed`: the mover
    holds the walker's lock meanwhile.  `bystander`: a third thread takes the lock of
    the page table so many times.
    """

    def make() -> Parts:
        anon_vma, page_table_lock = SpinLock("anon_vma"), SpinLock("page_table_lock")
        first = [MIGRATION, NONE, MIGRATION, PRESENT, NONE]
        pte = [Cell(f"pte{i}", value) for i, value in enumerate(first)]
        start = [Cell("vma0.start", 0), Cell("vma1.start", OLD)]

        async def walker() -> None:
            async with anon_vma:
                for vma_start in start:
                    address = await vma_start.read()
                    async with page_table_lock:
                        if await pte[address].read() == MIGRATION:
                            await pte[address].write(PRESENT)

        async def move(old: Cell, new: Cell) -> None:
            async with page_table_lock:
                entry = await old.read()
                await old.write(NONE)
                await new.write(entry)

        async def move_and_adjust() -> None:
            await move(pte[OLD], pte[NEW])
            await start[1].write(NEW)

        async def mover() -> None:
            if fixed:
                async with anon_vma:
                    await move_and_adjust()
            else:
                await move_and_adjust()

        async def third() -> None:
            for _ in range(bystander):
                await move(pte[3], pte[4])

        def check() -> None:
            if any(entry.value == MIGRATION for entry in pte):
                raise Corruption("a migration entry survives")

        bodies = [walker(), mover()]
        if bystander:
            bodies.append(third())
        return threads(*bodies), check

    return make


def counters(*, sections: int, locks: int) -> TracedBoot:
    return traced(counter_parts(sections=sections, locks=locks))


def counter_parts(*, sections: int, locks: int) -> Callable[[], Parts]:
    """Three threads, each of which adds one to a counter `sections` times.

    There is a counter under each lock; the threads go round them, and begin apart.
    """

    def make() -> Parts:
        guards = [SpinLock(f"lock{i}") for i in range(locks)]
        cells = [Cell(f"counter{i}") for i in range(locks)]

        async def body(first: int) -> None:
            for section in range(first, first + sections):
                cell = cells[section % locks]
                async with guards[section % locks]:
                    await cell.write(await cell.read() + 1)

        return threads(*(body(i) for i in range(3))), no_check

    return make


def opposite_locks() -> TracedMachine:
    """Two locks taken in opposite orders, and a cell that two threads store to.

    Of its seven traces one is a deadlock.  A search that asks only in a deadlock what
    the waiting threads might have done instead finds six.
    """
    one, two, cell = SpinLock("one"), SpinLock("two"), Cell("cell")

    async def storer() -> None:
        await cell.write(1)

    async def forwards() -> None:
        async with one:
            async with two:
                pass
            await cell.write(2)

    async def backwards() -> None:
        async with two:
            pass
        async with two, one:
            pass

    return TracedMachine(threads(storer(), forwards(), backwards()))


# Programs of which a search lost runs, each for a reason of its own.


def looked_at_while_held() -> TracedMachine:
    """The first thread holds the lock until the second has looked at it.

    The third takes it before or after; the look always comes between the two, so it
    must not be mistaken for what the third could come before.
    """
    lock, held, looked = Mutex("lock"), Flag("held"), Flag("looked")
    order: list[str] = []

    async def holder() -> None:
        async with lock:
            order.append("holder")
            await held.put(True)
            await looked.wait()

    async def looker() -> None:
        await held.wait()
        order.append("locked" if await lock.is_locked() else "free")
        await looked.put(True)

    async def third() -> None:
        async with lock:
            order.append("third")

    bodies = holder(), looker(), third()
    return TracedMachine(threads(*bodies), observe=lambda: order)


def readers_together() -> TracedMachine:
    """Two readers that always hold the semaphore at the same time, and a writer.

    The writer cannot come between the two readers, but it can come before both.
    """
    sem, first, second = RwSem("sem"), Flag("first"), Flag("second")
    order: list[str] = []

    async def reader() -> None:
        async with sem.for_read:
            order.append("reader")
            await first.put(True)
            await second.wait()

    async def other_reader() -> None:
        await first.wait()
        async with sem.for_read:
            await second.put(True)

    async def writer() -> None:
        async with sem.for_write:
            order.append("writer")

    bodies = reader(), other_reader(), writer()
    return TracedMachine(threads(*bodies), observe=lambda: order)


def late_reader() -> TracedMachine:
    """A read section that may begin after the grace period has: then it delays nothing.

    The end of a section lets a waiter go on only if the waiter had to wait for it.
    """
    rcu, pointer = Rcu(), Cell("pointer")
    seen: list[int] = []

    async def updater() -> None:
        await rcu.synchronize()
        await pointer.write(1)

    async def reader() -> None:
        async with rcu:
            seen.append(await pointer.read())

    bodies = updater(), reader()
    return TracedMachine(threads(*bodies), observe=lambda: seen)


def one_failure_before_another() -> TracedMachine:
    """The first thread always fails; the second may have failed before it."""
    cell, other = Cell("cell"), Cell("other")

    async def fails() -> None:
        await cell.write(1)
        raise Corruption("the first")

    async def fails_if_early() -> None:
        await other.write(1)
        if await cell.read() == 0:
            raise Corruption("the second")

    return TracedMachine(threads(fails(), fails_if_early()))


# Programs whose steps touch more than one object.


def copied_or_stored() -> TracedMachine:
    """A cell is copied to another; its value is stored anew before that, or after."""
    cell, to = Cell("cell"), Cell("to")

    async def copier() -> None:
        await copy(cell, to)

    async def storer() -> None:
        await cell.write(1)

    return TracedMachine(threads(copier(), storer()), observe=lambda: to.value)


def either_flag() -> TracedMachine:
    """Who waits for one of two flags goes on with the first, or with both up."""
    flags, cell, seen = [Flag("one"), Flag("other")], Cell("cell"), list[int]()

    async def waiter() -> None:
        await Either(flags).wait()
        seen.append(await cell.read())

    async def raiser(number: int) -> None:
        await flags[number].put(True)
        await cell.write(number + 1)

    bodies = waiter(), raiser(0), raiser(1)
    return TracedMachine(threads(*bodies), observe=lambda: seen)


def stored_under_either_lock() -> TracedMachine:
    """Something is stored under a lock, which nobody announces, and waited for.

    As a page is put into the swap cache, or a slot given back: it may be either lock
    under which that is seen.
    """
    locks, cell = [Mutex("one"), Mutex("other")], Cell("cell")
    stored: list[int] = []
    seen: list[tuple[int, int]] = []

    async def waiter() -> None:
        await AllFree(locks, lambda: bool(stored)).wait()
        seen.append((len(stored), await cell.read()))

    async def storer(number: int) -> None:
        async with locks[number]:
            stored.append(number)
            await cell.write(number + 1)

    bodies = waiter(), storer(0), storer(1)
    return TracedMachine(threads(*bodies), observe=lambda: seen)
